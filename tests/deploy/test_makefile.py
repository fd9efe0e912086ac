"""`make` finds a Python that fits, and makes an environment that does not depend on what lies on the machine."""

import os
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT

FITS = '#!/bin/sh\nexec "{python}" "$@"\n'
FAILS = "#!/bin/sh\nexit 127\n"  # a shim of pyenv for a version that is not chosen
OLD = '#!/bin/sh\n[ "$1" = -c ] && exec "{python}" -c "import sys; sys.version_info = (3, 9, 0); $2"\nexit 3\n'


@pytest.fixture
def make(tmp_path):
    """Run `make .venv-works` with these programs in front of the path, and return what came of it."""

    def run(**programs):
        for name, text in programs.items():
            (tmp_path / name).write_text(text.format(python=sys.executable))
            (tmp_path / name).chmod(0o755)
        for tool in ("sh", "cat", "cksum", "cut"):
            (tmp_path / tool).symlink_to(shutil.which(tool))
        command = [shutil.which("make"), "--no-print-directory", ".venv-works", f"VENV={tmp_path}/venv"]
        return subprocess.run(command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True)

    return run


def test_the_first_python_that_fits_makes_the_environment(make, tmp_path):
    done = make(**{"python3.11": FAILS, "python3.12": OLD, "python3.13": FITS, "python3": FAILS})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "venv/bin/pip").exists()


@pytest.mark.slow
def test_an_environment_that_was_cut_short_is_made_again(make, tmp_path):
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/bin/python").symlink_to("/nowhere/python3.11")
    assert make(python3=FITS).returncode == 0
    assert (tmp_path / "venv/bin/pip").exists()


def test_no_python_that_fits_is_one_clear_line(make):
    done = make(**{"python3.11": FAILS, "python3": OLD})
    assert done.returncode == 2
    line, end = done.stderr.splitlines()
    assert line == (
        "error: found no Python 3.11 to 3.13 with venv as: python3.11 python3.12 python3.13 python3; "
        "install one (Debian: apt-get install python3-venv) or name it: make PYTHON=/path/to/python"
    )
    assert end.startswith("make: *** ")


def test_what_is_installed_and_built_is_pinned():
    """pip first: that version builds source packages as wheels, whatever is in its cache."""
    command, env = ["make", "-n", "install", "VENV=.nowhere"], {"PATH": os.environ["PATH"]}
    plan = subprocess.check_output(command, cwd=ROOT, env=env, text=True).splitlines()
    pip, project = [line.partition(" -m pip install --quiet ")[2] for line in plan if " -m pip install " in line]
    assert pip == "--constraint constraints.txt --upgrade pip"
    assert project == "--constraint constraints.txt --build-constraint constraints.txt --editable '.[dev]'"
