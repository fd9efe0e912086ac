"""What a worker tells `sentiment serve`, and how it refuses once the server stops."""

import json
import os

import pytest

from sentiment.worker.activity import DRAINING, FOLDER, Activity, Batches, count_batches, read_batches


class Context:
    def __init__(self):
        self.status, self.headers = {}, {}

    def set_response_status(self, *, code, phrase, idx):
        self.status[idx] = code

    def set_response_header(self, idx, key, value):
        self.headers[idx] = (key, value)

    def set_response_content_type(self, idx, value):
        pass


class Handler:
    def __init__(self, activity):
        self.activity, self.during = activity, None

    @count_batches
    def handle(self, rows, context):
        self.during = self.look()
        if not rows:
            raise ValueError("no rows")
        return ["answer"] * len(rows)

    def look(self):
        return None


@pytest.fixture
def handler(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    made = Handler(Activity.from_environment())
    made.look = lambda: read_batches(tmp_path, os.getpid())
    return made


def test_a_batch_is_counted_when_it_begins_and_when_it_ends_even_badly(handler):
    assert handler.look() == Batches(0, 0)
    assert handler.handle([{}], Context()) == ["answer"]
    assert (handler.during, handler.look()) == (Batches(1, 0), Batches(1, 1))
    with pytest.raises(ValueError, match="no rows"):
        handler.handle([], Context())
    assert (handler.during.busy, handler.look()) == (True, Batches(2, 2))


def test_each_row_is_refused_while_the_server_drains(handler, tmp_path):
    (tmp_path / DRAINING).touch()
    context = Context()
    answers = handler.handle([{}, {}], context)
    assert [json.loads(answer)["code"] for answer in answers] == [503, 503]
    assert context.status == {0: 503, 1: 503}
    assert context.headers == {0: ("Retry-After", "1"), 1: ("Retry-After", "1")}


def test_under_a_plain_torchserve_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(FOLDER, raising=False)
    assert Handler(Activity.from_environment()).handle([{}], Context()) == ["answer"]
    assert list(tmp_path.iterdir()) == []


def test_a_worker_of_an_earlier_archive_tells_nothing(tmp_path):
    assert read_batches(tmp_path, os.getpid()) is None
