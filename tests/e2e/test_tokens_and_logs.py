"""`sentiment serve` with tokens that soon expire and all that TorchServe can log: who may go on, and what is told."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import psutil
import pytest

from sentiment.client import Client, Management, read_key
from sentiment.errors import UnauthorizedError
from sentiment.serving.archive import package
from tests.conftest import read_json, write_csv
from tests.e2e.faults import wait_for
from tests.e2e.secret import SECRET, assert_no_secret
from tests.ports import free_ports

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def short(quick_run, tmp_path_factory):
    """`sentiment serve` with tokens that last six seconds, an env file, and all that TorchServe can log, to stdout."""
    folder = tmp_path_factory.mktemp("short")
    package(run=quick_run, model_store=folder / "store")
    (folder / ".env").write_text("TS_MAX_REQUEST_SIZE=20000\nMALLOC_ARENA_MAX=2\n")
    keys = ("inference_port", "management_port", "metrics_port")
    ports = [f"{key}={port}" for key, port in zip(keys, free_ports(3), strict=True)]
    command = [
        sys.executable,
        "-m",
        "sentiment",
        "serve",
        f"model_store={folder}/store",
        f"work_dir={folder}/serve",
        *ports,
    ]
    command += ["token_expiration_min=0.1", "log_level=debug", f"env_file={folder}/.env"]
    command += ["logs=stdout", "json_logs=true"]
    with (folder / "log").open("ab") as output:  # both write at its end
        running = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        wait_for(lambda: "ready after" in (folder / "log").read_text() or running.poll() is not None, 300)
        assert running.poll() is None, (folder / "log").read_text()
        port = {line.partition("=")[0]: int(line.partition("=")[2]) for line in ports}
        yield running, folder, port
    finally:
        running.send_signal(signal.SIGCONT)
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0


@pytest.mark.slow
def test_clients_and_a_batch_job_go_on_while_tokens_are_renewed(short, tmp_path):
    _, folder, ports = short
    key_file, url = folder / "serve" / "key_file.json", f"http://127.0.0.1:{ports['inference_port']}"
    source = write_csv(tmp_path / "in.csv", [(f"{SECRET} {i}",) for i in range(400)], header=("text",))
    job = [sys.executable, "-m", "sentiment", "predict", f"input={source}", f"output={tmp_path}/out.csv", "chunk=4"]
    job += ["engine=rest", f"server={url}", f"engine.key_file={key_file}"]
    batch = subprocess.Popen(job, stderr=subprocess.PIPE, text=True)
    over, tokens = threading.Event(), set()

    def ask(number):
        with Client(url=url, key_file=key_file) as client:
            answers = 0
            while not over.is_set():
                assert len(client.predict([f"good film {SECRET} {number}"] * 3)) == 3
                tokens.add(read_key(key_file, "inference"))
                answers += 1
            return answers

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, number) for number in range(4)]
        wait_for(lambda: len(tokens) >= 3 or any(one.done() for one in asked), 300)  # two lives of a token
        _, errors = batch.communicate(timeout=300)
        over.set()
        assert min(one.result() for one in asked) > 2
    assert batch.returncode == 0, errors
    assert len(tokens) >= 3
    assert read_json(tmp_path / "out.csv.summary.json")["predicted"] == 400


def test_no_text_of_a_user_is_logged_even_when_all_is(short):
    _, folder, ports = short
    key_file, url = folder / "serve" / "key_file.json", f"http://127.0.0.1:{ports['inference_port']}"
    for query in ({"json": {"text": SECRET}}, {"content": f'{{"{SECRET}"'}, {"data": {"data": SECRET}}):
        headers = {"Authorization": f"Bearer {read_key(key_file, 'inference')}"}
        httpx.post(f"{url}/predictions/sentiment", headers=headers, **query)
    time.sleep(0.5)
    assert '"level": "DEBUG"' in (folder / "log").read_text()
    assert SECRET not in (folder / "log").read_text()
    assert_no_secret(folder / "serve")


def test_standard_output_has_one_json_object_a_line(short):
    """What Java prints past its log, a line on its own start, is in a file."""
    _, folder, _ = short
    assert all("message" in json.loads(line) for line in (folder / "log").read_text().splitlines())
    assert "Model server started." in (folder / "serve" / "console.log").read_text()


def test_an_env_file_sets_what_serve_has_no_key_for(short):
    _, folder, ports = short
    key_file, url = folder / "serve" / "key_file.json", f"http://127.0.0.1:{ports['inference_port']}"
    headers = {"Authorization": f"Bearer {read_key(key_file, 'inference')}", "Content-Type": "text/plain"}
    answer = httpx.post(f"{url}/predictions/sentiment", content="a" * 30_000, headers=headers)
    assert answer.status_code == 413
    running, _, _ = short
    java = next(child for child in psutil.Process(running.pid).children(recursive=True) if child.name() == "java")
    assert java.environ()["MALLOC_ARENA_MAX"] == "2"


def test_an_expired_token_is_renewed_by_a_client_that_may(short):
    """With `sentiment serve` held still nobody else renews it."""
    running, folder, ports = short
    key_file, url = folder / "serve" / "key_file.json", f"http://127.0.0.1:{ports['inference_port']}"
    management = f"http://127.0.0.1:{ports['management_port']}"
    os.kill(running.pid, signal.SIGSTOP)
    try:
        time.sleep(6.5)
        with (
            Client(url=url, key_file=key_file, pauses=(0.0,)) as client,
            pytest.raises(UnauthorizedError, match="expired"),
        ):
            client.predict(["a"])
        with Client(url=url, key_file=key_file, management_url=management) as client:
            assert len(client.predict(["a"])) == 1
        with Management(url=management, key_file=key_file) as made:
            assert made.models() == ["sentiment"]
    finally:
        os.kill(running.pid, signal.SIGCONT)
