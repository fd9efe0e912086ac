"""Temporary files beside their targets, and what killed processes left of them."""

import logging
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

log = logging.getLogger(__name__)

HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:32]  # shared folders have temporary files of other hosts
TEMPORARY = re.compile(r"\..+\.(?P<host>[A-Za-z0-9-]*)\.(?P<pid>\d+)\.tmp")


@contextmanager
def temporary_path(target: Path) -> Iterator[Path]:
    """Yield a hidden path beside `target` named by host and process id; whatever is there is removed at the end."""
    sweep_once(target.parent)
    temporary = target.with_name(f".{target.name}.{HOST}.{os.getpid()}.tmp")
    discard(temporary)
    try:
        yield temporary
    finally:
        discard(temporary)


def sweep(folder: Path) -> None:
    """Remove temporary files and folders left in `folder` by dead processes of this host."""
    for path in folder.iterdir():
        found = TEMPORARY.fullmatch(path.name)
        if found and found["host"] == HOST and not is_alive(int(found["pid"])):
            discard(path)
            log.info("removed %s, which a killed process had left", path)


@cache
def sweep_once(folder: Path) -> None:
    """Call `sweep` at most once per folder and process: a job may write thousands of files to one folder."""
    with suppress(FileNotFoundError, PermissionError):
        sweep(folder)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def discard(path: Path) -> None:
    """Remove a file or a folder with its content, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
