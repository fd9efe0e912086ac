"""Copies of remote runs and files on this machine, once for each content."""

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sentiment.errors import DataError
from sentiment.remote.paths import as_path, file_system, is_remote, name
from sentiment.remote.stores import access, describe

log = logging.getLogger(__name__)

ROOM = "BERT_SENTIMENT_CACHE"  # environment variable: folder of downloaded runs


def local_copy(value: str | Path) -> Path:
    """Return a file or folder of this machine: a remote one is downloaded to the cache, once for each content.

    The checkpoints of a run, which only training reads, stay where they are.

    Raises:
        DataError: It is missing or out of reach.
    """
    path = as_path(value)
    if not is_remote(path):
        return path
    found = objects(path)
    state = hashlib.sha256(str(path).encode())
    for one, about in found.items():
        state.update(repr((one, about)).encode())
    target = cache_folder() / state.hexdigest()[:16] / (path.name or "bucket")
    if not target.exists():
        log.info("downloading %s to %s", path, target)
        cache_folder().mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=cache_folder()))
        try:
            download(path, found, scratch / target.name)
            if objects(path) != found:
                raise DataError(f"{path}: it was changed while it was downloaded; start again once it is complete")
            put_once(scratch / target.name, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def objects(path: Path) -> dict[str, Any]:
    """Return what the store says of an object, or of each object below a folder, by its name from there.

    Raises:
        DataError: There is none, it is out of reach, or a name would lead out of the folder of a download.
    """
    fs, root = file_system(path), name(path).rstrip("/")
    with access(path):
        listed = {root: fs.info(root)} if fs.isfile(root) else fs.find(root, detail=True)
    found = {}
    for one, about in sorted(listed.items()):
        inner = one.removeprefix(root).lstrip("/")
        if ".." in inner.split("/"):
            raise DataError(f"{path}: the object {one!r} would be written outside of the folder; rename or remove it")
        if "checkpoints" not in inner.split("/") and not one.endswith("/") and about["type"] == "file":
            found[inner] = describe(about)
    if not found:
        raise DataError(f"{path}: no such file, folder or bucket")
    return found


def download(path: Path, found: Iterable[str], target: Path) -> None:
    fs, root = file_system(path), name(path).rstrip("/")
    with access(path):
        for inner in found:
            own = target / inner
            own.parent.mkdir(parents=True, exist_ok=True)
            fs.get_file(f"{root}/{inner}".rstrip("/"), str(own))


def put_once(scratch: Path, target: Path) -> None:
    """Rename a complete download; another process may have been faster with the same one."""
    target.parent.mkdir(exist_ok=True)
    try:
        scratch.rename(target)
    except OSError:
        if not target.exists():
            raise


def cache_folder() -> Path:
    return Path(
        os.environ.get(ROOM) or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "bert-sentiment"
    ).expanduser()
