"""The wheel alone: the client in an empty environment; train, package and serve in an empty folder."""

import json
import os
import subprocess
import sys
import venv

import pytest

from tests.conftest import ROOT
from tests.ports import free_ports

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
MOST_BYTES = 60e6
ASK = """
import asyncio, json, sys
from sentiment import AsyncClient, Client

url, key_file, texts = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with Client(url=url, key_file=key_file) as client:
    labels = [one.label for one in client.predict(texts)]


async def ask():
    async with AsyncClient(url=url, key_file=key_file) as client:
        return [one.label for one in await client.predict(texts)]


assert asyncio.run(ask()) == labels
assert not {"torch", "gradio", "hydra", "numpy"} & set(sys.modules)
print(json.dumps(labels))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], check=True)
    [made] = folder.glob("*.whl")
    return made


@pytest.mark.timeout(600)
def test_the_client_works_in_an_empty_environment_of_less_than_60_mb(wheel, spare, tiny_local, tmp_path):
    """Without an extra: no torch, no Gradio, no Java. The server is a real one, of a real handler."""
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    before = size(tmp_path / "venv")
    install = [python, "-m", "pip", "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel]
    subprocess.run(install, check=True)
    assert size(tmp_path / "venv") - before < MOST_BYTES
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*arguments):
        command = [str(argument) for argument in (python, *arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    texts = ["good film", "bad meal", "a phone"]
    asked = run("-c", ASK, spare.url, spare.key_file, json.dumps(texts))
    assert asked.returncode == 0, asked.stderr
    assert json.loads(asked.stdout) == [one.label for one in tiny_local.predict(texts)]
    addresses = [
        f"server={spare.url}",
        f"management_url={spare.address('management')}",
        f"paths.key_file={spare.key_file}",
    ]
    ready = run("-m", "sentiment", "ready", *addresses)
    assert ready.returncode == 0, ready.stderr
    predict = run("-m", "sentiment", "predict", "run=a", "input=a.csv", "output=b.csv")
    assert predict.stderr.splitlines()[-1].endswith("; pip install 'bert-sentiment[model,tables]'")
    assert predict.returncode == 2


def size(folder):
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@pytest.mark.timeout(600)
def test_the_wheel_works_in_an_empty_folder(wheel, tmp_path_factory):
    """The wheel stands in a folder of its own that comes before the checkout; the other packages are shared."""
    folder = tmp_path_factory.mktemp("whole")  # short: sockets have paths of 107 bytes at most
    site, empty = folder / "site", folder / "empty"
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
