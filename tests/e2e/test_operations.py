"""Operations against the real server: what it opens, logs, registers, and what the commands say of it."""

import json
import subprocess
import sys

import httpx
import psutil
import pytest

from sentiment.cli import main
from sentiment.client import read_key
from sentiment.inference.checksums import write_checksums
from sentiment.serving import TorchServe
from sentiment.serving.archive import package
from tests.conftest import read_csv, read_json, write_csv
from tests.e2e.faults import wait_for
from tests.e2e.secret import SECRET, assert_no_secret
from tests.e2e.serving import run_command
from tests.ports import adjacent_ports

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def opened(store):
    """A server as an image runs it, with a log line for each request."""
    ports = dict(zip(("inference_port", "management_port", "metrics_port"), adjacent_ports(3), strict=True))
    with TorchServe(
        model_store=store, work_dir=store.parent / "serve", host="0.0.0.0", metrics_host="0.0.0.0",
        model_api=True, log_level="info", json_logs=True, **ports,
    ) as running:  # fmt: skip
        yield running


@pytest.fixture
def command(opened, capsys):
    """Run a command against the server; its exit status and what it printed."""

    def run(name, *overrides):
        given = {
            "models": [f"server={opened.url}", f"paths.key_file={opened.key_file}", f"model_store={opened.store}"],
            "ready": [f"server={opened.url}", f"paths.key_file={opened.key_file}"],
        }[name]
        keys = {override.lstrip("+").partition("=")[0] for override in overrides}
        given = [word for word in given if word.partition("=")[0] not in keys]
        capsys.readouterr()
        return run_command(name, *given, *overrides), "".join(capsys.readouterr())

    return run


@pytest.mark.slow
def test_one_key_names_the_server_its_management_api_and_its_keys(opened, tmp_path, capsys):
    (tmp_path / f"serve-{opened.ports['inference']}").symlink_to(opened.folder)
    where = [f"server={opened.url}", f"paths.output_dir={tmp_path}"]
    main(["ready", *where])
    main(["models", *where])
    assert "1 READY" in capsys.readouterr().out
    source = write_csv(tmp_path / "in.csv", [("good film",)], header=("text",))
    words = ["predict", "engine=rest", *where, f"input={source}", f"output={tmp_path}/out.csv", "quiet=true"]
    subprocess.run([sys.executable, "-m", "sentiment", *words], check=True, capture_output=True)
    assert [row["prediction"] for row in read_csv(tmp_path / "out.csv")] == ["positive"]


