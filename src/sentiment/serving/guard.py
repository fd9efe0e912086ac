"""Run a command in a session of its own that ends with the process that started it, even by SIGKILL.

A program, run by path with `python -I -S`: it imports nothing but the standard library, so that it is up at once.
Arguments: the process id of the server command, then the command. Standard input: a pipe that the server command
holds open.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
LOOK_SECONDS = 0.2  # between two looks at the command and at the parent
LEAVE_SECONDS = 5.0  # for what is left once the command has ended


def main(parent: int, command: Sequence[str]) -> int:
    """Return the status of `command`; once the parent is gone, kill all that it started."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the server command decides when to stop
        signal.signal(number, lambda *_: None)  # SIG_IGN would be handed down to Java
    adopt_orphans()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    while child.poll() is None and not orphaned(parent):
        pass
    if child.poll() is None:
        kill(child.pid)
    status = child.wait()
    deadline = time.monotonic() + LEAVE_SECONDS
    while children_left():
        if time.monotonic() > deadline:
            kill(child.pid)
        time.sleep(0.02)
    return status if status >= 0 else 128 - status


def adopt_orphans() -> None:
    """Become the parent of grandchildren whose parent ends, so that they can be waited for; Linux alone has it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_left() -> bool:
    """Reap what has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def orphaned(parent: int) -> bool:
    """Wait a moment for the pipe to close; a child that the parent has forked may still hold it, so ask for both."""
    closed = bool(select.select([sys.stdin], [], [], LOOK_SECONDS)[0])
    return closed or os.getppid() != parent


def kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), sys.argv[2:]))
