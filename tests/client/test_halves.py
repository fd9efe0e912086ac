"""Requests that the server finds too large, which the clients send in halves."""

import asyncio
import json

import httpx
import pytest

from sentiment.client import AsyncClient, Client
from sentiment.errors import (
    RejectedError,
)
from tests.client.conftest import echo


def too_much(most):
    """A server that takes no more than `most` texts in one request."""
    sizes = []

    def answer(request):
        texts = json.loads(request.content)["texts"]
        sizes.append(len(texts))
        if len(texts) > most:
            return httpx.Response(413, json={"code": 413, "message": "too many"})
        return httpx.Response(200, json=echo(texts))

    return httpx.MockTransport(answer), sizes


def test_a_request_that_is_too_much_is_sent_in_halves():
    transport, sizes = too_much(3)
    texts = [str(i) for i in range(10)]
    with Client(transport=transport) as asking:
        assert [one.label for one in asking.predict(texts)] == texts
    assert sizes == [10, 5, 2, 3, 5, 2, 3]


def test_one_text_that_is_too_much_is_an_error():
    with Client(transport=too_much(0)[0]) as asking, pytest.raises(RejectedError, match="too many"):
        asking.predict(["a", "b"])


def test_the_async_client_sends_halves_too():
    async def asked():
        async with AsyncClient(transport=too_much(3)[0]) as asking:
            return [one.label for one in await asking.predict([str(i) for i in range(10)])]

    assert asyncio.run(asked()) == [str(i) for i in range(10)]


def refusing(texts, bad):
    """A server that takes at most four texts in one request, and names the bad one by its place there."""

    def answer(request):
        asked = json.loads(request.content)["texts"]
        if len(asked) > 4:
            return httpx.Response(413, json={"code": 413, "message": "too many"})
        if texts[bad] in asked:
            place = asked.index(texts[bad])
            return httpx.Response(400, json={"message": f"the aspect of texts[{place}] and aspects[{place}] are empty"})
        return httpx.Response(200, json=echo(asked))

    return httpx.MockTransport(answer)


@pytest.mark.parametrize("bad", [1, 7, 9, 11])
def test_a_rejected_text_is_named_by_its_place_in_the_callers_list(bad):
    """Requests hold ten texts, which go in halves of five, two and three."""
    texts = [str(i) for i in range(12)]
    told = rf"answered 400: the aspect of texts\[{bad}\] and aspects\[{bad}\] are empty"

    async def ask():
        async with AsyncClient(transport=refusing(texts, bad), batch_size=10) as asking:
            await asking.predict(texts)

    with Client(transport=refusing(texts, bad), batch_size=10) as asking, pytest.raises(RejectedError, match=told):
        asking.predict(texts)
    with pytest.raises(RejectedError, match=told) as caught:
        asyncio.run(ask())
    assert caught.value.status == 400
