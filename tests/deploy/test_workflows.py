"""The workflows of GitHub and the hooks of pre-commit call what a person calls: targets of make, tools of .venv."""

import os
import re
import subprocess
import tomllib

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.files import installed
from tests.programs import find

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yaml"))
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
SETUP = {"actions/checkout@v4", "actions/setup-python@v5"}


def jobs(path):
    return yaml.safe_load(path.read_text())["jobs"].values()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_fits_the_schema(path):
    command = [installed("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actionlint_finds_nothing(path):
    if (program := find("actionlint")) is None:
        pytest.skip("actionlint is not on the path; pre-commit runs it too")
    done = subprocess.run([program, str(path)], capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_make_and_nothing_else(path):
    for job in jobs(path):
        assert {step["uses"] for step in job["steps"] if "uses" in step} == SETUP
        calls = [step["run"] for step in job["steps"] if "run" in step]
        assert calls
        assert {call for call in calls if call.removeprefix("make ") not in TARGETS or "\n" in call} == set()
        assert job["timeout-minutes"] <= 180


def test_ci_tests_every_supported_python_and_the_lowest_versions():
    ci = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text())["jobs"]
    classifiers = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
    assert ci["test"]["strategy"]["matrix"]["python"] == classifiers
    assert {step.get("run") for job in ci.values() for step in job["steps"]} >= {"make check", "make test-lowest"}


def test_the_hooks_run_tools_that_make_install_installs():
    hooks = [
        hook["entry"]
        for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
        for hook in repo["hooks"]
        if repo["repo"] == "local"
    ]
    assert len(hooks) == 4
    for entry in hooks:
        folder, _, program = entry.split()[0].rpartition("/")
        assert folder == ".venv/bin"
        assert program == "python" or subprocess.run([installed(program), "--version"], capture_output=True)


def test_contributing_names_the_targets_and_the_line_for_one_test():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert set(re.findall(r"`make ([a-z-]+)", text)) <= set(TARGETS)
    [path, name] = re.search(r"pytest (tests/\S+)::(test_\w+)", text).groups()
    assert f"def {name}(" in (ROOT / path).read_text()
    for path in re.findall(r"\]\(([^):#]+)\)", text):
        assert (ROOT / path).exists(), path


def test_a_release_has_the_version_of_its_tag(tmp_path):
    program = tmp_path / "gh"
    program.write_text('#!/bin/sh\necho "$@"\n')
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def release(tag):
        return subprocess.run(["deploy/release.sh", tag], cwd=ROOT, env=environment, capture_output=True, text=True)

    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    wrong = release("v0.0.9")
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr == (
        f"error: the tag is 'v0.0.9', but pyproject.toml has version {version}; push the tag v{version}\n"
    )
    done = release(f"v{version}")
    assert done.stdout.startswith(f"release create v{version} --verify-tag --notes ## {version}")
    assert done.stdout.rstrip().endswith(".whl")
