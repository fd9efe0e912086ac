"""Predictions of the sync client against a real HTTP server that answers as told."""

import httpx
import pytest

from sentiment.client import Client
from sentiment.client.auth import KeyFileAuth
from sentiment.client.exchange import exchange
from sentiment.errors import (
    BusyError,
    ClientError,
    ConfigError,
    NotFoundError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnreachableError,
)
from sentiment.inference.types import Explanation, Prediction, Word
from tests.client.conftest import HANG_UP, REFUSED, echo

NO_PAUSES = (0.0, 0.0)


def client(server, **options):
    return Client(**{"url": server.url, "pauses": NO_PAUSES, **options})


def test_many_texts_go_in_several_requests_and_come_back_in_order(server):
    texts = [f"text {i}" for i in range(10)]
    with client(server, batch_size=4) as c:
        assert [p.label for p in c.predict(texts)] == texts
    assert [len(body["texts"]) for _, _, body in server.seen] == [4, 4, 2]
    assert {path for path, _, _ in server.seen} == {"/predictions/sentiment"}


def test_a_request_stays_below_the_bytes_torchserve_takes(server):
    """Each sign of these texts is twelve bytes of JSON."""
    texts = [f"{i:02}" + "😍" * 99_998 for i in range(12)]
    with client(server) as c:
        assert [p.label[:2] for p in c.predict(texts)] == [text[:2] for text in texts]
    assert [len(body["texts"]) for _, _, body in server.seen] == [5, 5, 2]
    assert all(int(headers["Content-Length"]) < 6_553_500 for _, headers, _ in server.seen)


def test_a_version_of_a_model_is_asked(server):
    with client(server, model="sentiment/2.0") as c:
        c.predict(["a"])
    assert server.seen[0][0] == "/predictions/sentiment/2.0"


def test_no_texts_ask_nothing(server):
    with client(server) as c:
        assert c.predict([]) == []
    assert server.seen == []


@pytest.mark.parametrize("text", ["", "x" * 100_001, "\ud800", None])
def test_a_text_that_cannot_be_scored_is_named_before_anything_is_asked(server, text):
    with client(server, batch_size=4) as c, pytest.raises(RejectedError, match=r"^texts\[70\] "):
        c.predict([*["a"] * 70, text])
    assert server.seen == []


@pytest.mark.parametrize("trouble", [(503, {"message": "busy"}), (502, "<html>"), HANG_UP])
def test_a_busy_server_and_a_broken_connection_are_asked_again(server, trouble):
    server.script += [trouble, trouble]
    with client(server) as c:
        assert c.predict(["a"]) == [Prediction("a", 1.0, {"a": 1.0})]
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [500, 507])
def test_a_text_whose_worker_died_is_asked_again(server, status):
    """TorchServe tells a killed worker by 507 where it has seen its exit status, and else by 500."""
    server.script += [(status, {"code": status, "type": "InternalServerException", "message": "Worker died."})]
    with client(server) as c:
        assert [p.label for p in c.predict(["a"])] == ["a"]
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "message", "tries"),
    [
        ((400, {"message": "texts[0] is empty"}), RejectedError, r"answered 400: texts\[0\] is empty", 1),
        (
            (404, {"message": "Model not found: sentiment"}),
            NotFoundError,
            "answered 404: Model not found: sentiment",
            1,
        ),
        (REFUSED, UnauthorizedError, "Token Authorization failed.*name the server's key file with key_file=", 1),
        ((403, "<html>"), UnauthorizedError, "answered 403: Forbidden", 1),
        ((401, "<html>"), UnauthorizedError, "answered 401: Unauthorized", 1),
        ((413, ""), RejectedError, "answered 413: Request Entity Too Large", 1),
        (
            (503, {"message": "Model sentiment has no worker"}),
            BusyError,
            "answered 503: Model sentiment has no worker",
            3,
        ),
        ((507, {"message": "out of memory"}), ServerError, "answered 507: out of memory", 1),
        ((307, ""), RejectedError, "answered 307: Temporary Redirect", 1),
    ],
)
def test_what_stays_wrong_is_an_error_of_its_kind(server, answer, kind, message, tries):
    server.script += [answer] * 3
    with client(server) as c, pytest.raises(ClientError, match=message) as caught:
        c.predict(["a"])
    assert type(caught.value) is kind
    assert caught.value.status == answer[0]
    assert len(server.seen) == tries


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("<html>", "answered no JSON"),
        ({"label": "a"}, 'holds no "predictions"'),
        ([1], 'holds no "predictions"'),
        ({"predictions": [{"score": 1.0}]}, 'holds no "predictions"'),
        (echo(["a"]), "1 predictions for 2 texts"),
    ],
)
def test_an_answer_that_is_none_of_ours_is_the_servers_fault(server, answer, message):
    server.script += [(200, answer)]
    with client(server) as c, pytest.raises(ServerError, match=message):
        c.predict(["a", "b"])


