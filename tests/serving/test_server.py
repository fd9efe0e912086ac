"""What TorchServe is told, without starting it."""

import json
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from sentiment.errors import ConfigError, ServingError
from sentiment.serving import TorchServe
from sentiment.serving.archive import package
from sentiment.serving.environment import read_env_file, torchserve_settings
from sentiment.serving.logs import message
from sentiment.serving.settings import Settings, properties_text
from sentiment.serving.store import Archive, archives_to_serve, history, read_archive, remember
from tests.conftest import ROOT


def settings(**given):
    return Settings(model_store=Path("/srv/my.store"), work_dir=Path("/srv/run"), **given)


def test_a_server_open_to_all_keeps_its_management_on_loopback():
    made = settings(host="0.0.0.0", metrics_host="0.0.0.0")
    told = made.properties(["a.mar"])
    assert told["inference_address"] == "http://0.0.0.0:8080"
    assert told["management_address"] == "http://127.0.0.1:8081"
    assert told["metrics_address"] == "http://0.0.0.0:8082"
    assert made.address("inference") == "http://127.0.0.1:8080"


def test_registering_is_off_and_bound_to_the_store():
    told = settings().properties(["a.mar"])
    assert told["enable_model_api"] == "false"
    assert "allowed_urls=file:///srv/my\\\\.store/.*\n" in properties_text(told)


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("TS_MANAGEMENT_ADDRESS", "management_host and management_port of sentiment serve sets the same"),
        ("TS_DISABLE_TOKEN_AUTHORIZATION", "token_auth of sentiment serve sets the same"),
        ("TS_CONFIG_FILE", "cannot do without its own value"),
        ("TS_PRIVATE_KEY_FILE", "tls.key of sentiment serve sets the same"),
        ("TS_CERTIFICATE_FILE", "tls.certificate of sentiment serve sets the same"),
        ("TS_KEYSTORE", "tls.certificate and tls.key of sentiment serve sets the same"),
        ("TS_DEFAULT_RESPONSE_TIMEOUT", "would change nothing: serve does not pass it on"),
    ],
)
def test_a_variable_that_serve_sets_itself_is_refused_in_both_places(name, fix):
    for environment, file in (({name: "x"}, {}), ({}, {name: "x"})):
        with pytest.raises(ConfigError, match=f"{name} is set, and .*{fix}.*; unset {name}"):
            torchserve_settings(environment, file)


def test_the_other_settings_of_torchserve_are_passed_and_the_environment_wins():
    file = {"TS_JOB_QUEUE_SIZE": "50", "TS_MAX_REQUEST_SIZE": "1000", "OMP_NUM_THREADS": "1"}
    passed = torchserve_settings({"TS_JOB_QUEUE_SIZE": "70", "PATH": "/bin"}, file)
    assert passed == {"job_queue_size": "70", "max_request_size": "1000"}
    assert settings().properties([], passed)["job_queue_size"] == "70"


def test_a_mistyped_setting_of_the_file_names_the_nearest():
    with pytest.raises(ConfigError, match="TS_JOB_QUEUE_SIZ is none .*; did you mean TS_JOB_QUEUE_SIZE?"):
        torchserve_settings({}, {"TS_JOB_QUEUE_SIZ": "1"})


def test_variables_of_other_tools_are_left_alone():
    assert torchserve_settings({"TS_NODE_PROJECT": "x", "PATH": "/bin"}, {}) == {}


def test_an_env_file_is_read_as_shells_and_compose_read_it(tmp_path):
    lines = ["# a comment", "", "export A=1", "B = 'two words'", 'C="x=y"', "D=", "E=a # b"]
    (tmp_path / ".env").write_text("\n".join(lines))
    assert read_env_file(tmp_path / ".env") == {"A": "1", "B": "two words", "C": "x=y", "D": "", "E": "a # b"}


def test_a_broken_line_of_an_env_file_is_named_without_its_content(tmp_path):
    (tmp_path / ".env").write_text("A=1\nsecret\n")
    with pytest.raises(ConfigError, match=r"\.env, line 2: expected KEY=VALUE") as caught:
        read_env_file(tmp_path / ".env")
    assert "secret" not in str(caught.value)


