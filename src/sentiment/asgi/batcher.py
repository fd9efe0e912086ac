"""Dynamic batches: a thread answers together what has arrived while it answered the batch before."""

import asyncio
import contextlib
import json
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from sentiment.worker.activity import Activity
from sentiment.worker.admission import is_of_machine, place_of
from sentiment.worker.explain_queue import LOAD_SECONDS
from sentiment.worker.responder import Responder, Response

log = logging.getLogger(__name__)

MAX_QUEUED = 1000  # requests of a model, as TorchServe is set to have
GATHER, GATHER_SECONDS = 1 / 4, 0.05  # of the last batch's time, and at most: in which its clients may ask anew

Waiting = tuple[Mapping[str, Any], Mapping[str, Any], asyncio.Future[Response]]  # body, headers, answer


class Batcher:
    """A model's queue, which the event loop keeps, and the thread that computes.

    A lone request waits for nothing. After a batch of several, the next one gives the clients just answered a moment to
    ask anew: two batches of 16 take a tenth longer than one of 32.
    """

    def __init__(self, responder: Responder, *, size: int, activity: Activity) -> None:
        self.responder, self.size, self.activity = responder, size, activity
        self._loop: asyncio.AbstractEventLoop
        self._waiting: deque[Waiting] = deque()
        self._batches: queue.SimpleQueue[list[Waiting]] = queue.SimpleQueue()  # for the thread, one at most
        self._busy = False  # the thread computes one
        self._expected = 1  # requests that the next batch waits for

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        threading.Thread(target=self._run, daemon=True).start()

    async def ask(self, row: Mapping[str, Any], headers: Mapping[str, Any]) -> Response | None:
        """Answer one request; None if the queue is full."""
        if len(self._waiting) >= MAX_QUEUED:
            return None
        self.activity.begin()
        try:
            if headers["explain"] == "True" and not self.responder.explainer.is_loaded:
                with contextlib.suppress(TimeoutError):  # 503 then; predictions go on meanwhile
                    await asyncio.wait_for(asyncio.to_thread(self.responder.explainer.load), LOAD_SECONDS)
            answer: asyncio.Future[Response] = self._loop.create_future()
            self._waiting.append((row, headers, answer))
            self._begin()
            return await answer
        finally:
            self.activity.end()

    def _begin(self) -> None:
        """Hand a batch to the thread if it is idle and those expected are there."""
        if self._busy or len(self._waiting) < self._expected:
            return
        self._busy = True
        self._batches.put([self._waiting.popleft() for _ in range(min(self.size, len(self._waiting)))])

    def _run(self) -> None:
        while True:
            batch, started = self._batches.get(), time.monotonic()
            responses = self._respond(batch)
            self._loop.call_soon_threadsafe(self._deliver, batch, responses, time.monotonic() - started)

    def _deliver(self, batch: Sequence[Waiting], responses: Sequence[Response], seconds: float) -> None:
        self._busy = False
        self._expected = min(self.size, len(self._waiting) + len(batch))
        self._begin()
        if self._expected > 1 and not self._busy:
            self._loop.call_later(min(seconds * GATHER, GATHER_SECONDS), self._expect_no_more)
        for (_, _, answer), response in zip(batch, responses, strict=True):
            if not answer.done():  # its client may be gone
                answer.set_result(response)

    def _expect_no_more(self) -> None:
        self._expected = 1
        self._begin()

    def _respond(self, batch: Sequence[Waiting]) -> Sequence[Response]:
        try:
            return self.responder.respond([row for row, _, _ in batch], [headers for _, headers, _ in batch])
        except Exception as failed:  # the thread must live on; the responder isolates what a request can cause
            log.error("a batch of %d failed: %s", len(batch), place_of(failed))
            status, kind = (507, "InsufficientStorage") if is_of_machine(failed) else (500, "InternalServerError")
            told = {"code": status, "type": kind, "message": "the worker failed on this batch; ask again"}
            return [Response(status, json.dumps(told), {})] * len(batch)
