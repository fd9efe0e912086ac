"""`sentiment serve backend=granian` as a user has it: commands, keys, metrics, signals."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sentiment.client import AsyncClient, read_key
from sentiment.inference.predictor import Predictor
from sentiment.serving.tls import Tls
from sentiment.worker.activity import read_batches
from sentiment.worker.metrics import VALUE
from tests.certificates import Authority
from tests.conftest import read_csv, write_csv
from tests.e2e.conftest import on_free_ports
from tests.e2e.faults import wait_for
from tests.e2e.serving import Served, ended, run_command
from tests.worker.test_monitoring import named, queries

pytestmark = pytest.mark.e2e

TEXTS = ["good film", "bad meal"]


@pytest.fixture(scope="module")
def served(store):
    with Served(store, store.parent / "serve", "drain_seconds=60", backend="granian") as made:
        yield made.wait_until_ready()


def where(served):
    return [f"server={served.url}", f"paths.key_file={served.key_file}"]


def test_clients_and_commands_ask_it_as_they_ask_torchserve(served, tiny_run, tmp_path, capsys):
    expected = [one.label for one in Predictor.load(tiny_run).predict(TEXTS)]
    with served.client(pauses=(0.5,) * 200) as client:  # 503 while it loads what explanations need
        assert [one.label for one in client.predict(TEXTS)] == expected
        assert client.explain(TEXTS[:1])[0].text == TEXTS[0]
        assert client.describe().name == "sentiment"
        assert client.ping() == "Healthy"

    async def ask():
        async with AsyncClient(url=served.url, key_file=served.key_file) as client:
            return [one.label for one in await client.predict(TEXTS)]

    assert asyncio.run(ask()) == expected
    assert run_command("ready", *where(served)) == 0
    assert run_command("ready", *where(served), "check=live") == 0
    source = write_csv(tmp_path / "in.csv", [(text,) for text in TEXTS], header=("text",))
    words = [*where(served), f"input={source}", f"output={tmp_path}/out.csv"]
    assert run_command("predict", "engine=rest", *words) == 0
    assert [row["prediction"] for row in read_csv(tmp_path / "out.csv")] == expected


@pytest.mark.parametrize("name", ["models", "rollback", "deploy"])
def test_versions_and_rollouts_are_refused_in_one_line(served, tiny_run, capsys, name):
    words = {
        "models": [f"server={served.url}"],
        "rollback": [f"management_url={served.settings.address('management')}"],
        "deploy": [f"server={served.url}", f"run={tiny_run}"],
    }[name]
    status = run_command(
        name, *words, f"paths.key_file={served.key_file}", f"model_store={served.settings.model_store}"
    )
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert status == 1
    assert "its server runs with backend=granian" in line
    assert line.endswith("need sentiment serve backend=torchserve")


def test_the_key_is_asked_for_on_every_path_and_changed_while_it_serves(served):
    for key in (None, "wrong", "caf\u00e9"):
        headers = {"Authorization": f"Bearer {key}".encode()} if key else {}
        for path in ("/ping", "/predictions/sentiment", "/nothing"):
            answer = httpx.post(f"{served.url}{path}", json={"text": "a"}, headers=headers, timeout=60)
            assert (answer.status_code, answer.json()["type"]) == (400, "InvalidKeyException")
    before = read_key(served.key_file, "inference")
    text = served.key_file.read_text()
    served.key_file.write_text(re.sub(r'(time": ")\d{4}', r"\g<1>2020", text))  # as if it were about to expire
    wait_for(lambda: read_key(served.key_file, "inference") != before)
    assert served.key_file.stat().st_mode & 0o777 == 0o600
    assert served.post(json={"text": "good film"}).status_code == 200


def test_prometheus_reads_what_the_worker_counts(served):
    def texts():
        told = httpx.get(f"{served.settings.address('metrics')}/metrics", timeout=60).text
        return float(
            re.search(r'^sentiment_texts_total{model_name="sentiment",model_version="1.0"} (\S+)$', told, re.M)[1]
        )

    before = texts()
    assert served.post(json={"texts": TEXTS}).status_code == 200
    assert texts() == before + 2


def test_the_dashboard_and_the_rules_find_the_metrics_of_a_worker(served):
    for text, status in (("good film", 200), ("", 400), ("long " * 100, 200)):
        assert served.post(json={"text": text}).status_code == status
    told = httpx.get(f"{served.settings.address('metrics')}/metrics", timeout=60).text
    names = {sample.name for family in text_string_to_metric_families(told) for sample in family.samples}
    read = {name for query in queries().values() for name in named(query) if name.startswith("sentiment_")}
    assert read - names == {VALUE.name}  # of labels that are numbers


@pytest.mark.parametrize("name", ["details", "body"])
def test_what_a_query_says_is_refused_instead_of_ignored(served, name):
    answer = served.post(json={"text": "good film"}, params={name: "true"})
    told = f'the query parameter "{name}" does nothing; send it in the body, as JSON'
    assert (answer.status_code, answer.json()["message"]) == (400, told)


def test_a_second_server_in_the_folder_is_refused(served):
    second = subprocess.run(served.command, capture_output=True, text=True)
    assert second.returncode == 1
    assert f"belongs to a server that runs, process {served.running.pid}" in second.stderr
    assert served.post(json={"text": "good film"}).status_code == 200


def test_a_body_that_is_too_large_is_told_so(served):
    key = {"Authorization": f"Bearer {read_key(served.key_file, 'inference')}"}
    pieces = (b"a" * 1_000_000 for _ in range(7))  # without a Content-Length
    for content in (b"a" * 6_600_000, pieces):
        answer = httpx.post(f"{served.url}/predictions/sentiment", content=content, headers=key, timeout=60)
        assert (answer.status_code, answer.json()["type"]) == (413, "PayloadTooLarge")


@pytest.mark.slow
def test_a_killed_worker_comes_back_and_a_stuck_one_is_replaced(served):
    killed = served.worker
    killed.kill()
    with served.client(timeout=300, pauses=(0.5,) * 200) as client:
        assert client.predict(TEXTS)
    wait_for(lambda: served.worker is not None and served.worker.pid != killed.pid)
    stuck = served.worker
    stuck.suspend()
    with served.client(timeout=300, pauses=(0.5,) * 200) as client:
        assert client.predict(TEXTS)
    assert not stuck.is_running()


def test_requests_under_way_are_answered_before_the_server_ends(served):
    """Last: it ends the server. The worker is stopped while it has requests, so that the signal comes first."""
    served.look()
    activity = served.folder / "tmp" / "activity"
    body = {"texts": ["good film " * 30] * 30}
    worker, under_way, asked = served.worker, 0, []
    with ThreadPoolExecutor(4) as pool:
        while not under_way:
            asked = [pool.submit(served.post, json=body) for _ in range(4)]
            wait_for(lambda sent=asked: read_batches(activity, worker.pid).busy or all(one.done() for one in sent))
            os.kill(worker.pid, signal.SIGSTOP)
            seen = read_batches(activity, worker.pid)
            under_way = seen.begun - seen.done
            if under_way:
                served.running.send_signal(signal.SIGTERM)
                served.wait_until("stopping: requests under way are answered")
            os.kill(worker.pid, signal.SIGCONT)
            statuses = [one.result().status_code for one in asked]
    assert statuses.count(200) >= under_way
    assert set(statuses) <= {200, 503}
    assert served.running.wait(60) == 0
    assert ended(served.processes) == []
    assert not served.key_file.exists()


@pytest.mark.slow
def test_a_killed_server_takes_all_its_processes_along(store):
    killed = Served(store, store.parent / "killed", backend="granian").wait_until_ready()
    os.kill(killed.running.pid, signal.SIGKILL)
    killed.guard.kill()
    assert ended(killed.processes) == []
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", killed.ports["inference_port"])) != 0
    killed.running.wait()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Exception ignored in.*SSLSocket")
def test_it_speaks_tls_on_both_ports(store, tmp_path):
    certificate, key = Authority(tmp_path).issue("serve.example")
    key.chmod(0o600)
    tls = Tls(certificate=certificate, key=key)
    with on_free_ports(store, work_dir=tmp_path / "serve", backend="granian", tls=tls) as server:
        with server.client() as client:
            assert [one.label for one in client.predict(TEXTS)] == ["positive", "negative"]
        assert "sentiment_texts_total" in httpx.get(f"{server.address('metrics')}/metrics", verify=False).text
        with contextlib.suppress(httpx.TransportError):
            assert httpx.get(server.url.replace("https", "http") + "/ping").status_code != 200


def test_a_setting_of_torchserve_is_refused(store, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("TS_JOB_QUEUE_SIZE", "10")
    assert run_command("serve", "backend=granian", f"model_store={store}", f"work_dir={tmp_path}/serve") == 2
    [line] = capsys.readouterr().err.splitlines()[-1:]
    assert line == "error: TS_JOB_QUEUE_SIZE is a setting of TorchServe, and backend=granian reads none; unset it"


@pytest.mark.parametrize("setting", ["model_api=true", "management_host=127.0.0.2", "management_port=9999"])
def test_a_key_of_the_management_api_is_refused(store, tmp_path, capsys, setting):
    assert run_command("serve", "backend=granian", f"model_store={store}", f"work_dir={tmp_path}/serve", setting) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "says nothing with backend=granian, which has no management API" in line
