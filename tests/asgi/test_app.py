"""The ASGI application alone: its limits, and what is a server's own to answer."""

import asyncio
import json
import threading
from types import SimpleNamespace

import pytest

from sentiment.asgi import app as module
from sentiment.asgi import batcher as batching
from sentiment.asgi.app import App
from sentiment.asgi.batcher import Batcher
from sentiment.worker.activity import Activity
from sentiment.worker.responder import Response


class Echo:
    """A responder that answers how many requests came together, once it may."""

    version, explains = "1.0", True

    def __init__(self):
        self.go_on, self.failure = threading.Event(), None
        self.explainer = SimpleNamespace(is_loaded=True)
        self.go_on.set()
        self.sizes, self.answer = [], None

    def respond(self, rows, headers):
        self.go_on.wait(60)
        self.sizes.append(len(rows))
        if self.failure:
            raise self.failure
        return [Response(200, self.answer or json.dumps(own["explain"]), {}) for own in headers]


@pytest.fixture
def echo():
    return Echo()


@pytest.fixture
def app(echo):
    activity = Activity(None)
    return App({"mood": Batcher(echo, size=4, activity=activity)}, key=None, activity=activity)


def ask(app, *bodies, path="/predictions/mood", method="POST", receive=None, headers=(), send=None):
    """The status, headers and JSON of the answers to requests made at once; None where there is none."""

    async def one(body):
        sent = []

        async def whole():
            return {"type": "http.request", "body": body}

        async def keep(message):
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "headers": [*headers], "query_string": b""}
        await app(scope, receive or whole, send or keep)
        if not sent:
            return None
        answer = json.loads(b"".join(message["body"] for message in sent[1:]))
        return sent[0]["status"], dict(sent[0]["headers"]), answer

    async def all_of_them():
        for batcher in app.batchers.values():
            batcher.start(asyncio.get_running_loop())
        return await asyncio.gather(*map(one, bodies))

    return asyncio.run(all_of_them())


def test_what_arrives_during_a_batch_is_the_next_one(app, echo):
    echo.go_on.clear()
    threading.Timer(0.2, echo.go_on.set).start()
    got = ask(app, *[b"{}"] * 9)
    assert [status for status, _, _ in got] == [200] * 9
    assert sum(echo.sizes) == 9
    assert max(echo.sizes) == 4


def test_the_clients_of_a_batch_are_waited_for_and_in_the_next_one(app, echo, monkeypatch):
    monkeypatch.setattr(batching, "GATHER", 1e9)
    monkeypatch.setattr(batching, "GATHER_SECONDS", 60.0)
    echo.go_on.clear()

    async def ask_twice_and_once():
        [batcher] = app.batchers.values()
        batcher.start(asyncio.get_running_loop())

        async def client(times):
            for _ in range(times):
                await batcher.ask({"body": b"{}"}, {"explain": "False"})

        twice = asyncio.create_task(client(2))
        await asyncio.sleep(0)  # the thread has its first request
        once = asyncio.create_task(client(1))
        await asyncio.sleep(0)
        echo.go_on.set()
        await asyncio.gather(twice, once)

    asyncio.run(ask_twice_and_once())
    assert echo.sizes == [1, 2]


def test_clients_that_do_not_come_back_hold_up_no_one(app, echo, monkeypatch):
    monkeypatch.setattr(batching, "GATHER_SECONDS", 0.01)
    assert [status for status, _, _ in ask(app, *[b"{}"] * 6)] == [200] * 6
    assert echo.sizes == [1, 4, 1]


@pytest.mark.parametrize(
    ("path", "explain"),
    [("/explanations/mood", "True"), ("/explanations/mood/1.0", "True"), ("/v2/models/mood/infer", "False")],
)
def test_the_path_alone_says_whether_an_explanation_is_asked_for(app, path, explain):
    [(status, _, answer)] = ask(app, b"{}", path=path)
    assert (status, answer) == (200, explain)


@pytest.mark.parametrize(
    ("path", "method", "status", "kind"),
    [
        ("/predictions/none", "POST", 404, "ModelNotFoundException"),
        ("/predictions/mood/2.0", "POST", 404, "ModelVersionNotFoundException"),
        ("/predictions", "POST", 404, "ResourceNotFoundException"),
        ("/predictions/mood", "GET", 405, "MethodNotAllowedException"),
    ],
)
def test_what_is_not_there_is_named_as_torchserve_names_it(app, path, method, status, kind):
    [(got, _, answer)] = ask(app, b"{}", path=path, method=method)
    assert (got, answer["code"], answer["type"]) == (status, status, kind)


