"""Which worker counts as stuck, from looks at it one second apart."""

import psutil
import pytest

from sentiment.serving.watch import STILL_LOOKS, STOPPED_LOOKS, Look, Watch
from sentiment.worker.activity import Batches
from tests.clock import Clock

BUSY, IDLE = Batches(8, 7), Batches(8, 8)


@pytest.fixture
def seen():
    """Let a watch see looks one after another; the process ids it killed."""
    killed, clock = [], Clock(1000.0)
    watch = Watch(killed.append, clock=clock)

    def see(*looks, apart=1.0):
        for look in looks:
            clock.now += apart
            watch.look([], [look])
        return killed

    return see


def look(status=psutil.STATUS_SLEEPING, cpu=1.0, batches=IDLE):
    return Look(7, status, cpu, batches)


def test_a_stopped_worker_is_killed_after_three_seconds(seen):
    stopped = look(psutil.STATUS_STOPPED)
    assert seen(*[stopped] * STOPPED_LOOKS) == []
    assert seen(stopped) == [7]


def test_one_that_waits_in_a_batch_without_computing_is_killed(seen):
    still = look(batches=BUSY)
    assert seen(*[still] * STILL_LOOKS) == []
    assert seen(still) == [7]


@pytest.mark.parametrize(
    "looks",
    [
        [look(cpu=float(i), batches=BUSY) for i in range(60)],  # a heavy batch
        [look(psutil.STATUS_RUNNING, batches=BUSY)] * 60,  # waits for a processor
        [look(psutil.STATUS_DISK_SLEEP, batches=BUSY)] * 60,  # waits for a disk
        [look(batches=Batches(i + 1, i)) for i in range(60)],  # one batch after another
        [look()] * 60,  # nothing to do
        [look(batches=None)] * 60,  # an archive that tells nothing
        [look(psutil.STATUS_TRACING_STOP, batches=BUSY)] * 60,  # a debugger holds it
    ],
    ids=["computes", "runnable", "disk", "many", "idle", "old archive", "debugger"],
)
def test_one_that_works_or_has_nothing_to_do_is_left_alone(seen, looks):
    assert seen(*looks) == []


def test_a_machine_that_was_suspended_counts_no_look_from_before(seen):
    assert seen(*[look(psutil.STATUS_STOPPED)] * 60, apart=8.0) == []
