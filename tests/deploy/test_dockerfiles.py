"""What the Dockerfiles promise, short of building them: test_images.py does that."""

import json
import re
import subprocess
import tomllib

import pytest

from sentiment.config.compose import compose
from tests.conftest import ROOT
from tests.deploy.files import IMAGES, called, dockerfile, entrypoint, installed, services, value


@pytest.mark.parametrize("image", IMAGES)
def test_hadolint_finds_nothing(image):
    done = subprocess.run([installed("hadolint"), f"Dockerfile.{image}"], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout + done.stderr == ""


@pytest.mark.parametrize("image", IMAGES)
def test_the_process_runs_under_an_init_as_a_user_without_rights(image):
    assert entrypoint(image)[:4] == ["tini", "--", "sentiment", image]
    assert value(image, "USER") == value("serve", "USER") == "10001:10001"
    assert "--uid 10001 " in value(image, "RUN")


@pytest.mark.parametrize("image", IMAGES)
def test_the_entry_point_is_a_call_that_the_command_takes(image):
    assert called(image, entrypoint(image)[4:]).host == "0.0.0.0"


def test_the_server_opens_predictions_and_metrics_alone():
    cfg = compose("serve", entrypoint("serve")[4:])
    assert value("serve", "EXPOSE").split() == [str(cfg.inference_port), str(cfg.metrics_port)]
    assert cfg.management_host == "127.0.0.1"
    assert cfg.token_auth is True


def test_the_server_is_healthy_when_it_is_ready():
    options, _, command = value("serve", "HEALTHCHECK").partition("CMD ")
    assert json.loads(command) == ["sentiment", "ready"]
    seconds = dict(option.removeprefix("--").split("=") for option in options.split())
    assert float(seconds["timeout"].rstrip("s")) > compose("ready").engine.timeout
    assert float(seconds["start-period"].rstrip("s")) >= compose("serve").startup_timeout


def test_the_page_is_healthy_when_it_answers():
    command = json.loads(value("ui", "HEALTHCHECK").partition("CMD ")[2])
    assert f"http://127.0.0.1:{compose('ui').port}/" in command[-1]
    compile(command[-1], "healthcheck", "exec")


@pytest.mark.parametrize("image", IMAGES)
def test_both_stages_stand_on_the_base_image_of_the_argument(image):
    text = (ROOT / f"Dockerfile.{image}").read_text()
    assert [line.split()[1] for line in text.splitlines() if line.startswith("FROM")] == ["${BASE_IMAGE}"] * 2


def test_all_stand_on_one_base_image_by_its_digest():
    files = [(ROOT / f"Dockerfile.{image}").read_text() for image in IMAGES]
    [base] = {re.search(r"^ARG BASE_IMAGE=(.*)$", text, re.MULTILINE)[1] for text in files}
    assert re.fullmatch(r"python:3\.11-slim-\w+@sha256:[0-9a-f]{64}", base)
    assert {str(services()[image]["build"]["args"]["BASE_IMAGE"]) for image in IMAGES} == {"None"}  # the Dockerfile's


@pytest.mark.parametrize("image", IMAGES)
def test_every_download_of_pip_is_held_to_hashes(image):
    """Whatever else pip does takes what is there: no index, or no requirement and no environment for a build."""
    text = (ROOT / f"Dockerfile.{image}").read_text().replace("\\\n", " ")
    calls = [call for line in text.splitlines() for call in line.split(" && ") if "/bin/pip " in call]
    downloads = [call for call in calls if "--requirement" in call]
    assert [re.findall(r"(?:--requirement|--constraint) (\S+)", call) for call in downloads] == [
        ["build.lock"],
        [f"{image}.lock", f"{image}.txt"],
    ]
    assert all("--require-hashes" in call for call in downloads)
    for call in calls:
        if call not in downloads and not call.rstrip().endswith(" check"):
            assert "--no-deps" in call
            assert "--no-index" in call or "--no-build-isolation" in call


def test_a_served_model_lies_where_the_server_looks():
    folder = value("serve", "WORKDIR")
    [target] = [words.split()[-1] for name, words in dockerfile("serve") if name == "COPY" and "MAR" in words]
    assert target.rstrip("/") == f"{folder}/{compose('serve').model_store}"
    [written] = [words for name, words in dockerfile("serve") if name == "RUN"]
    assert f"-o sentiment -g sentiment {folder}/{compose('serve').paths.output_dir}" in written


@pytest.mark.parametrize("image", IMAGES)
def test_the_wheel_without_code_has_every_folder_that_the_build_asks_for(image):
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    made = re.search(r"mkdir -p (.*?) &&", (ROOT / f"Dockerfile.{image}").read_text())[1].split()
    assert set(made) == {*wheel["force-include"], *wheel["packages"]}
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(wheel["force-include"]) <= sent
