"""Batch counters that a worker shares with `sentiment serve`, and the flag by which `serve` drains the worker.

`serve` names the folder in an environment variable; without it, e.g. under plain torchserve, nothing is written.
"""

import functools
import json
import mmap
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = "SENTIMENT_ACTIVITY"  # environment variable
DRAINING = "draining"  # a file in that folder; while it exists, requests are rejected
COUNTS = struct.Struct("=QQ")  # batches begun and batches done
REFUSAL = {"code": 503, "type": "ServiceUnavailableException", "message": "the server is stopping; ask again later"}

Handle = Callable[[Any, list[dict[str, Any]], Any], list[str]]


@dataclass(frozen=True, slots=True)
class Batches:
    begun: int
    done: int

    @property
    def busy(self) -> bool:
        return self.begun > self.done


class Activity:
    """Lock-free batch counters in shared memory; a few microseconds per batch."""

    def __init__(self, folder: Path | None) -> None:
        self._draining = str(folder / DRAINING) if folder else None
        self._counts = memory(folder / f"{os.getpid()}.batches") if folder else mmap.mmap(-1, COUNTS.size)
        self._begun = self._done = 0

    @classmethod
    def from_environment(cls) -> "Activity":
        folder = os.environ.get(FOLDER)
        return cls(Path(folder) if folder and Path(folder).is_dir() else None)

    @property
    def draining(self) -> bool:
        return self._draining is not None and os.path.exists(self._draining)

    def begin(self) -> None:
        self._begun += 1
        COUNTS.pack_into(self._counts, 0, self._begun, self._done)

    def end(self) -> None:
        self._done += 1
        COUNTS.pack_into(self._counts, 0, self._begun, self._done)


def memory(path: Path) -> mmap.mmap:
    path.write_bytes(bytes(COUNTS.size))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), COUNTS.size)


def read_batches(folder: Path, pid: int) -> Batches | None:
    """Read a worker's counters; None if its archive predates them or the file cannot be read."""
    try:
        return Batches(*COUNTS.unpack(path.read_bytes())) if (path := folder / f"{pid}.batches").is_file() else None
    except (OSError, struct.error):  # the worker is just starting or has ended
        return None


def count_batches(handle: Handle) -> Handle:
    """Decorate a `handle` method to count its batches and to reject all rows with 503 while the server drains."""

    @functools.wraps(handle)
    def counting(self: Any, rows: list[dict[str, Any]], context: Any) -> list[str]:
        activity: Activity = self.activity
        activity.begin()
        try:
            return refuse(rows, context) if activity.draining else handle(self, rows, context)
        finally:
            activity.end()

    return counting


def refuse(rows: list[dict[str, Any]], context: Any) -> list[str]:
    for index in range(len(rows)):
        context.set_response_content_type(index, "application/json")
        context.set_response_header(index, "Retry-After", "1")
        context.set_response_status(code=503, phrase="Service Unavailable", idx=index)
    return [json.dumps(REFUSAL)] * len(rows)
