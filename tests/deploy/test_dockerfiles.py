"""What the Dockerfiles promise, short of building them: test_images.py does that."""

import json
import subprocess

import pytest

from sentiment.compose import compose
from tests.conftest import ROOT
from tests.deploy.files import IMAGES, called, dockerfile, entrypoint, installed, value


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
    assert cfg.tokens is True


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
    assert "constraints.txt" in text


def test_a_served_model_lies_where_the_server_looks():
    folder = value("serve", "WORKDIR")
    [target] = [words.split()[-1] for name, words in dockerfile("serve") if name == "COPY" and "MAR" in words]
    assert target.rstrip("/") == f"{folder}/{compose('serve').store}"
    [written] = [words for name, words in dockerfile("serve") if name == "RUN"]
    assert f"-o sentiment -g sentiment {folder}/{compose('serve').paths.outputs}" in written
