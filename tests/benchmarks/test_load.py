"""The generator of the load asks for real, and refuses what is no answer."""

import json
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import ROOT


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: list[str] = []
    retry_after = ""
    answer = b'{"label": "positive"}'

    def do_POST(self):
        self.seen.append(json.loads(self.rfile.read(int(self.headers["Content-Length"])))["text"])
        self.send_response(503 if self.retry_after else 200)
        if self.retry_after:
            self.send_header("Retry-After", self.retry_after)
            if len(self.seen) % 2:  # as TorchServe does where its queue is full
                self.send_header("Connection", "close")
        self.send_header("content-length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *_):
        pass


@pytest.fixture
def port():
    Answer.seen, Answer.answer, Answer.retry_after = [], b'{"label": "positive"}', ""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


def ask(port):
    command = [sys.executable, "-m", "benchmarks.load", str(port), "/predict", "3", "0.3"]
    return subprocess.run(
        command, cwd=ROOT, input='[{"text": "a"}, {"text": "b"}]', capture_output=True, text=True, check=False
    )


def test_each_answer_is_counted_with_its_latency(port):
    found = json.loads(ask(port).stdout)
    assert len(found["latencies"]) == len(Answer.seen) > 3
    assert set(Answer.seen) == {"a", "b"}
    assert 0 < max(found["latencies"]) <= found["seconds"]


def test_an_error_ends_the_measurement(port):
    Answer.answer = b'{"code": 503}'
    done = ask(port)
    assert done.returncode == 1
    assert "not an answer" in done.stderr


def test_a_full_queue_is_counted_and_asked_again_when_it_says(port):
    Answer.retry_after = "0.2"
    found = json.loads(ask(port).stdout)
    assert (found["latencies"], found["refused"]) == ([], len(Answer.seen))
    assert 3 <= found["refused"] <= 6  # of three connections, each waits before it asks again
