"""Objects of a store: looked up, listed, written, removed; errors of the store in one line."""

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from sentiment.errors import DataError, SentimentError, store_error, user_error
from sentiment.remote.paths import EXTRA, as_path, file_system, is_remote, name

GLOB = re.compile(r"[*?\[]")


@contextmanager
def access(path: Path) -> Iterator[None]:
    """Turn the errors of an object store for a remote `path` within the block into a DataError of one line."""
    if not is_remote(path):
        yield
        return
    try:
        yield
    except FileNotFoundError as error:
        cause = error.__cause__  # fsspec's of a host that is not reached, too
        unreached = isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError)
        raise DataError(f"{path}: {cause if unreached else 'no such file, folder or bucket'}") from error
    except PermissionError as error:
        raise DataError(f"{path}: access denied; check the credentials and the rights of this account") from error
    except SentimentError:
        raise
    except Exception as error:  # stores raise types of their own packages; a defect keeps its traceback
        here = isinstance(error, OSError) and not isinstance(error, (TimeoutError, ConnectionError))
        if (known := store_error(error) or (None if here else user_error(error))) is None:
            raise
        raise DataError(f"{path}: {known}") from error


def info(path: Path) -> dict[str, Any]:
    """Return what the store says of an object or folder; DataError if it is missing or out of reach."""
    with access(path):
        return dict(file_system(path).info(name(path)))


def is_folder(path: Path) -> bool:
    """Return True for a folder; DataError if a remote path is out of reach."""
    if not is_remote(path):
        return path.is_dir()
    with access(path):
        return path.is_dir()


def make_folder(path: Path) -> None:
    """Create a folder with its parents; object stores have no folders, and no bucket is created."""
    if not is_remote(path):
        path.mkdir(parents=True, exist_ok=True)


def check_folder(path: Path, given: str = "") -> None:
    """Check, before the work that fills it, that a folder can be made and written; of a remote one, that it may be.

    Args:
        path: The folder.
        given: What the user gave, for the message; by default output=`path`.

    Raises:
        DataError: There is a file in its place or above it, no such bucket, or a name with blanks at its ends.
        PermissionError: The folder, or the one that it would be made in, takes no files.
    """
    given = given or f"output={path}"
    if is_remote(path):
        check_bucket(path, given)
        return
    there = next(parent for parent in (path, *path.absolute().parents) if parent.exists())
    if not there.is_dir():
        what = given if given.endswith(f"={there}") else f"{given}: {there}"
        raise DataError(f"{what} is a file, no folder; name another path")
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, "nothing can be written into this folder", str(there))


def check_bucket(path: Path, given: str) -> None:
    """Raise DataError where the bucket is missing or out of reach, or a name begins or ends with a blank."""
    bucket, *names = name(path).strip("/").split("/")
    if blank := next((one for one in (bucket, *names) if one != one.strip()), None):
        raise DataError(f"{given}: {blank!r} begins or ends with a blank; write it without")
    if str(path).partition("://")[0] not in EXTRA:
        return
    if not bucket:
        raise DataError(f"{given}: it names no bucket; expected s3://BUCKET/NAME")
    with access(path):
        try:
            file_system(path).info(bucket)
        except FileNotFoundError as error:
            raise DataError(f"{given}: there is no bucket {bucket!r}; create it, or name another") from error
        except PermissionError:
            return  # an account may write objects without the right to list the bucket


def list_files(folder: Path, pattern: str) -> list[Path]:
    """List the files of a folder whose names match a glob, sorted; DataError if a remote one is out of reach."""
    if not is_remote(folder):
        return sorted(folder.glob(pattern))
    with access(folder):
        try:
            listed = file_system(folder).ls(name(folder), detail=False)
        except FileNotFoundError:  # no object has been written below it
            return []
    found = (one.rstrip("/").rpartition("/")[2] for one in listed)
    return [folder / one for one in sorted(found) if fnmatchcase(one, pattern)]


def listing(folder: Path) -> dict[str, int | None]:
    """Return the bytes of each file in a folder and None for each folder, by name; empty if there is no such folder."""
    if not is_remote(folder):
        found = folder.iterdir() if folder.is_dir() else ()
        return {path.name: None if path.is_dir() else path.stat().st_size for path in found}
    with access(folder):
        try:
            listed = file_system(folder).ls(name(folder), detail=True)
        except FileNotFoundError:
            return {}
    inner = [(about["name"].removeprefix(name(folder)).strip("/"), about) for about in listed]
    return {own: about["size"] if about["type"] == "file" else None for own, about in inner if own}


def version(path: Path) -> str:
    """Return a token that changes with the content: of the ETag or the time of the last change."""
    return hashlib.sha256(repr(describe(info(path))).encode()).hexdigest()


def describe(about: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a store says of an object, sorted by key."""
    return sorted((key, str(value)) for key, value in about.items())


def find(pattern: str) -> tuple[Path, ...]:
    """Return the object of this very name, or those that match the glob, sorted; empty if a glob matches none."""
    path = as_path(pattern)
    start = name(path)
    if not GLOB.search(start):
        info(path)
        return (path,)
    root = GLOB.split(start)[0].rpartition("/")[0]
    if not root:
        raise DataError(f"{path}: the bucket has to be named without *, ? or [")
    with access(path):
        if (fs := file_system(path)).isfile(start):
            return (path,)
        if "/" not in root.strip("/") and not fs.exists(root):
            raise FileNotFoundError(root)
        found = fs.glob(start, detail=True)
    return tuple(as_path(fs.unstrip_protocol(one)) for one, about in sorted(found.items()) if about["type"] == "file")


@contextmanager
def uploading(target: Path) -> Iterator[Path]:
    """Yield a temporary path of this machine, and upload it to `target` as one object if the block succeeds."""
    with tempfile.TemporaryDirectory(prefix="sentiment-") as folder:
        temporary = Path(folder) / target.name
        yield temporary
        with access(target):
            file_system(target).put_file(str(temporary), name(target))


def remove_files(listed: Sequence[Path]) -> None:
    """Remove files that may be missing; remote ones, all of one store, with one request where it can be."""
    if not listed or not is_remote(listed[0]):
        for path in listed:
            path.unlink(missing_ok=True)
        return
    fs, names = file_system(listed[0]), [name(path) for path in listed]
    with access(listed[0].parent):
        if len(names) > 1 and not any(GLOB.search(one) for one in names):  # fsspec takes a name with * for a glob
            fs.rm(names)
            return
        for one in names:
            with suppress(FileNotFoundError):
                fs.rm_file(one)
