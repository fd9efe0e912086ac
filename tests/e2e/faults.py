"""What the tests of faults do to a server, and how they look at it."""

import contextlib
import hashlib
import math
import os
import signal
import threading
import time
import zipfile
from collections import Counter

import httpx
import psutil
import pytest
import yaml

from sentiment.client import wait_until_ready


class Recorded(httpx.HTTPTransport):
    """The real transport; it counts what was sent whole and what came back, each try of each request.

    After `pause_after` answers it sends nothing more until `go_on` is set.
    """

    def __init__(self, pause_after=math.inf):
        super().__init__()
        self.sent, self.seen, self.counting = 0, Counter(), threading.Lock()
        self.pause_after, self.go_on = pause_after, threading.Event()

    def trace(self, event, _):
        if event == "http11.send_request_body.complete":
            with self.counting:
                self.sent += 1

    def handle_request(self, request):
        if self.seen[200] >= self.pause_after:
            self.go_on.wait(60)
        request.extensions["trace"] = self.trace
        try:
            response = super().handle_request(request)
        except httpx.TransportError as error:
            self.count(type(error).__name__)
            raise
        self.count(response.status_code)
        return response

    def count(self, outcome):
        with self.counting:
            self.seen[outcome] += 1


def workers(server):
    """The Python processes that hold the models, oldest first."""
    found = [one for one in server.processes() if server.is_worker(one)]
    return sorted(found, key=psutil.Process.create_time)


@contextlib.contextmanager
def held(process):
    """Let a process stand still: what it was asked stays unanswered until it goes on or is killed."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)


def wait_for(condition, seconds=60.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def ready(server, model=None):
    with server.client(model) as client:
        wait_until_ready(client, management_url=server.management_url, seconds=120)


def explaining(server, model=None):
    """Wait until a worker has loaded what explanations need, as our client does."""
    with server.client(model, pauses=(1.0,) * 120) as client:
        client.explain(["a day"])


def same(served, expected):
    """Whether two lists of predictions are equal, each in its place."""
    return [one.label for one in served] == [one.label for one in expected] and all(
        one.probabilities == pytest.approx(other.probabilities, abs=1e-4)
        for one, other in zip(served, expected, strict=True)
    )


def with_settings(source, target, **settings):
    """A copy of an archive with other settings of its model, and the checksums to go with them."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        contents = {name: old.read(name) for name in old.namelist()}
        before = hashlib.sha256(contents["model-config.yaml"]).hexdigest()
        config = yaml.safe_dump({**yaml.safe_load(contents["model-config.yaml"]), **settings}).encode()
        for name, content in {**contents, "model-config.yaml": config}.items():
            if name == "SHA256SUMS":
                content = content.replace(before.encode(), hashlib.sha256(config).hexdigest().encode())
            new.writestr(name, content)
