"""Requests made to harm others, sent to the real server beside a bystander's short texts."""

import contextlib
import gzip
import json
import re
import socket
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from sentiment.client import Client, read_key
from tests.e2e.conftest import BACKENDS, on_free_ports
from tests.e2e.faults import ready, wait_for, with_settings, workers
from tests.hostile import CEDILLA, GRAVE, HOSTILE

pytestmark = pytest.mark.e2e

JSON = {"Content-Type": "application/json"}
PLAIN = {"Content-Type": "text/plain;charset=UTF-8"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
PARTS = {"Content-Type": "multipart/form-data; boundary=x"}
SENT = b'{"text": "good film"}'
MOMENT = 0.0005  # s
BYSTANDER = b'{"text": "bad meal"}'


def body(value):
    return json.dumps(value, ensure_ascii=False).encode()


KINDS = {
    "overlong references": (body({"text": "&#" + "1" * 4_301}), JSON, {200}),
    "marks": (body({"texts": ["a" + (GRAVE + CEDILLA) * 49_000] * 8}), JSON, {200}),
    "every kind": (body({"texts": [make(20_000) for make in HOSTILE.values()]}), JSON, {200, 400}),
    "many long texts": (body({"texts": ["word " * 1_200] * 1_000}), JSON, {200, 413, 503}),
    "a form of many fields": (b"a&" * 3_200_000, FORM, {413}),
    "a form of many parts": (b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n" * 120_000, PARTS, {413}),
    "a long form": (b"data=" + b"a" * 50_000, FORM, {413}),
    "an id that grows": (
        body({"id": "\u00e9" * 1_200_000, "inputs": [{"name": "t", "shape": [1], "datatype": "BYTES", "data": ["a"]}]}),
        JSON,
        {413},
    ),
    "deep lists": (b'{"text": ' + b"[" * 1_000_000, JSON, {400}),
    "a long number": (b'{"text": ' + b"1" * 1_000_000 + b"}", JSON, {400}),
}


@pytest.fixture(scope="module")
def granian(spare):
    with on_free_ports(spare.store, work_dir=spare.folder.with_name("granian"), backend="granian") as running:
        yield running


@pytest.fixture(scope="module", params=BACKENDS)
def target(request, spare):
    return spare if request.param == "torchserve" else request.getfixturevalue("granian")


@pytest.fixture(scope="module")
def ask(target):
    with asking(target) as made:
        yield made


@pytest.fixture(scope="module")
def ask_spare(spare):
    with asking(spare) as made:
        yield made


@contextlib.contextmanager
def asking(server):
    ready(server)
    headers = {"Authorization": f"Bearer {read_key(server.key_file, 'inference')}"}
    limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
    with httpx.Client(headers=headers, timeout=120, limits=limits) as http:

        def post(content, own, model="sentiment"):
            return http.post(f"{server.url}/predictions/{model}", content=content, headers=own)

        yield post


RARER = ("marks", "every kind", "many long texts")  # each takes seconds


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind in RARER else ()) for kind in KINDS]
)
def test_what_harms_is_answered_and_a_bystander_does_not_notice(target, ask, kind):
    content, headers, expected = KINDS[kind]
    before, done, seen = workers(target), threading.Event(), Counter()

    def stand_by():
        over = False
        while not over:
            over = done.is_set()
            answer = ask(BYSTANDER, JSON)
            seen[answer.status_code, answer.json().get("label")] += 1

    bystander = threading.Thread(target=stand_by)
    bystander.start()
    try:
        with ThreadPoolExecutor(6) as pool:
            got = [answer.status_code for answer in pool.map(lambda _: ask(content, headers), range(6))]
    finally:
        done.set()
        bystander.join()
    assert set(got) <= expected
    assert set(seen) == {(200, "negative")}
    assert workers(target) == before


def test_requests_that_a_client_pipelines_are_answered_and_stall_nobody(target, ask):
    """The id of one was lost when the answer to another was sent meanwhile, and the worker never heard of it."""
    head = f"POST /predictions/sentiment HTTP/1.1\r\nHost: x\r\nContent-Length: {len(SENT)}\r\n"
    head += f"Authorization: Bearer {read_key(target.key_file, 'inference')}\r\n\r\n"
    for _ in range(5):
        with socket.create_connection(("127.0.0.1", target.ports["inference"]), timeout=60) as connection:
            connection.sendall((head.encode() + SENT) * 200)
            received = b""
            while received.count(b"HTTP/1.1 200") < 200:
                received += (piece := connection.recv(1 << 16))
                assert piece, received[-1000:]
        assert ask(BYSTANDER, JSON).json()["label"] == "negative"


