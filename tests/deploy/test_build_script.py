"""deploy/build.sh up to the engine's door: here an engine only tells how it was called."""

import os
import shutil
import subprocess

import pytest

from tests.conftest import ROOT
from tests.deploy.files import installed

SCRIPT = ROOT / "deploy" / "build.sh"
TELL = '#!/bin/sh\necho "${0##*/} $*"\n'


@pytest.fixture
def build(tmp_path):
    """Run the script on a path that has nothing but the given engines and what the script itself needs."""
    for tool in ("bash", "basename", "cat", "dirname"):
        (tmp_path / tool).symlink_to(shutil.which(tool))

    def run(*arguments, engines=(), **environment):
        for engine in engines:
            (tmp_path / engine).write_text(TELL)
            (tmp_path / engine).chmod(0o755)
        return subprocess.run(
            [str(tmp_path / "bash"), str(SCRIPT), *arguments],
            env={"PATH": str(tmp_path), **environment}, capture_output=True, text=True,
        )  # fmt: skip

    return run


@pytest.mark.parametrize(
    "script",
    [SCRIPT, ROOT / "deploy" / "release.sh", ROOT / "deploy" / "proxy" / "setup.sh", ROOT / ".ci" / "run"],
    ids=lambda path: path.name,
)
def test_shellcheck_finds_nothing(script):
    done = subprocess.run([installed("shellcheck"), str(script)], capture_output=True, text=True)
    assert done.stdout + done.stderr == ""
    assert os.access(script, os.X_OK)


@pytest.mark.parametrize(
    ("engines", "used"),
    [
        (["docker", "podman", "buildah"], "docker"),
        (["podman", "buildah"], "podman"),
        (["buildah"], "buildah"),
    ],
)
def test_the_first_engine_of_the_path_builds_both_images(build, engines, used):
    lines = build(engines=engines).stdout.splitlines()
    assert [line.split()[0] for line in lines] == [used, used]
    assert [line.split("--file ")[1].split()[0] for line in lines] == ["Dockerfile.serve", "Dockerfile.ui"]
    assert all(("--format docker" in line) == (used != "docker") for line in lines)


def test_an_engine_can_be_named(build):
    assert build("ui", engines=["docker", "podman"], ENGINE="podman").stdout.startswith("podman build ")


@pytest.mark.parametrize(("engine", "missing"), [({}, "docker, podman or buildah"), ({"ENGINE": "podman"}, "podman")])
def test_no_engine_is_one_clear_line(build, engine, missing):
    done = build(**engine)
    assert done.returncode == 1
    assert done.stderr == f"error: {missing} not found on the path; install it, or name another with ENGINE=\n"


def test_arguments_reach_the_builds_that_take_them(build, monkeypatch):
    done = build("-t", "7", "-b", "base", "-i", "index", "serve", "ui", "--", "--no-cache", engines=["docker"])
    serve, ui = done.stdout.splitlines()
    assert serve == (
        "docker build --build-arg BASE_IMAGE=base --build-arg TORCH_INDEX=index --no-cache "
        "--file Dockerfile.serve --tag bert-sentiment-serve:7 ."
    )
    assert ui == "docker build --build-arg BASE_IMAGE=base --no-cache --file Dockerfile.ui --tag bert-sentiment-ui:7 ."


@pytest.mark.parametrize("before", [["-t", "7"], ["-t", "7", "ui"], []])
def test_what_follows_two_dashes_is_the_engines(build, before):
    done = build(*before, "--", "--no-cache", engines=["docker"])
    assert done.stderr == ""
    assert all(line.startswith("docker build --no-cache --file ") for line in done.stdout.splitlines())
    assert "Dockerfile.ui" in done.stdout


def test_a_base_image_without_a_digest_is_said(build):
    done = build("-b", "python:3.11-slim", "ui", engines=["docker"])
    assert done.stderr.startswith("note: the base image python:3.11-slim has no digest, so ")
    assert done.stdout.startswith("docker build --build-arg BASE_IMAGE=python:3.11-slim ")
    assert build("-b", f"python:3.11-slim@sha256:{'0' * 64}", "ui", engines=["docker"]).stderr == ""


def test_the_environment_says_the_same_as_the_options(build):
    options = build("-t", "7", "-b", "base", "-i", "index", engines=["docker"])
    assert build(TAG="7", BASE_IMAGE="base", TORCH_INDEX="index").stdout == options.stdout != ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-m", "model_store/missing.mar"], "error: model_store/missing.mar does not exist; make it with"),
        (["server"], "error: no image server; choose serve or ui"),
        (["-x"], "usage: deploy/build.sh"),
    ],
)
def test_a_wrong_argument_is_said(build, arguments, says):
    done = build(*arguments, engines=["docker"])
    assert done.returncode == 2
    assert says in done.stderr
    assert done.stdout == ""
