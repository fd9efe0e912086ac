"""Dynamic batches: a thread answers together what has arrived while it answered the batch before."""

import asyncio
import contextlib
import json
import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from sentiment.worker.activity import Activity
from sentiment.worker.admission import is_of_machine, place_of
from sentiment.worker.explain_queue import LOAD_SECONDS
from sentiment.worker.responder import Responder, Response

log = logging.getLogger(__name__)

MAX_QUEUED = 1000  # requests of a model, as TorchServe is set to have

Waiting = tuple[Mapping[str, Any], Mapping[str, Any], asyncio.Future[Response]]  # body, headers, answer


class Batcher:
    """A model's queue and the thread that computes; a lone request waits for nothing."""

    def __init__(self, responder: Responder, *, size: int, activity: Activity) -> None:
        self.responder, self.size, self.activity = responder, size, activity
        self._loop: asyncio.AbstractEventLoop
        self._queue: queue.SimpleQueue[Waiting] = queue.SimpleQueue()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        threading.Thread(target=self._run, daemon=True).start()

    async def ask(self, row: Mapping[str, Any], headers: Mapping[str, Any]) -> Response | None:
        """Answer one request; None if the queue is full."""
        if self._queue.qsize() >= MAX_QUEUED:
            return None
        self.activity.begin()
        try:
            if headers["explain"] == "True" and not self.responder.explainer.is_loaded:
                with contextlib.suppress(TimeoutError):  # 503 then; predictions go on meanwhile
                    await asyncio.wait_for(asyncio.to_thread(self.responder.explainer.load), LOAD_SECONDS)
            answer: asyncio.Future[Response] = self._loop.create_future()
            self._queue.put((row, headers, answer))
            return await answer
        finally:
            self.activity.end()

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            while len(batch) < self.size and not self._queue.empty():  # no other thread takes from it
                batch.append(self._queue.get())
            self._loop.call_soon_threadsafe(deliver, batch, self._respond(batch))

    def _respond(self, batch: Sequence[Waiting]) -> Sequence[Response]:
        try:
            return self.responder.respond([row for row, _, _ in batch], [headers for _, headers, _ in batch])
        except Exception as failed:  # the thread must live on; the responder isolates what a request can cause
            log.error("a batch of %d failed: %s", len(batch), place_of(failed))
            status, kind = (507, "InsufficientStorage") if is_of_machine(failed) else (500, "InternalServerError")
            told = {"code": status, "type": kind, "message": "the worker failed on this batch; ask again"}
            return [Response(status, json.dumps(told), {})] * len(batch)


def deliver(batch: Sequence[Waiting], responses: Sequence[Response]) -> None:
    for (_, _, answer), response in zip(batch, responses, strict=True):
        if not answer.done():  # its client may be gone
            answer.set_result(response)
