"""Atomic writes by temporary file and rename, locks, and JSON input and output."""

import errno
import fcntl
import json
import logging
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from sentiment.errors import DamagedFileError, DataError
from sentiment.remote import access, is_remote, uploading

SURROGATE = re.compile("[\ud800-\udfff]")  # JSON can escape a lone surrogate; UTF-8 and the tokenizer reject it

log = logging.getLogger(__name__)

HOST = re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:32]  # shared folders have temporary files of other hosts
TEMPORARY = re.compile(r"\..+\.(?P<host>[A-Za-z0-9-]*)\.(?P<pid>\d+)\.tmp")
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)


@contextmanager
def replacing(target: Path, *, marker: str | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `target`, and rename it to `target` if the block succeeds.

    A remote target is uploaded from a temporary folder of this machine.

    Args:
        target: File or folder to write. For a symbolic link, the file it points to is replaced.
        marker: File name that identifies a folder as written by this project. An existing folder is replaced only if
            a marker is given and the folder is empty or contains it.

    Raises:
        DataError: `target` is a folder that must not be replaced, or neither a file nor a folder.
    """
    if is_remote(target):
        with uploading(target) as temporary:
            yield temporary
        return
    target = checked_target(target, marker=marker)
    target.parent.mkdir(parents=True, exist_ok=True)
    with named_disk(target), temporary_path(target) as temporary:
        yield temporary
        put_in_place(temporary, target, marker=marker)


@contextmanager
def scratch_folder(target: Path) -> Iterator[Path]:
    """Yield an empty work folder beside `target`, removed at the end; leftovers of killed processes are removed too."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with named_disk(target), temporary_path(target.with_name(f"{target.name}.work")) as folder:
        folder.mkdir()
        yield folder


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


def put_in_place(temporary: Path, target: Path, *, marker: str | None = None) -> None:
    """Sync `temporary` to disk, then rename it to `target`: a power cut leaves a complete old or new file.

    Of a folder that is replaced, the old one is renamed away first: it is never there in part.
    """
    sync(temporary)
    if checked_target(target, marker=marker).is_dir():  # os.replace fails on a non-empty folder
        with temporary_path(target.with_name(f"{target.name}.former")) as former:
            os.replace(target, former)
            try:
                rename(temporary, target)
            except BaseException:
                if not target.exists():
                    os.replace(former, target)
                raise
        return
    rename(temporary, target)


def rename(path: Path, target: Path) -> None:
    """Rename a file or folder within its folder and sync the folder, so that the rename survives a power cut."""
    os.replace(path, target)
    _sync_one(target.parent)


def checked_target(target: Path, *, marker: str | None = None) -> Path:
    """Resolve `target` if it is a symbolic link, and check that it may be replaced.

    Raises:
        DataError: `target` is a folder that must not be replaced, or neither a file nor a folder.
    """
    target = target.resolve() if target.is_symlink() else target
    if target.is_dir():
        if marker is None:
            raise DataError(f"{target} is a folder; name a file in it, or another one")
        if not (target / marker).is_file() and any(target.iterdir()):
            raise DataError(f"{target} is a folder with other files (no {marker}); it is not replaced, move it away")
    elif target.exists() and not target.is_file():
        raise DataError(f"{target} is neither a file nor a folder; name another one")
    return target


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file and flush it to disk; a remote object is whole or absent, a local file may be cut by a kill."""
    if is_remote(path):
        with access(path):
            path.write_bytes(data)
    else:
        path.write_bytes(data)
        sync(path)


def sync(path: Path) -> None:
    """Flush a file, or a folder with everything in it, to disk (fsync)."""
    if path.is_dir():
        for inner in path.rglob("*"):
            _sync_one(inner)
    _sync_one(path)


@contextmanager
def named_disk(target: Path) -> Iterator[None]:
    """Add `target` as the file name to OSErrors of a full or failing disk, which name no file."""
    try:
        yield
    except OSError as error:
        if error.errno in DISK and error.filename is None:
            error.filename = str(target)
        raise


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


def write_text(target: Path, text: str) -> None:
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, value: object) -> None:
    write_text(target, json_text(value))


def json_text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        DamagedFileError: The file is not JSON in UTF-8.
    """
    text = read_utf8(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno}, column {error.colno}" if text.strip() else "it is empty"
        raise damaged(path, reason) from error
    except (ValueError, RecursionError) as error:
        raise damaged(path, "a number is too long, or lists are too deep") from error


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file with an object at the top level.

    Raises:
        DamagedFileError: The file does not contain a JSON object in UTF-8.
    """
    value = read_json(path)
    if not isinstance(value, dict):
        raise damaged(path, f"expected a JSON object, got {type(value).__name__}")
    return value


def read_utf8(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise damaged(path, f"byte 0x{error.object[error.start]:02x} at {error.start} is not UTF-8") from error


def damaged(path: Path, reason: str) -> DamagedFileError:
    return DamagedFileError(f"{path} is damaged: {reason}; restore it, or make it again with what wrote it")


def read_json_if_any(path: Path) -> Any:
    """Read a JSON file; None if it does not exist, but an error if a store cannot say so."""
    with access(path):
        try:
            return read_json(path)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None


def discard(path: Path) -> None:
    """Remove a file or a folder with its content, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (path.is_dir() and error.errno == errno.EINVAL):  # some file systems cannot sync folders
            raise
    finally:
        os.close(descriptor)
