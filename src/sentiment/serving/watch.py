"""Watchdog of the server's processes: it polls each second and kills hung workers, which TorchServe restarts."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from sentiment.worker.activity import Batches, read_batches

log = logging.getLogger(__name__)

STOPPED_LOOKS = 3  # polls after which a worker stopped by a signal is killed
STILL_LOOKS = 10  # polls after which a worker idle within a batch is killed; a computing one never is
GAP_SECONDS = 5.0  # a longer gap between two polls means that the machine or this process was suspended
WAITING = (psutil.STATUS_SLEEPING, psutil.STATUS_IDLE)  # sleeping; waits for neither CPU nor disk


@dataclass(frozen=True, slots=True)
class Look:
    """State of one process at one moment; `cpu` is in seconds."""

    pid: int
    status: str
    cpu: float
    batches: Batches | None

    def still_since(self, before: "Look") -> bool:
        """Return True if the process has waited in the same batch since `before` without using CPU."""
        same = self.batches is not None and self.batches.busy and self.batches == before.batches
        return same and self.cpu == before.cpu and self.status in WAITING


@dataclass(slots=True)
class Seen:
    look: Look
    stopped: int = 0  # consecutive polls
    still: int = 0


class Watch:
    """Detector of hung processes; `kill` ends a process by its id."""

    def __init__(self, kill: Callable[[int], None], *, clock: Callable[[], float] = time.time) -> None:
        self.kill, self.clock = kill, clock
        self.seen: dict[int, Seen] = {}
        self.last = clock()
        self.java_stopped = False

    def look(self, java: Iterable[Look], workers: Iterable[Look]) -> None:
        now = self.clock()
        if abs(now - self.last) > GAP_SECONDS:
            self.seen.clear()
        self.last = now
        self._look_at_java(list(java))
        before, self.seen = self.seen, {}
        for one in workers:
            self._look_at_worker(one, before.get(one.pid))

    def _look_at_worker(self, one: Look, before: Seen | None) -> None:
        seen = self.seen[one.pid] = Seen(one)
        if before is None:
            return
        if one.status == psutil.STATUS_STOPPED == before.look.status:
            seen.stopped = before.stopped + 1
        if one.still_since(before.look):
            seen.still = before.still + 1
        if seen.stopped >= STOPPED_LOOKS or seen.still >= STILL_LOOKS:
            reason = "a signal stopped it" if seen.stopped else f"no progress in one batch for {seen.still} s"
            log.warning("worker process %d is stuck (%s): killed, another is started", one.pid, reason)
            self.kill(one.pid)

    def _look_at_java(self, java: list[Look]) -> None:
        stopped = [one.pid for one in java if one.status == psutil.STATUS_STOPPED]
        if stopped and not self.java_stopped:
            log.error(
                "a signal stopped the server's main process, nothing is answered; let it go on: kill -CONT %d", *stopped
            )
        if self.java_stopped and not stopped:
            log.info("the server's main process goes on")
        self.java_stopped = bool(stopped)


def look_at(process: psutil.Process, activity: Path) -> Look | None:
    """Return the state of a process, or None if it has ended."""
    with contextlib.suppress(psutil.Error), process.oneshot():
        times = process.cpu_times()
        batches = read_batches(activity, process.pid)
        return Look(process.pid, process.status(), times.user + times.system, batches)
    return None
