"""Graceful shutdown: finish the pending requests, and refuse new ones with 503."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from sentiment.client import Client
from sentiment.errors import ClientError
from sentiment.protocol.validation import CANARY
from sentiment.worker.activity import DRAINING, Batches

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.05
REACH_SECONDS = 0.3  # grace period in which Java sends the last responses


def drain(
    clients: Iterable[Client], activity: Path, workers: Callable[[], dict[int, Batches | None]], *, seconds: float
) -> bool:
    """Wait until every request received so far is answered, for at most `seconds`.

    TorchServe queues the requests of each version first in, first out. So once a canary text sent now is answered, a
    worker has taken every earlier request. From then on the workers refuse new requests and finish their current batch.

    Args:
        clients: One client for each model version to drain.
        activity: The folder where workers record their batches; the file that starts the draining is created there.
        workers: Returns the batch counters of each worker by process id.
        seconds: The longest wait.

    Returns:
        True if all requests were answered in time.
    """
    deadline = time.monotonic() + seconds
    asked = [threading.Thread(target=ask, args=(client, deadline), daemon=True) for client in clients]
    for thread in asked:
        thread.start()
    for thread in asked:
        thread.join(max(0.0, deadline - time.monotonic()))
    (activity / DRAINING).touch()
    before = workers()
    while any(is_unfinished(before[pid], now) for pid, now in workers().items() if pid in before):
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_SECONDS)
    time.sleep(REACH_SECONDS)
    return not any(thread.is_alive() for thread in asked)


def ask(client: Client, deadline: float) -> None:
    """Send a canary text and wait for its answer; retry until `deadline` while the queue is full."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            with replace(client, timeout=left, pauses=()) as once:
                once.predict([CANARY])
            return
        except ClientError as error:
            log.debug("while the server drains: %s", error)
        time.sleep(LOOK_SECONDS)


def is_unfinished(before: Batches | None, now: Batches | None) -> bool:
    """Return True if a worker is still computing the batch it was computing before."""
    return before is not None and now is not None and before.busy and now.done < before.begun
