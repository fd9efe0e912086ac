"""When tokens are renewed, by a clock that jumps."""

import json
import logging
from datetime import UTC, datetime

import pytest

from sentiment.errors import UnreachableError
from sentiment.serving.tokens import Renewal

LIFE = 3600.0  # s


class Server:
    """A management API that writes the key file as TorchServe does."""

    def __init__(self, path):
        self.path, self.now, self.monotonic, self.renewed, self.failing = path, 1e9, 0.0, 0, False
        self.write()

    def write(self):
        until = datetime.fromtimestamp(self.now + LIFE, UTC).isoformat()
        entry = {"key": "k", "expiration time": until}
        self.path.write_text(json.dumps({"inference": entry, "management": entry, "API": {"key": "k"}}))

    def renew(self):
        if self.failing:
            raise UnreachableError("no answer")
        self.renewed += 1
        self.write()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    return Server(tmp_path / "key_file.json")


@pytest.fixture
def renewal(server):
    return Renewal(
        server.path,
        lifetime=LIFE,
        renew=server.renew,
        clock=lambda: server.now,
        monotonic=lambda: server.monotonic,
    )


@pytest.mark.parametrize(
    ("jump", "renewed"),
    [(0, 0), (0.7, 0), (0.81, 1), (1.5, 1), (24 * 30, 1), (-0.1, 0), (-24 * 30, 1)],
    ids=["new", "young", "due", "expired", "a month on", "corrected a little", "a month back"],
)
def test_tokens_are_renewed_by_what_the_clock_says_now(server, renewal, jump, renewed):
    server.now += jump * LIFE
    renewal.look()
    renewal.look()
    assert server.renewed == renewed


def test_a_failure_is_said_once_and_tried_again_until_it_works(server, renewal, caplog):
    caplog.set_level(logging.INFO)
    server.now, server.failing = server.now + LIFE, True
    for _ in range(100):
        renewal.look()
        server.monotonic += 1.0
    assert 2 <= renewal.failures <= 5  # not at each look
    server.failing = False
    server.monotonic += 30
    renewal.look()
    assert server.renewed == 1
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "tokens are not renewed" in caplog.records[0].message


def test_a_broken_key_file_is_a_reason_to_renew(server, renewal):
    server.path.write_text("{")
    renewal.look()
    assert server.renewed == 1
