"""Exclusive locks on files and folders."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)


@contextmanager
def locked(path: Path, *, busy: Exception | None = None) -> Iterator[int]:
    """Hold an exclusive lock on a file, or on an existing folder; the kernel releases it if the process dies.

    Args:
        path: The file is created if it is missing, and kept.
        busy: Raised if another process holds the lock; None: wait for it.

    Yields:
        A descriptor of the file, open for reading and appending.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT | os.O_APPEND
    descriptor = os.open(path, flags, 0o666)
    try:
        if not lock_file(descriptor):
            if busy is not None:
                raise busy
            log.info("waiting for the process that holds %s", path)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def lock_file(descriptor: int) -> bool:
    """Take an exclusive lock on an open file; False if another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
