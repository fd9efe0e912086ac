"""A test whose program is missing is skipped with the package to install, and fails in CI, which installs them all."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.programs import PACKAGES, STRICT

CI = ROOT / ".ci" / "run"
TESTS = """
import pytest
from tests.programs import PACKAGES
PACKAGES["no-such-program"] = "no-such-package"

@pytest.mark.requires("no-such-program", "sh")
def test_with_it(): pass

@pytest.mark.requires("sh")
def test_with_another(): pass
"""


@pytest.mark.parametrize(
    ("environment", "status", "counts"), [({}, 0, "1 passed, 1 skipped"), ({STRICT: "1"}, 1, "1 passed, 1 error")]
)
def test_a_missing_program_is_a_skip_and_in_ci_a_failure(tmp_path, environment, status, counts):
    (tmp_path / "test_it.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-c", "/dev/null", "--rootdir", str(tmp_path)]
    command += ["-p", "tests.programs", "-p", "no:cacheprovider", str(tmp_path)]
    kept = {name: value for name, value in os.environ.items() if name != STRICT and not name.startswith("PYTEST_")}
    done = subprocess.run(
        command, cwd=ROOT, env=kept | {"PYTHONPATH": str(ROOT)} | environment, capture_output=True, text=True
    )
    assert done.returncode == status
    assert counts in done.stdout
    assert "needs no-such-program on the path (Debian: apt-get install no-such-package)" in done.stdout


def test_ci_installs_what_the_default_tests_ask_for():
    """Those that slow tests alone ask for are left out."""
    slow = {"buildah", "debootstrap", "ip", "munged", "sbatch", "sinfo", "slurmctld", "slurmd", "srun", "prometheus"}
    [listed] = re.findall(r"^packages=\(([^)]*)\)", CI.read_text(), re.MULTILINE)
    assert set(listed.split()) == {f"[{name}]={PACKAGES[name]}" for name in PACKAGES.keys() - slow}
    assert f"export PIP_NO_CACHE_DIR=1 {STRICT}=1" in CI.read_text()