def test_a_dead_server_says_how_to_start_one(server):
    server.server_close()
    with (
        Client(url=server.url, pauses=()) as c,
        pytest.raises(UnreachableError, match="with: sentiment serve") as caught,
    ):
        c.predict(["a"])
    assert caught.value.status is None


def test_a_server_that_takes_too_long_is_told_from_a_dead_one(server):
    server.seconds = 30
    with client(server, timeout=0.05, pauses=()) as c, pytest.raises(UnreachableError, match="no answer in time"):
        c.predict(["a"])


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "localhost", "http://", "http://[::1", "ftp://host"])
def test_an_address_that_is_none_is_a_mistake_of_the_configuration(url):
    with Client(url=url) as c, pytest.raises(ConfigError, match="expected http://HOST:PORT"):
        c.predict(["a"])


def test_pauses_grow_and_are_spread():
    flow = exchange("http://host", KeyFileAuth(None, "inference"))
    assert next(flow) == 0.0
    for most in (0.1, 0.3, 1.0, 3.0):
        assert most / 2 <= flow.send(httpx.Response(503)) <= most
    with pytest.raises(BusyError):
        flow.send(httpx.Response(503))


TOLD = Explanation(
    Prediction("good", 0.9, {"bad": 0.1, "good": 0.9}, tokens=3, truncated=False),
    target="good",
    text="fine",
    words=(Word("fine", 0, 4, 2.0),),
    baseline=0.1,
    delta=0.01,
    steps=16,
)


def test_texts_are_explained_one_in_a_request(server):
    server.script += [(200, TOLD.to_json()), (503, "{}"), (200, TOLD.to_json())]
    with client(server) as c:
        assert c.explain(["fine", "fine"], "good") == [TOLD, TOLD]
    assert {path for path, _, _ in server.seen} == {"/explanations/sentiment"}
    assert [body for _, _, body in server.seen] == [{"text": "fine", "target": "good"}] * 3


def test_an_answer_that_is_no_explanation_is_a_fault_of_the_server(server):
    server.script += [(200, {"label": "good"})]
    with client(server) as c, pytest.raises(ServerError, match="no explanation; was the archive packaged"):
        c.explain(["fine"])
    assert server.seen[0][2] == {"text": "fine"}


@pytest.mark.parametrize(("said", "waits"), [("7", 7.0), ("0", 0.0), ("900", 120.0), ("soon", 0.0)])
def test_a_busy_server_says_when_to_ask_again(said, waits):
    flow = exchange("http://x", KeyFileAuth(None, "inference"), pauses=(1e-3, 1e-3))
    assert next(flow) == 0.0
    pause = flow.send(httpx.Response(503, json={"message": "busy"}, headers={"Retry-After": said}))
    assert pause == pytest.approx(waits, abs=2e-3)
    assert flow.send(httpx.ConnectError("gone")) <= 1e-3


def test_a_key_that_is_written_while_the_client_waits_is_sent(server, monkeypatch):
    server.token = "new"
    server.key_file.write_text("old")
    monkeypatch.setattr("time.sleep", lambda seconds: server.key_file.write_text("new") if server.seen else None)
    with client(server, key_file=server.key_file) as c:
        assert [one.label for one in c.predict(["a"])] == ["a"]
    assert [headers["Authorization"] for _, headers, _ in server.seen] == ["Bearer old", "Bearer new"]


@pytest.mark.parametrize(
    "setting", [{"threshold": float("nan")}, {"threshold": {"joy": 2}}, {"max_error": 0}, {"max_error": float("nan")}]
)
def test_a_setting_that_is_none_is_refused_before_anything_is_asked(server, setting):
    [name] = setting
    with client(server, **setting) as c, pytest.raises(RejectedError, match=rf'^"?{name}\S* must be a number .*, got'):
        c.predict(["a"])
    assert server.seen == []