def test_30_texts_that_broke_cleaning_among_300_cost_no_answer(ask):
    sent = [KINDS["overlong references"][:2] if i % 10 == 3 else (SENT, JSON) for i in range(300)]
    with ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda one: ask(*one).status_code, sent))
    assert got == [200] * 300


@pytest.mark.parametrize(
    ("content", "headers", "status", "said"),
    [
        (SENT, PLAIN, 200, "positive"),
        (b"\xef\xbb\xbf" + SENT, JSON, 200, "positive"),
        (b"\xef\xbb\xbf" + SENT, PLAIN, 200, "positive"),
        (SENT.decode().encode("utf-16"), JSON, 200, "positive"),
        (b"\n\n " + SENT, {"Content-Type": "application/octet-stream"}, 200, "positive"),
        (SENT, {}, 200, "positive"),
        (SENT, FORM, 200, "positive"),
        (b"data=good+film", FORM, 200, "positive"),
        (b"[good] film", PLAIN, 200, "positive"),
        (b"{good} film", {}, 200, ""),
        (b'"good film"', JSON, 200, "positive"),
        (b'["good film"]', PLAIN, 400, "got a list"),
        (b"null", JSON, 400, "got null"),
        (b'{"text": "good", "text": "bad"}', JSON, 400, "the key 'text' twice"),
        (b'{"text": NaN}', JSON, 400, "NaN, which is no JSON"),
        (b'{"text": "good', PLAIN, 400, "not valid JSON"),
        (b"good film", JSON, 400, "not valid JSON"),
        (gzip.compress(SENT, mtime=0), {**JSON, "Content-Encoding": "gzip"}, 400, "compressed"),
    ],
)
def test_the_body_tells_its_form(ask, content, headers, status, said):
    answer = ask(content, headers)
    assert answer.status_code == status, answer.text
    assert said in (answer.json()["label"] if status == 200 else answer.json()["message"])


@pytest.fixture(scope="module")
def brief(spare):
    """The model with a worker that computes for a moment at a time, and the tokens that this worker takes a request."""
    with_settings(spare.store / "sentiment.mar", spare.store / "brief.mar", maxSeconds=MOMENT)
    query = {"url": "brief.mar", "model_name": "brief", "initial_workers": 1, "synchronous": "true"}
    key = {"Authorization": f"Bearer {read_key(spare.key_file, 'management')}"}
    url = f"{spare.address('management')}/models"
    answer = httpx.post(url, params=query, headers=key, timeout=120)
    assert answer.status_code == 200, answer.text
    yield "brief", most_tokens(spare, "brief")
    with spare.management() as management:
        management.unregister("brief", "1.0")
    (spare.store / "brief.mar").unlink()


def most_tokens(server, model):
    """The tokens of a request that a worker takes at most, as it says in the log once it has measured its machine."""
    log = server.folder / "logs" / "model_log.log"
    said = re.compile(rf"-{model}_1\.0-.*tokens/s: a request has (\d+) at most")
    wait_for(lambda: said.search(log.read_text()))
    return int(said.findall(log.read_text())[-1])


def test_what_no_call_can_hold_is_refused_and_the_client_gets_its_answers_in_parts(spare, ask_spare, brief, tiny_local):
    model, most = brief
    [encoded] = tiny_local.encode(["good film"])
    each = sum(map(len, encoded.windows))
    fitting = most // each
    assert 2 <= fitting < 1_024, f"{most} tokens in {MOMENT} s: this machine needs another MOMENT"
    assert ask_spare(body({"texts": ["good film"] * fitting}), JSON, model).status_code == 200
    refused = ask_spare(body({"texts": ["good film"] * (fitting + 1)}), JSON, model)
    assert refused.status_code == 413
    assert f"more than this server computes in {MOMENT:g} s; send fewer in one request" in refused.json()["message"]
    assert ask_spare(body({"texts": ["good film " * 60]}), JSON, model).status_code == 200  # one text is never too much
    texts = [f"{'good' if i % 2 else 'bad'} film" for i in range(fitting * 3)]
    with Client(url=spare.url, model=model, key_file=spare.key_file, batch_size=1_000, pauses=(0.2,) * 20) as client:
        got = client.predict(texts)
    assert [one.label for one in got] == [one.label for one in tiny_local.predict(texts)]
