"""A pytest plugin for programs that tests run and pip does not bring: `@pytest.mark.requires("chromium")`."""

import os
import shutil

import pytest

# Debian's package of each. .ci/run installs those that tests outside `slow` ask for.
PACKAGES = {
    "buildah": "buildah",
    "chromium": "chromium",
    "curl": "curl",
    "debootstrap": "debootstrap",
    "ip": "iproute2",
    "munged": "munge",
    "nginx": "nginx-light",
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "sbatch": "slurm-client",
    "sinfo": "slurm-client",
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "srun": "slurm-client",
}
OTHER_NAMES = {"chromium": ("chromium-browser", "google-chrome")}
STRICT = "REQUIRE_PROGRAMS"  # set by .ci/run: what is skipped because a program is missing was not tested


def find(program: str) -> str | None:
    """Return the path of a program, of one in /usr/sbin too."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
    names = (program, *OTHER_NAMES.get(program, ()))
    return next((place for name in names if (place := shutil.which(name, path=path))), None)


def pytest_configure(config: pytest.Config) -> None:
    line = f"requires(*programs): skip where one of these is missing; fail where {STRICT} is set"
    config.addinivalue_line("markers", line)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    programs = dict.fromkeys(name for marker in item.iter_markers("requires") for name in marker.args)
    packages = {name: PACKAGES[name] for name in programs if find(name) is None}
    if packages:
        install = " ".join(dict.fromkeys(packages.values()))
        reason = f"needs {', '.join(packages)} on the path (Debian: apt-get install {install})"
        if os.environ.get(STRICT):
            pytest.fail(f"{reason}; {STRICT} is set, so this is no skip", pytrace=False)
        pytest.skip(reason)
