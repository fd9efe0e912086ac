"""Outputs that are either whole or absent: written to a temporary name, then renamed. And JSON, read."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sentiment.errors import DamagedFileError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Yield a temporary path beside `target`; a file or folder made there takes its place on success only."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    _remove(temporary)
    try:
        yield temporary
        if target.is_dir():
            _remove(target)  # a folder cannot be renamed over a full one
        os.replace(temporary, target)
    finally:
        _remove(temporary)


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Wait until no other process is in a block of the same `lock` file, which stays."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def write_text(target: Path, text: str) -> None:
    with replacing(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(target: Path, value: object) -> None:
    write_text(target, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Raises DamagedFileError where the file holds no JSON in UTF-8."""
    try:
        return json.loads(read_utf8(path))
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno}, column {error.colno}" if error.doc.strip() else "it is empty"
        raise damaged(path, reason) from error
    except RecursionError as error:
        raise damaged(path, "its lists are too deep") from error


def read_object(path: Path) -> dict[str, Any]:
    """Raises DamagedFileError where the file holds no JSON object."""
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
    """None where there is no such file."""
    return read_json(path) if path.is_file() else None


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
