"""The async client against the same server: order, bounds, and the end of a failed call."""

import asyncio
import threading

import pytest

from sentiment.client import AsyncClient
from sentiment.errors import RejectedError, ServerError, UnreachableError


def ask(server, texts, **options):
    async def go():
        async with AsyncClient(**{"url": server.url, "pauses": (0.0, 0.0), **options}) as client:
            return await client.predict(texts)

    return asyncio.run(go())


def test_answers_keep_the_order_of_the_texts(server):
    server.seconds = 0.01
    texts = [f"text {i}" for i in range(50)]
    assert [p.label for p in ask(server, texts, batch_size=3)] == texts


@pytest.mark.parametrize("concurrency", [1, 3])
def test_no_more_requests_are_under_way_than_allowed(server, concurrency):
    server.together = threading.Barrier(concurrency, timeout=60)
    ask(server, ["a"] * 12, batch_size=1, concurrency=concurrency)
    assert len(server.seen) == 12
    assert server.most_active == concurrency


def test_two_calls_share_the_bound(server):
    server.together = threading.Barrier(2, timeout=60)

    async def go():
        async with AsyncClient(url=server.url, batch_size=1, concurrency=2) as client:
            await asyncio.gather(client.predict(["a"] * 6), client.predict(["b"] * 6))

    asyncio.run(go())
    assert server.most_active == 2


def test_a_busy_server_is_asked_again(server):
    server.script += [(503, {"message": "busy"})]
    assert [p.label for p in ask(server, ["a", "b"], batch_size=1)] == ["a", "b"]
    assert len(server.seen) == 3


def test_the_first_failure_ends_the_others(server):
    server.seconds = 0.05
    server.script += [(500, {"message": "broken"})]
    with pytest.raises(ServerError, match="answered 500: broken"):
        ask(server, ["a"] * 40, batch_size=1, concurrency=2)
    assert len(server.seen) < 10


def test_a_bad_text_and_a_dead_server_are_typed_errors(server):
    with pytest.raises(RejectedError, match=r"texts\[1\] is empty"):
        ask(server, ["a", " "])
    server.server_close()
    with pytest.raises(UnreachableError, match="no answer from"):
        ask(server, ["a"])


def test_a_token_renewed_in_the_middle_is_read_again(server):
    server.token = "first"
    server.write_keys()
    server.events = {
        10: lambda: setattr(server, "token", "second"),
        13: server.write_keys,
    }
    texts = [f"text {i}" for i in range(60)]
    found = ask(server, texts, batch_size=1, concurrency=4, key_file=server.key_file, pauses=(0.01,) * 20)
    assert [p.label for p in found] == texts
    assert {headers["Authorization"] for _, headers, _ in server.seen} == {"Bearer first", "Bearer second"}


def test_an_expired_token_is_renewed(server):
    server.token = "other"
    server.write_keys(token="expired", minutes=-1)
    options = {"key_file": server.key_file, "management_url": server.url}
    assert [p.label for p in ask(server, ["a"], **options)] == ["a"]


def test_explanations_keep_the_order_of_the_texts(server):
    def told(text):
        own = {"target": "good", "text": text, "words": [], "baseline": 0.0, "delta": 0.0, "steps": 16}
        return {"label": "good", "score": 1.0, "probabilities": {"good": 1.0}, **own}

    server.script += [(200, told("a")), (200, told("b"))]

    async def go():
        async with AsyncClient(url=server.url, concurrency=1) as client:
            return await client.explain(["a", "b"])

    assert [one.text for one in asyncio.run(go())] == ["a", "b"]
    assert [body for _, _, body in server.seen] == [{"text": "a"}, {"text": "b"}]
