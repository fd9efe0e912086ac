"""JSON files, read and written."""

import json
import re
from pathlib import Path
from typing import Any

from sentiment.errors import DamagedFileError
from sentiment.files.replacing import write_text
from sentiment.remote import access

SURROGATE = re.compile("[\ud800-\udfff]")  # JSON can escape a lone surrogate; UTF-8 and the tokenizer reject it


def write_json(target: Path, value: object) -> None:
    write_text(target, json_text(value))


def json_text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path) -> Any:
    """Read a JSON file. Raises DamagedFileError for what is not JSON in UTF-8."""
    text = read_utf8(path)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        reason = f"{error.msg} at line {error.lineno}, column {error.colno}" if text.strip() else "it is empty"
        raise damaged(path, reason) from error
    except (ValueError, RecursionError) as error:
        raise damaged(path, "a number is too long, or lists are too deep") from error


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON file with an object at the top level. Raises DamagedFileError for any other."""
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
