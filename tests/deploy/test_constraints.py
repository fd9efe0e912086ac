"""constraints.txt and the images' locks hold what is installed, all of it and nothing else; `make lock` writes them."""

from importlib.metadata import distribution, version

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import ROOT
from tests.deploy.files import IMAGES
from tests.deploy.pins import EXTRAS, GROUPS, PROJECT, PYPROJECT, asked_by, closure, declared, names, pins

CONSTRAINTS = pins(ROOT / "constraints.txt")
INSTALLED = closure([*PROJECT["dependencies"], *declared("dev")])
LINES = sorted({*PROJECT["dependencies"], *declared(*EXTRAS), *sum(GROUPS.values(), [])})
EXACT = {"ruff"}  # its formatter changes from release to release
OPEN = {"setuptools", "types-psutil", "types-pyyaml"}  # numbered by date or often, of the build and of mypy alone
BUILDS = [line.split() for line in (ROOT / "deploy/torch-builds.txt").read_text().splitlines() if line[0] != "#"]


def test_all_that_is_installed_is_pinned():
    """What fails here is added by `make lock`, or is another version than the pinned one: `make install`."""
    installed = {name: Version(version(name)).public for name in INSTALLED}
    assert installed == {name: pin.version for name, pin in CONSTRAINTS.items() if name in installed}


def test_all_that_is_installed_was_a_wheel():
    """Where pip has no wheel in its cache and builds none, a source package is installed with another list of files."""
    assert {name for name in INSTALLED if distribution(name).read_text("WHEEL") is None} == set()


@pytest.mark.parametrize("line", LINES)
def test_a_requirement_is_a_range_that_holds_the_pin(line):
    """Exact versions are in constraints.txt alone."""
    wanted = Requirement(line)
    operators = {specifier.operator for specifier in wanted.specifier}
    assert operators == {">=", "<"} or wanted.name in EXACT | OPEN
    assert wanted.specifier.contains(CONSTRAINTS[canonicalize_name(wanted.name)].version)


def test_the_build_system_is_one_of_the_build_group():
    assert set(PYPROJECT["build-system"]["requires"]) <= set(GROUPS["build"])


def test_every_pin_is_asked_for():
    """By the project, an extra or a group, or by a pinned package that says so where it is installed."""
    reached = {"bert-sentiment"}
    todo = dict(CONSTRAINTS)
    while new := {name for name, pin in todo.items() if pin.via & reached}:
        reached |= new
        todo = {name: pin for name, pin in todo.items() if name not in new}
    assert not todo
    for name, pin in CONSTRAINTS.items():
        for asker in pin.via - {"bert-sentiment", "torch"}:  # the builds of torch ask for different packages
            asked = asked_by(asker)
            assert asked is None or name in asked, f"{asker} does not ask for {name}; run make lock"


@pytest.mark.parametrize("image", IMAGES)
def test_a_lock_holds_all_that_an_image_installs_at_the_pinned_versions(image):
    lock = pins(ROOT / f"deploy/{image}.lock")
    assert closure([*PROJECT["dependencies"], *declared(image)]) <= set(lock)
    assert {name: pin.version for name, pin in lock.items()} == {name: CONSTRAINTS[name].version for name in lock}
    assert all(pin.hashes for pin in lock.values())


def test_the_locks_build_with_what_pyproject_builds_with():
    lock = pins(ROOT / "deploy/build.lock")
    assert {name: pin.version for name, pin in lock.items()} == {name: CONSTRAINTS[name].version for name in lock}
    assert names(GROUPS["build"]) <= set(lock)
    assert all(pin.hashes for pin in lock.values())


def test_the_serve_image_may_install_every_listed_build_of_torch():
    torch = pins(ROOT / "deploy/serve.lock")["torch"]
    assert {digest for digest, _ in BUILDS} < torch.hashes
    text = (ROOT / "deploy/serve.lock").read_text()
    assert [text.count(digest) for digest, _ in BUILDS] == [1] * len(BUILDS)
    assert {wheel.split("-")[1].partition("+")[0] for _, wheel in BUILDS} == {torch.version}
    assert {wheel.rpartition("_2_28_")[2] for _, wheel in BUILDS} == {"x86_64.whl", "aarch64.whl"}


def test_no_file_names_an_index():
    for path in (ROOT / "constraints.txt", *(ROOT / "deploy").glob("*.lock"), *(ROOT / "deploy").glob("*.txt")):
        assert "://" not in path.read_text(), path


def test_the_supported_pythons_are_named_alike():
    supported = [minor for minor in range(30) if f"3.{minor}" in SpecifierSet(PROJECT["requires-python"])]
    name = "Programming Language :: Python :: 3."
    assert [int(line[len(name) :]) for line in PROJECT["classifiers"] if line.startswith(name)] == supported
    tried = [f"python3.{minor}" for minor in supported]
    assert f"{' '.join(tried)} python3)" in (ROOT / "Makefile").read_text()
