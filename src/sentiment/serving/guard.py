"""Run a command in a session that ends with the process that started it, even if both that and this are killed.

This script is run by path with `python -I -S` and imports only the standard library, so that it starts at once.
Its arguments are the process id of the server command, then the command to run. Its standard input is a pipe that the
server command holds open.
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

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>
LOOK_SECONDS = 0.2  # polling interval for the command and the parent
LEAVE_SECONDS = 5.0  # grace period for child processes once the command has ended


def main(parent: int, command: Sequence[str]) -> int:
    """Run `command` and return its exit status; kill its whole process group once the parent is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the server command decides when to stop
        signal.signal(number, lambda *_: None)  # Java would inherit SIG_IGN, but not a handler
    adopt_orphans()
    here = os.getpid()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0, preexec_fn=lambda: end_with(here))
    while child.poll() is None and not is_orphaned(parent):
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
    """Become a subreaper, so that orphaned grandchildren can be waited for; a no-op outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with(parent: int) -> None:
    """Have the kernel kill this process once its parent has ended; a no-op outside Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it ended before the call
            os.kill(os.getpid(), signal.SIGKILL)


def children_left() -> bool:
    """Reap ended children and return True if any are still running."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def is_orphaned(parent: int) -> bool:
    """Wait up to LOOK_SECONDS for the pipe to close, and return True if the parent is gone.

    The parent's id is compared too, since another child of the parent may have inherited the open pipe.
    """
    closed = bool(select.select([sys.stdin], [], [], LOOK_SECONDS)[0])
    return closed or os.getppid() != parent


def kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), sys.argv[2:]))
