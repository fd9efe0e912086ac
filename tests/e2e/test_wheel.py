"""The wheel alone, in an empty folder: train, package and serve."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@pytest.mark.timeout(600)
def test_the_wheel_works_in_an_empty_folder(tmp_path):
    """The wheel stands in a folder of its own that comes before the checkout; the other packages are shared."""
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)], check=True)
    [wheel] = tmp_path.glob("*.whl")
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True)
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def sentiment(*arguments):
        subprocess.run([sys.executable, "-m", "sentiment", *arguments], cwd=empty, env=environment, check=True)

    sentiment("train", "debug=fast", "run_name=first")
    sentiment("package", "run=outputs/first")
    ports = ",".join(map(str, free_ports(3)))
    sentiment("demo", f"ports=[{ports}]", "overrides=['debug=fast']")
    assert (empty / "model_store" / "sentiment.mar").is_file()
    where = subprocess.check_output(
        [sys.executable, "-c", "from sentiment.config.resources import bundled; print(bundled('conf'))"],
        cwd=empty,
        env=environment,
        text=True,
    )
    assert where.startswith(str(site))
