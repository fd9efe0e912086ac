"""What the tests of faults do to a server, and how they look at it."""

import contextlib
import hashlib
import os
import signal
import time
import zipfile
from collections import Counter

import httpx
import psutil
import pytest
import yaml

from sentiment.client import wait_until_ready


class Recorded(httpx.HTTPTransport):
    """The real transport; it counts what came back, each try of each request."""

    def __init__(self):
        super().__init__()
        self.seen = Counter()

    def handle_request(self, request):
        try:
            response = super().handle_request(request)
        except httpx.TransportError as error:
            self.seen[type(error).__name__] += 1
            raise
        self.seen[response.status_code] += 1
        return response


def workers(server):
    """The Python processes that hold the models, oldest first."""
    found = [one for one in server.processes() if any("model_service_worker" in part for part in one.cmdline())]
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
        wait_until_ready(client, management_url=server.address("management"), seconds=120)


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
