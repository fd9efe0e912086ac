"""The end of a server in order: what is under way is answered, what comes then is refused with 503."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from sentiment.client import Client
from sentiment.client.readiness import CANARY
from sentiment.errors import ClientError
from sentiment.worker.activity import DRAINING, Batches

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
REACH_SECONDS = 0.3  # for the last answers, from Java to their clients


def drain(
    clients: Iterable[Client], activity: Path, workers: Callable[[], dict[int, Batches | None]], *, seconds: float
) -> bool:
    """Return once all requests that had come are answered, True, or after `seconds`, False.

    TorchServe keeps the requests of each version in a queue, first in, first out: once a text that is asked now is
    answered, a worker has taken all that came before. From then on workers refuse, and finish the batch they have.
    """
    deadline = time.monotonic() + seconds
    asked = [threading.Thread(target=ask, args=(client, deadline), daemon=True) for client in clients]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join(max(0.0, deadline - time.monotonic()))
    (activity / DRAINING).touch()
    before = workers()
    while any(unfinished(before[pid], now) for pid, now in workers().items() if pid in before):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    time.sleep(REACH_SECONDS)
    return not any(thread.is_alive() for thread in asked)


def ask(client: Client, deadline: float) -> None:
    """Wait in the queue; where it is full, until there is a place."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            with replace(client, timeout=left, pauses=()) as once:
                once.predict([CANARY])
            return
        except ClientError as error:
            log.debug("while the server drains: %s", error)
        time.sleep(LOOK_SECONDS)


def unfinished(before: Batches | None, now: Batches | None) -> bool:
    """Whether a worker still has the batch that it had."""
    return before is not None and now is not None and before.busy and now.done < before.begun
