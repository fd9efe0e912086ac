"""What TorchServe is told, without starting it."""

import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from sentiment.errors import ServingError
from sentiment.serving import TorchServe
from sentiment.serving.archives import check_archive
from sentiment.serving.server import message
from sentiment.serving.settings import Settings, properties_text, refuse_environment


def settings(**given):
    return Settings(store=Path("/srv/my.store"), folder=Path("/srv/run"), **given)


def test_a_server_open_to_all_keeps_its_management_on_loopback():
    made = settings(host="0.0.0.0", metrics_host="0.0.0.0")
    told = made.properties(["a"])
    assert told["inference_address"] == "http://0.0.0.0:8080"
    assert told["management_address"] == "http://127.0.0.1:8081"
    assert told["metrics_address"] == "http://0.0.0.0:8082"
    assert made.address("inference") == "http://127.0.0.1:8080"


def test_registering_is_off_and_bound_to_the_store():
    told = settings().properties(["a"])
    assert told["enable_model_api"] == "false"
    assert "allowed_urls=file:///srv/my\\\\.store/.*\n" in properties_text(told)


@pytest.mark.parametrize("name", ["TS_CONFIG_FILE", "TS_MANAGEMENT_ADDRESS"])
def test_a_variable_that_torchserve_would_read_is_refused(name):
    with pytest.raises(ServingError, match=f"{name} is set in the environment"):
        refuse_environment({name: "x"}, settings().properties(["a"]))


def test_variables_of_other_tools_are_left_alone():
    refuse_environment({"TS_NODE_PROJECT": "x", "PATH": "/bin"}, settings().properties(["a"]))


@pytest.mark.parametrize("json_logs", [True, False])
def test_the_log_level_reaches_the_log_configuration(json_logs):
    loggers = ET.fromstring(settings(log_level="error", json_logs=json_logs).log4j2()).find("Loggers")
    assert loggers.find("Root").get("level") == "error"
    assert loggers.find("Logger[@name='ACCESS_LOG']").get("level") == "error"


@pytest.mark.parametrize(
    ("logs", "access", "model"),
    [("files", ["access_log"], ["model_log"]), ("stdout", ["console"], ["model_log", "console"])],
)
def test_logs_go_to_files_or_to_standard_output(logs, access, model):
    loggers = ET.fromstring(settings(logs=logs).log4j2()).find("Loggers")

    def sinks(name):
        return [ref.get("ref") for ref in loggers.find(f"Logger[@name='{name}']").iter("AppenderRef")]

    assert sinks("ACCESS_LOG") == access
    assert sinks("MODEL_LOG") == model


def test_a_reason_is_read_from_both_forms_of_log_line():
    assert message("2026-11-23T10:00:00,000 [INFO ] W-9000 MODEL_LOG - ValueError: bad") == "ValueError: bad"
    assert message(json.dumps({"level": "INFO", "message": "ValueError: bad"})) == "ValueError: bad"


@pytest.mark.parametrize("damage", ["cut short", "garbage", "another zip"])
def test_an_archive_torchserve_could_not_open_is_said_before_anything_starts(tmp_path, damage):
    shutil.make_archive(str(tmp_path / "made"), "zip", Path(__file__).parent / "data")
    whole = (tmp_path / "made.zip").read_bytes()
    content = {"cut short": whole[: len(whole) // 2], "garbage": b"no zip " * 100, "another zip": whole}[damage]
    (tmp_path / "sentiment.mar").write_bytes(content)
    with pytest.raises(ServingError, match=r"sentiment.mar is cut short or no archive .* package the run again"):
        TorchServe(store=tmp_path, folder=tmp_path / "serve").start()
    assert not (tmp_path / "serve").exists()


def test_an_archive_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(ServingError, match="none.mar does not exist; make it with: sentiment package"):
        check_archive(tmp_path / "none.mar")
