"""Atomic writes by temporary file and rename."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentiment.errors import DataError
from sentiment.files.temporary import temporary_path
from sentiment.remote import access, is_remote, uploading

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
    target = check_target(target, marker=marker)
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


def put_in_place(temporary: Path, target: Path, *, marker: str | None = None) -> None:
    """Sync `temporary` to disk, then rename it to `target`: a power cut leaves a complete old or new file.

    Of a folder that is replaced, the old one is renamed away first: it is never there in part.
    """
    sync(temporary)
    if check_target(target, marker=marker).is_dir():  # os.replace fails on a non-empty folder
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


def check_target(target: Path, *, marker: str | None = None) -> Path:
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


def write_text(target: Path, text: str) -> None:
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _sync_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if not (path.is_dir() and error.errno == errno.EINVAL):  # some file systems cannot sync folders
            raise
    finally:
        os.close(descriptor)
