"""The ASGI application: tokens, paths and limits of the inference API; what is answered is the worker's.

Error bodies and statuses are TorchServe's, so that clients need not know which of the two serves.
"""

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from sentiment.asgi.batcher import Batcher
from sentiment.asgi.keys import KeyCheck
from sentiment.protocol.bodies import in_query
from sentiment.worker.activity import REFUSAL, Activity
from sentiment.worker.responder import MAX_ANSWER, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

log = logging.getLogger(__name__)

MAX_BODY = MAX_ANSWER  # bytes, as TorchServe has it
MAX_HELD = 256 << 20  # bytes of all bodies received and not yet answered
SMALL = 64 << 10  # bytes; such a body is taken even then, so that large ones that stall refuse no short text
BODY_SECONDS = 60.0  # in which a body must arrive, and an answer be taken
RETRY_SOON = {"Retry-After": "1"}
SEGMENT = r"([^/:]+)"
PATHS: tuple[tuple[re.Pattern[str], bool], ...] = tuple(  # and whether it asks for an explanation
    (re.compile(path), explain)
    for path, explain in (
        (rf"/predictions/{SEGMENT}(?:/([^/]+))?/?", False),
        (rf"/v1/models/{SEGMENT}:predict", False),
        (rf"/v2/models/{SEGMENT}/infer", False),
        (rf"/explanations/{SEGMENT}(?:/([^/]+))?/?", True),
        (rf"/v1/models/{SEGMENT}:explain", True),
        (rf"/v2/models/{SEGMENT}/explain", True),
    )
)


class App:
    """The inference API of some models, one version of each.

    Args:
        batchers: The models by name.
        key: Checks the tokens; None admits everyone.
        activity: Tells whether `sentiment serve` drains the server.
    """

    def __init__(self, batchers: Mapping[str, Batcher], *, key: KeyCheck | None, activity: Activity) -> None:
        self.batchers, self.key, self.activity = batchers, key, activity
        self.held = 0  # bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http" and (response := await self._respond(scope, receive)):
            await self._write(response, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        for batcher in self.batchers.values():
            batcher.start(asyncio.get_running_loop())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _respond(self, scope: Scope, receive: Receive) -> Response | None:
        pairs = reversed(scope["headers"])  # the first one counts, as in TorchServe
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
        if self.key and not self.key.accepts(headers.get("authorization", "")):
            told = "Token Authorization failed. Token either incorrect, expired, or not provided correctly"
            return error(400, "InvalidKeyException", told)
        path = scope["path"]
        if path == "/ping":
            return Response(200, json.dumps({"status": "Healthy", "management": False}), {})
        found = next(((match, explain) for form, explain in PATHS if (match := form.fullmatch(path))), None)
        if path == "/":
            return not_allowed()
        if found is None:
            return error(
                404, "ResourceNotFoundException", "Requested resource is not found, please refer to API document."
            )
        match, explain = found
        name, version = match[1], match[2] if match.re.groups > 1 else None
        batcher = self.batchers.get(name)
        if batcher is None:
            return error(404, "ModelNotFoundException", f"Model not found: {name}")
        if version is not None and version != batcher.responder.version:
            told = f"Model version: {version} does not exist for model: {name}"
            return error(404, "ModelVersionNotFoundException", told)
        if scope["method"] != "POST":
            return not_allowed()
        headers["explain"] = str(explain)
        query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        if "body" in query:  # the worker refuses the others; this one would be lost beside the body
            return error(400, "BadRequest", in_query("body"))
        return await self._answer(batcher, headers, query, receive)

    async def _answer(
        self, batcher: Batcher, headers: dict[str, str], query: Mapping[str, str], receive: Receive
    ) -> Response | None:
        """Receive the body within the limits and have it answered; None if the client is gone before its end."""
        length = headers.get("content-length", "")
        if length.isdecimal() and (len(length) > 18 or int(length) > MAX_BODY):
            return too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    piece = message.get("body", b"")
                    self.held += len(piece)
                    body += piece
                    if len(body) > MAX_BODY:
                        return too_large()
                    if self.held > MAX_HELD and len(body) > SMALL:
                        return busy("the server holds as many requests as it can; ask again")
                    more = message.get("more_body", False)
            if self.activity.draining:
                return Response(503, json.dumps(REFUSAL), RETRY_SOON)
            headers["content-length"] = str(len(body))
            return await batcher.ask({**query, "body": body}, headers) or busy("the queue is full; ask again")
        except TimeoutError:
            return error(408, "RequestTimeout", f"the body did not arrive within {BODY_SECONDS:g} s")
        finally:
            self.held -= len(body)

    async def _write(self, response: Response, send: Send) -> None:
        """Send a response, a large one in pieces, each once the client has taken those before it."""
        body = response.body.encode()
        headers = {"content-type": "application/json", "content-length": str(len(body)), **response.headers}
        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": pairs})
        if len(body) <= SMALL:
            return await send({"type": "http.response.body", "body": body})
        self.held += len(body)
        try:
            async with asyncio.timeout(BODY_SECONDS):  # the server closes a connection whose answer is not whole
                for start in range(0, len(body), SMALL):
                    piece = body[start : start + SMALL]
                    more = start + SMALL < len(body)
                    await send({"type": "http.response.body", "body": piece, "more_body": more})
        except TimeoutError:
            log.info("an answer of %d bytes was not taken within %g s", len(body), BODY_SECONDS)
        finally:
            self.held -= len(body)


def error(status: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, json.dumps({"code": status, "type": kind, "message": message}), headers or {})


def not_allowed() -> Response:
    return error(405, "MethodNotAllowedException", "Requested method is not allowed, please refer to API document.")


def too_large() -> Response:
    return error(413, "PayloadTooLarge", f"the body has more than {MAX_BODY:,} bytes; send less in one request")


def busy(message: str) -> Response:
    return error(503, "ServiceUnavailableException", message, RETRY_SOON)
