"""The page as `sentiment ui` serves it, asked through its own API."""

import json
import subprocess
import sys
import time

import httpx
import pytest

from tests.ports import free_ports

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def url(tiny_run, tmp_path_factory):
    [port] = free_ports(1)
    command = [sys.executable, "-m", "sentiment", "ui", "engine=local", f"run={tiny_run}", f"port={port}"]
    log = tmp_path_factory.mktemp("ui") / "log"
    with log.open("wb") as output:
        running = subprocess.Popen(command, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + 120
            while b"Running on local URL" not in log.read_bytes():
                assert running.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            running.terminate()
            running.wait(30)


def classify(url, text):
    """(event, data) of the page's answer."""
    event = httpx.post(f"{url}/gradio_api/call/classify", json={"data": [text]}, timeout=60).json()["event_id"]
    lines = httpx.get(f"{url}/gradio_api/call/classify/{event}", timeout=60).text.strip().splitlines()
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


def test_a_text_gets_its_label(url):
    event, [label, notice] = classify(url, "good film")
    assert event == "complete"
    assert label["label"] == "positive"
    assert not notice["visible"]


def test_an_empty_text_is_said(url):
    event, [label, notice] = classify(url, "  ")
    assert event == "complete"
    assert not label
    assert "text is empty" in notice["value"]
