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
