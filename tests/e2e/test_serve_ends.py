"""`sentiment serve` under signals: it drains, and whatever ends it, nothing that it started goes on."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from sentiment.client import read_key
from sentiment.client.keys import is_expired
from sentiment.worker.activity import DRAINING
from tests.conftest import read_json
from tests.e2e.faults import Recorded, held, wait_for
from tests.e2e.serving import Served, ended, run_command

pytestmark = pytest.mark.e2e

PATH = "/predictions/sentiment"

APIS = ("inference", "management")
HEAP_FULL = [
    "error: TorchServe ended with status 3; ",
    "reason: Terminating due to java.lang.OutOfMemoryError: Java heap space",
]
SETTLED = 0.5  # s in which TorchServe passes on what it was sent


@pytest.fixture(scope="module")
def served(store):
    with Served(store, store.parent / "serve", "drain_seconds=120") as made:
        yield made.wait_until_ready()


def http(served, transport):
    keyed = served.key_file.exists()
    headers = {"Authorization": f"Bearer {read_key(served.key_file, 'inference')}"} if keyed else {}
    return httpx.Client(base_url=served.url, headers=headers, timeout=60, transport=transport)


def ready(served, *overrides):
    return run_command(
        "ready", f"server={served.url}", f"engine.key_file={served.key_file}", "engine.timeout=20",
        f"management_url={served.settings.address('management')}", *overrides,
    )  # fmt: skip


@pytest.mark.slow
def test_a_second_server_in_the_folder_is_refused_and_the_first_goes_on(served):
    before = {path: path.stat().st_mtime_ns for path in served.folder.rglob("*") if path.is_file()}
    second = subprocess.run(served.command, capture_output=True, text=True)
    assert second.returncode == 1
    [line] = [line for line in second.stderr.splitlines() if line.startswith("error: ")]
    assert f"belongs to a server that runs, process {served.running.pid}; stop it with: kill" in line
    for path, changed in before.items():
        assert path.stat().st_mtime_ns == changed or path.suffix in (".log", ".batches"), path
    assert served.post(json={"text": "good film"}).status_code == 200


@pytest.mark.slow
def test_a_worker_that_a_signal_stopped_is_replaced_in_seconds(served):
    stuck = served.worker
    stuck.suspend()
    with served.client(timeout=300, pauses=(0.5,) * 600) as client:
        assert client.predict(["good film"])
    assert not stuck.is_running()
    assert f"worker process {stuck.pid} is stuck (a signal stopped it): killed" in served.log


def test_java_alone_keeps_few_malloc_arenas_and_writes_nothing_outside_the_folder(served):
    assert served.java.environ()["MALLOC_ARENA_MAX"] == "2"
    assert "MALLOC_ARENA_MAX" not in served.worker.environ()
    assert [*Path("/tmp").glob(f"hsperfdata_*/{served.java.pid}")] == []


@pytest.mark.slow
def test_a_java_that_stands_still_is_said_and_fails_the_check_of_life(served):
    assert ready(served, "check=live") == 0
    with held(served.java):
        served.wait_until(f"let it go on: kill -CONT {served.java.pid}")
        assert ready(served, "check=live", "engine.timeout=2") == 1
    served.wait_until("main process goes on")
    assert ready(served, "check=live") == 0


def test_tokens_whose_time_is_up_by_the_clock_are_renewed_at_once(served):
    """As after a jump of the clock: what the file says of their end is past."""
    before = read_json(served.key_file)
    past = {name: {**entry, "expiration time": "2020-01-01T00:00:00Z"} for name, entry in before.items()}
    served.key_file.write_text(json.dumps(past))
    wait_for(lambda: {read_key(served.key_file, api) for api in APIS} & {past[api]["key"] for api in APIS} == set())
    assert not any(is_expired(served.key_file, api) for api in APIS)
    assert served.key_file.stat().st_mode & 0o777 == 0o600
    assert served.post(json={"text": "good film"}).status_code == 200


def test_while_it_drains_the_server_is_alive_but_not_ready_and_says_503(served):
    flag = served.folder / "tmp" / "activity" / DRAINING
    flag.touch()
    try:
        refused = served.post(json={"text": "good film"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert refused.json()["message"] == "the server is stopping; ask again later"
        assert ready(served) == 1
        assert ready(served, "check=live") == 0
    finally:
        flag.unlink()
    assert ready(served, "wait=60") == 0


def test_requests_under_way_are_answered_before_the_server_ends(served):
    """Four wait for a worker that is held still while the signal comes."""
    worker, late, over = served.worker, [], threading.Event()

    def go_on_asking():
        while not over.is_set():
            with contextlib.suppress(httpx.HTTPError, OSError):
                late.append(served.post(json={"text": "good film"}).status_code)

    with http(served, sent := Recorded()) as client, ThreadPoolExecutor(5) as pool:
        with held(worker):
            asked = [pool.submit(client.post, PATH, json={"texts": ["good film"] * 20}) for _ in range(4)]
            wait_for(lambda: sent.sent == 4)
            time.sleep(SETTLED)
            served.running.send_signal(signal.SIGTERM)
            served.wait_until("stopping: requests under way are answered")
        pool.submit(go_on_asking)
        assert [one.result().status_code for one in asked] == [200] * 4
        assert served.running.wait(60) == 0
        over.set()
    assert set(late) <= {200, 503}
    assert ended(served.processes) == []
    assert not served.key_file.exists()


@pytest.mark.slow
def test_a_server_that_strangers_may_use_says_so_twice_and_a_second_signal_ends_it_at_once(store):
    with Served(
        store, store.parent / "open", "token_auth=false", "host=0.0.0.0", "insecure=true", "drain_seconds=300"
    ) as open_to_all:
        open_to_all.wait_until_ready()
        open_to_all.wait_until("curl ")
        assert open_to_all.log.count("!! INSECURE, as insecure=true allows:") == 2
        assert "TOKEN" not in open_to_all.log
        worker = open_to_all.worker
        with http(open_to_all, sent := Recorded()) as client, held(worker), ThreadPoolExecutor(1) as pool:
            asked = pool.submit(client.post, PATH, json={"text": "a"})
            wait_for(lambda: sent.sent == 1)
            time.sleep(SETTLED)
            open_to_all.running.send_signal(signal.SIGTERM)
            open_to_all.wait_until("stopping: requests under way are answered")
            open_to_all.running.send_signal(signal.SIGINT)
            assert open_to_all.running.wait(60) == 0  # long before drain_seconds
            with pytest.raises(httpx.TransportError):
                asked.result()
        assert ended(open_to_all.processes) == []


def test_what_lets_strangers_in_is_refused_before_anything_starts(store, tmp_path, capsys):
    for words in (["token_auth=false", "host=0.0.0.0"], ["management_host=0.0.0.0"]):
        assert run_command("serve", f"model_store={store}", f"work_dir={tmp_path}/serve", *words) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert line.startswith("error: ")
        assert line.endswith("keeps strangers out")
    assert not (tmp_path / "serve").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("memory", "option", "lines"),
    [
        ("heap", "-Xmx48m", HEAP_FULL),
        pytest.param(
            *("buffers", "-XX:MaxDirectMemorySize=24m", ["error: TorchServe ran out of memory for bodies under way"]),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_java_without_memory_ends_and_takes_the_server_along(store, monkeypatch, memory, option, lines):
    """TorchServe alone goes on without the threads that failed, and answers no request again."""
    monkeypatch.setenv("_JAVA_OPTIONS", option)
    with Served(store, store.parent / memory, "token_auth=false") as served:
        flood(served.wait_until_ready(), [b" " * 6_000_000] * 24)
        assert served.running.wait(60) == 1
        for line in lines:
            assert line in served.log
        assert ended(served.processes) == []


def flood(served, bodies):
    """Send each body over a connection of its own, all at once, and wait for no answer."""
    port = served.ports["inference_port"]
    head = f"POST {PATH} HTTP/1.1\r\nHost: here\r\nContent-Type: application/json\r\nContent-Length: "

    def send(body):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
            connection.sendall(f"{head}{len(body)}\r\n\r\n".encode() + body)
            connection.recv(1)

    with ThreadPoolExecutor(len(bodies)) as pool:
        list(pool.map(send, bodies))


def port_is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_killed_server_takes_all_its_processes_along_and_the_next_one_starts(store):
    """Killed while it starts, then, in the same folder and with its guard, under load."""
    served = Served(store, store.parent / "killed")
    wait_for(lambda: served.java is not None)
    starting = served.look()
    served.running.kill()
    assert ended(starting) == []
    assert all(map(port_is_free, served.ports.values()))

    loaded = Served(store, store.parent / "killed").wait_until_ready()
    with http(loaded, sent := Recorded()) as client, ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(client.post, PATH, json={"texts": ["good film " * 50] * 500}) for _ in range(4)]
        wait_for(lambda: sent.sent == 4)
        os.kill(loaded.running.pid, signal.SIGKILL)
        loaded.guard.kill()
        for one in asked:
            with contextlib.suppress(httpx.HTTPError):
                one.result()
    assert ended(loaded.processes) == []
    assert all(map(port_is_free, loaded.ports.values()))
    loaded.running.wait()
    served.running.wait()
