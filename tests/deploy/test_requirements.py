"""An image installs what its commands import and no more; these lists stay true."""

import os
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT
from tests.deploy.files import IMAGES, requirements
from tests.deploy.pins import PROJECT, closure
from tests.ports import free_ports

IMPORTS = {
    "serve": (
        "import ts.model_server, ts.model_service_worker\n"
        "import runpy; runpy.run_path('handlers/sentiment_handler.py')\n"
        "main(['serve', 'model_store=/nowhere'])"
    ),
    "ui": (
        "import socket; taken = socket.socket(); taken.bind(('127.0.0.1', 0))\n"
        "main(['ui', f'port={taken.getsockname()[1]}'])"
    ),
}
SAYS = {"serve": "holds no .mar archive", "ui": "Address already in use"}


@pytest.mark.parametrize("image", IMAGES)
def test_each_is_a_dependency_of_the_project_without_a_pin_of_its_own(image):
    assert set(requirements(image)) <= {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}


@pytest.fixture
def installed(tmp_path):
    """Make a folder that holds, as links, what pip would install of this environment for an image, and no more."""

    def install(image):
        for name in closure(requirements(image)):
            tops = {file.parts[0] for file in distribution(name).files or []} - {"..", "__pycache__"}
            for top in tops:
                target, link = Path(distribution(name).locate_file(top)), tmp_path / top
                if target.exists() and not link.is_symlink():  # a list of files may name what was only built from
                    link.symlink_to(target)
        return tmp_path

    return install


@pytest.mark.parametrize("image", IMAGES)
def test_the_commands_of_an_image_import_nothing_else(image, installed):
    path = os.pathsep.join([str(installed(image)), str(ROOT / "src")])
    done = subprocess.run(
        [sys.executable, "-S", "-c", "from sentiment.cli import main\n" + IMPORTS[image]],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert SAYS[image] in done.stderr
    assert "Traceback" not in done.stderr
    assert "Warning" not in done.stderr


def test_the_health_check_imports_neither_torch_nor_transformers():
    """It runs every half minute: a second of processor is what it may take."""
    [port] = free_ports(1)
    code = (
        "import sys\nfrom sentiment.cli import main\n"
        f"try: main(['ready', 'engine.url=http://127.0.0.1:{port}', 'management_url=null'])\n"
        "except SystemExit as end: print(end.code, *sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split() == ["1"]