def test_only_the_management_api_stays_on_loopback(opened):
    listening = {c.laddr.port: c.laddr.ip for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
    found = {api: listening[port] in ("127.0.0.1", "::ffff:127.0.0.1") for api, port in opened.ports.items()}
    assert found == {"inference": False, "management": True, "metrics": False}


@pytest.mark.parametrize("url", ["file:///etc/hostname", "https://example.invalid/a.mar"])
def test_an_archive_outside_the_store_is_not_registered(opened, url):
    headers = {"Authorization": f"Bearer {read_key(opened.key_file, 'management')}"}
    answer = httpx.post(f"{opened.address('management')}/models", params={"url": url}, headers=headers)
    assert answer.status_code == 404
    assert "does not match any allowed URL" in answer.json()["message"]


def test_no_snapshot_is_written(opened):
    assert not list(opened.folder.rglob("*.cfg"))


def test_a_text_in_an_address_is_not_logged(opened):
    headers = {"Authorization": f"Bearer {read_key(opened.key_file, 'inference')}"}
    httpx.post(f"{opened.url}/predictions/sentiment", params={"data": SECRET}, headers=headers)
    log = opened.folder / "logs" / "access_log.log"
    wait_for(lambda: "POST /predictions/sentiment? HTTP" in log.read_text())
    assert_no_secret(opened.folder)


def test_json_logs_hold_one_object_a_line(opened):
    for name in ("access_log", "model_log", "ts_log"):
        lines = (opened.folder / "logs" / f"{name}.log").read_text().splitlines()
        assert lines
        assert all("message" in json.loads(line) for line in lines)


def test_versions_are_registered_scaled_chosen_and_unregistered(opened, command, quick_run):
    package(run=quick_run, model_store=opened.store, file="sentiment-2.0", version="2.0")
    status, out = command("models", "register=sentiment-2.0.mar", "workers=2")
    assert (status, rows(out)) == (0, [("1.0", "yes", "1 READY"), ("2.0", "", "2 READY")])
    status, out = command("models", "scale=1", "version=2.0")
    assert (status, rows(out)[1]) == (0, ("2.0", "", "1 READY"))
    status, out = command("models", "unregister=1.0")
    assert status == 1
    assert "answered 403" in out
    status, out = command("models", "default=2.0")
    assert (status, rows(out)) == (0, [("1.0", "", "1 READY"), ("2.0", "yes", "1 READY")])
    assert read_json(opened.store / "sentiment.versions.json") == {"versions": ["1.0", "2.0"]}
    status, out = command("models", "default=1.0")
    assert (status, rows(out)[0]) == (0, ("1.0", "yes", "1 READY"))
    status, out = command("models", "unregister=2.0")
    assert (status, rows(out)) == (0, [("1.0", "yes", "1 READY")])
    assert read_json(opened.store / "sentiment.versions.json") == {"versions": ["1.0", "1.0"]}
    assert (opened.store / "sentiment-2.0.mar").is_file()


def rows(out):
    """Version, default and workers of the table."""
    lines = [[cell.strip() for cell in line.split("│")[1:-1]] for line in out.splitlines() if line.startswith("│")]
    return [(line[1], line[2], line[3]) for line in lines]


@pytest.mark.parametrize(
    ("overrides", "status", "reason"),
    [
        (["name=reviews"], 1, "Model not found: reviews"),
        (["default=7.0"], 1, "version: 7.0"),
        (["unregister=7.0"], 1, "version: 7.0"),
        (["scale=1", "version=7.0"], 1, "7.0"),
        (["register=nowhere.mar"], 1, "nowhere.mar"),
        (["scale=1", "default=1.0"], 2, "one thing at a time: got scale and default; leave one"),
        (["server=http://127.0.0.1:8", "+management.pauses=[]"], 1, "no answer from http://127.0.0.1:9/models"),
        (["paths.key_file=null"], 1, "Token Authorization failed"),
    ],
)
def test_what_cannot_be_done_to_models_is_said_in_one_line(command, overrides, status, reason):
    code, out = command("models", *overrides)
    assert code == status
    assert out.startswith("error: ")
    assert reason in out
    assert len(out.splitlines()) == 1


def test_ready_is_more_than_ping(opened, command):
    """A model without a worker, one that still loads, and one that failed to: /ping says Healthy to each."""
    with opened.management() as management:
        assert command("ready")[0] == 0
        management.scale("sentiment", "1.0", workers=0)
        assert_not_ready(opened, command("ready"), "has no worker that is ready")
        management._send("PUT", "models/sentiment/1.0", min_worker=1, max_worker=1)  # returns at once
        assert_not_ready(opened, command("ready"), "has no worker that is ready")
        assert command("ready", "wait=120")[0] == 0


def test_ready_tells_a_model_that_failed_a_dead_server_and_an_unknown_model(opened, command, tiny_copy, tmp_path):
    (tiny_copy / "export" / "model.safetensors").write_bytes(b"no weights")
    write_checksums(tiny_copy / "export")  # else it would not be packaged
    package(run=tiny_copy, model_store=opened.store, name="broken")
    with opened.management() as management:
        management._send("POST", "models", url="broken.mar", initial_workers=1, synchronous="false")
        wait_for(lambda: "broken" in management.models())
        assert_not_ready(opened, command("ready", "engine.model=broken"), "broken")
        management.unregister("broken", "1.0")
    (opened.store / "broken.mar").unlink()
    assert_not_ready(opened, command("ready", "engine.model=reviews"), "Model not found: reviews")
    status, out = command("ready", "server=http://127.0.0.1:9", "management_url=null")
    assert status == 1
    assert "no answer from http://127.0.0.1:9" in out


def assert_not_ready(server, answer, reason):
    headers = {"Authorization": f"Bearer {read_key(server.key_file, 'inference')}"}
    assert httpx.get(f"{server.url}/ping", headers=headers).json()["status"] == "Healthy"
    assert answer[0] == 1
    assert answer[1].startswith("error: ")
    assert reason in answer[1]


def test_registering_is_off_unless_asked_for(server, capsys):
    address, key_file = server.address("management"), server.key_file
    with pytest.raises(SystemExit) as ended:
        main(["models", f"management_url={address}", f"management.key_file={key_file}", "register=sentiment.mar"])
    assert ended.value.code == 1
    assert "start it with: sentiment serve model_api=true" in capsys.readouterr().err


def test_requests_leave_no_line_at_the_default_log_level(server, http):
    assert http.post("/predictions/sentiment", json={"text": "a day"}).status_code == 200
    assert (server.folder / "logs" / "access_log.log").read_text() == ""