def test_a_full_queue_is_503_with_a_time_to_wait(app, monkeypatch):
    monkeypatch.setattr(batching, "MAX_QUEUED", 0)
    [(status, headers, answer)] = ask(app, b"{}")
    assert (status, headers[b"retry-after"], answer["message"]) == (503, b"1", "the queue is full; ask again")


def test_bodies_that_fill_the_memory_are_503_and_what_they_held_is_free_again(app, monkeypatch):
    monkeypatch.setattr(module, "MAX_HELD", 10)
    monkeypatch.setattr(module, "SMALL", 5)
    assert [status for status, _, _ in ask(app, b"a" * 11)] == [503]
    assert app.held == 0
    assert [status for status, _, _ in ask(app, b"a" * 10)] == [200]


def test_a_short_body_is_answered_beside_large_ones_that_fill_the_memory(app, monkeypatch):
    monkeypatch.setattr(module, "MAX_HELD", 10)
    app.held = 11  # of those
    assert [status for status, _, _ in ask(app, b"a" * 5)] == [200]


def test_a_body_that_its_client_gave_up_is_not_scored(app, echo):
    messages = iter([{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.disconnect"}])

    async def broken_off():
        return next(messages)

    assert ask(app, b"", receive=broken_off) == [None]
    assert (echo.sizes, app.held) == ([], 0)


def test_the_first_of_two_headers_counts_as_in_torchserve(app, echo):
    app.key = SimpleNamespace(accepts=lambda value: value == "first")
    both = [(b"authorization", b"first"), (b"authorization", b"second")]
    assert [ask(app, b"{}", headers=given)[0][0] for given in (both, both[::-1])] == [200, 400]


def test_a_body_that_arrives_while_the_server_drains_is_refused(tmp_path, echo):
    activity = Activity(tmp_path)
    app = App({"mood": Batcher(echo, size=4, activity=activity)}, key=None, activity=activity)

    async def late():
        (tmp_path / "draining").touch()
        return {"type": "http.request", "body": b"{}"}

    [(status, headers, _)] = ask(app, b"", receive=late)
    assert (status, headers[b"retry-after"], echo.sizes) == (503, b"1", [])


def test_a_body_that_never_ends_is_408(app, monkeypatch):
    monkeypatch.setattr(module, "BODY_SECONDS", 0.05)

    async def never():
        await asyncio.Event().wait()

    [(status, _, answer)] = ask(app, b"", receive=never)
    assert (status, answer["type"]) == (408, "RequestTimeout")


def test_a_large_answer_is_sent_in_pieces_and_given_up_where_nobody_takes_them(app, echo, monkeypatch):
    monkeypatch.setattr(module, "SMALL", 5)
    echo.answer = '"' + "a" * 10 + '"'
    assert ask(app, b"{}")[0][2] == "a" * 10
    monkeypatch.setattr(module, "BODY_SECONDS", 0.05)

    async def stuck(message):
        if message.get("more_body"):
            await asyncio.Event().wait()

    assert ask(app, b"{}", send=stuck) == [None]
    assert app.held == 0


@pytest.mark.parametrize(("failure", "status"), [(ValueError("a user's text"), 500), (MemoryError(), 507)])
def test_a_batch_that_fails_is_told_without_its_texts_and_the_next_is_answered(app, echo, caplog, failure, status):
    echo.failure = failure
    [(got, _, answer)] = ask(app, b"{}")
    assert (got, answer["code"]) == (status, status)
    assert "a user's text" not in caplog.text
    echo.failure = None
    assert ask(app, b"{}")[0][0] == 200


def test_a_server_that_drains_says_so(tmp_path):
    activity = Activity(tmp_path)
    (tmp_path / "draining").touch()
    app = App({"mood": Batcher(SimpleNamespace(version="1.0"), size=1, activity=activity)}, key=None, activity=activity)
    [(status, headers, _)] = ask(app, b"{}")
    assert (status, headers[b"retry-after"]) == (503, b"1")
