"""The wheel alone, in an empty folder: train, package and serve."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.mark.timeout(600)
def test_the_wheel_works_in_an_empty_folder(tmp_path):
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)], check=True)
    [wheel] = tmp_path.glob("*.whl")
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    site = Path(
        subprocess.check_output([python, "-c", "import site; print(site.getsitepackages()[0])"], text=True).strip()
    )
    for package in Path(sysconfig.get_paths()["purelib"]).iterdir():  # the same pinned packages, ours left out
        if (
            not package.name.startswith(("bert_sentiment", "_bert_sentiment", "_editable", "pip", "setuptools"))
            and not (site / package.name).exists()
        ):
            (site / package.name).symlink_to(package)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", str(wheel)], check=True)
    empty = tmp_path / "empty"
    empty.mkdir()
    environment = {**os.environ, "PYTHONPATH": ""}

    def sentiment(*arguments):
        return subprocess.run([python, "-m", "sentiment", *arguments], cwd=empty, env=environment, check=True)

    sentiment("train", "debug=fast", "run_name=first")
    sentiment("package", "run=outputs/first")
    ports = ",".join(map(str, free_ports(3)))
    sentiment("demo", f"ports=[{ports}]", "overrides=['debug=fast']")
    assert (empty / "model_store" / "sentiment.mar").is_file()
    where = subprocess.check_output([python, "-c", "import sentiment; print(sentiment.__file__)"], cwd=empty, text=True)
    assert str(tmp_path) in where