def test_tokens_last_a_day_unless_told_otherwise():
    assert settings().properties([])["token_expiration_min"] == "1440.0"
    assert settings(token_expiration_min=0.5).properties([])["token_expiration_min"] == "0.5"


@pytest.mark.parametrize("json_logs", [True, False])
def test_no_log_has_what_a_client_put_into_the_query_of_an_address(json_logs):
    for layout in ET.fromstring(settings(json_logs=json_logs).log4j2()).iter("PatternLayout"):
        assert r"%replace{%m}{\?\S*(?= HTTP/)}{?}" in layout.get("pattern")


@pytest.fixture(scope="module")
def store(tiny_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("versions")
    for version in ("1.0", "2.0", "3.0"):
        package(run=tiny_run, model_store=folder, file=f"sentiment-{version}", version=version)
    return folder


def test_of_several_versions_the_latest_is_the_default(store):
    assert archives_to_serve(store) == [Archive(f"sentiment-{v}.mar", "sentiment", v) for v in ("3.0", "2.0", "1.0")]
    assert settings().properties(["b.mar", "a.mar"])["load_models"] == "b.mar,a.mar"


def test_of_versions_put_in_place_the_last_two_are_served(store, tmp_path):
    for path in store.glob("*.mar"):
        (tmp_path / path.name).symlink_to(path)
    remember(tmp_path, "sentiment", ["1.0", "3.0", "2.0"])
    assert history(tmp_path, "sentiment") == ["1.0", "3.0", "2.0"]
    assert [one.version for one in archives_to_serve(tmp_path)] == ["2.0", "3.0"]
    (tmp_path / "sentiment-2.0.mar").unlink()
    assert [one.version for one in archives_to_serve(tmp_path)] == ["3.0", "1.0"]
    (tmp_path / "sentiment.versions.json").write_text("{")
    with pytest.raises(ServingError, match="sentiment.versions.json cannot be read: .*; remove it"):
        archives_to_serve(tmp_path)


def test_one_version_twice_is_refused(store, tmp_path):
    (tmp_path / "a.mar").symlink_to(store / "sentiment-1.0.mar")
    (tmp_path / "b.mar").symlink_to(store / "sentiment-1.0.mar")
    with pytest.raises(ServingError, match="a.mar and b.mar in .* both hold version 1.0 of sentiment; remove one"):
        archives_to_serve(tmp_path)


def test_a_store_without_what_is_asked_for_says_so(store, tmp_path):
    with pytest.raises(ServingError, match="reviews.mar does not exist; make it with: sentiment package"):
        archives_to_serve(store, ["reviews"])
    with pytest.raises(ServingError, match="holds no .mar archive"):
        archives_to_serve(tmp_path)
    (tmp_path / "bad.mar").write_text("no zip")
    with pytest.raises(ServingError, match="bad.mar is cut short or no archive .File is not a zip file.; package"):
        archives_to_serve(tmp_path)


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
    shutil.make_archive(str(tmp_path / "made"), "zip", ROOT / "tests" / "data")
    whole = (tmp_path / "made.zip").read_bytes()
    content = {"cut short": whole[: len(whole) // 2], "garbage": b"no zip " * 100, "another zip": whole}[damage]
    (tmp_path / "sentiment.mar").write_bytes(content)
    with pytest.raises(ServingError, match=r"sentiment.mar is cut short or no archive .* package the run again"):
        TorchServe(model_store=tmp_path, work_dir=tmp_path / "serve").start()
    assert not (tmp_path / "serve").exists()


def test_an_archive_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(ServingError, match="none.mar does not exist; make it with: sentiment package"):
        read_archive(tmp_path / "none.mar")


def test_a_server_that_ends_while_its_tokens_cannot_be_renewed_is_noticed_at_once(tiny_run, tmp_path):
    package(run=tiny_run, model_store=tmp_path)
    server = TorchServe(model_store=tmp_path, work_dir=tmp_path, token_expiration_min=6000)  # tries every two hours
    server._process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1); raise SystemExit(3)"])
    with pytest.raises(ServingError, match="TorchServe ended with status 3"):
        server.wait()
