"""Ports nobody uses, nor another process of these tests will."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

RANGE = range(20_000, 32_768)  # the system takes the ports of outgoing connections from above
LOCKS = Path(tempfile.gettempdir()) / f"sentiment-tests-ports-{os.geteuid()}"
_held: list[int] = []  # descriptors of the locks of the ports given out, open until this process ends


def adjacent_ports(count: int) -> list[int]:
    """Return ports in a row, as `free_ports` does: a command that is told one of a server derives the next."""
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    starts = random.SystemRandom().sample(RANGE[:-count], len(RANGE) - count)
    return next(row for start in starts if all(map(_claimed, row := list(range(start, start + count)))))


def free_ports(count: int) -> list[int]:
    """Return ports that stay this process's: between here and their server no other test is given them."""
    LOCKS.mkdir(mode=0o700, exist_ok=True)
    ports: list[int] = []
    for port in random.SystemRandom().sample(RANGE, len(RANGE)):
        if len(ports) == count:
            break
        if _claimed(port):
            ports.append(port)
    return ports


def _claimed(port: int) -> bool:
    lock = os.open(LOCKS / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with socket.socket() as probe:
            probe.bind(("0.0.0.0", port))
    except OSError:
        os.close(lock)
        return False
    _held.append(lock)
    return True
