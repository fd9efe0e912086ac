"""Conversion of values to cells of the output formats, with a record of what had to be changed."""

import base64
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sentiment.files import SURROGATE

REPLACEMENT = "\ufffd"
CHANGES = {  # message for each kind of change to a value that a format cannot hold
    "surrogate": "half of a surrogate pair, which is no character, is written as U+FFFD",
    "not_a_number": "NaN and Infinity, which JSON has not, are written as null",
    "json": "columns of several types, or of one that Parquet has not, are written as JSON text",
    "formula": "texts that begin as a formula (=, +, -, @, tab or line end) get a ' before them",
    "control": "control characters, which Excel has not, are written as U+FFFD",
    "carriage_return": "carriage returns are written as line feeds, as Excel has them",
    "cut": "texts are cut at the 32,767 characters of a cell in Excel",
    "text": "numbers that Excel would round are written as text",
}
FORMULA = re.compile("'*[=+\\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")  # the last four are the full-width forms of = + - @
NUMBER = re.compile(r"[+-]?(\d[\d.,]*|\.\d+)(e[+-]?\d+)?%?", re.IGNORECASE)
GUARDED = re.compile("'+[=+\\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")

Changes = Counter[tuple[str, str]]  # changed values by (kind of CHANGES, column)


def cell(value: Any) -> str:
    """Format a value as text, lists and objects as JSON, None as "". Raises ValueError for NaN or Infinity within."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json_text(value) if isinstance(value, dict | list | tuple) else plain_text(value)


def json_text(value: Any) -> str:
    """Format a value as JSON; ValueError for NaN and Infinity, which JSON cannot represent."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=plain_text)


def plain_text(value: Any) -> str:
    """Format a value without a JSON type as text; bytes are decoded as UTF-8, else encoded in base64."""
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")


def writable(row: Mapping[str, Any], changes: Changes, *, numbers: bool) -> dict[str, Any]:
    """Replace what UTF-8 and JSON cannot represent.

    Args:
        row: The values by column.
        changes: Counts the replaced values; updated in place.
        numbers: Keep NaN and Infinity in a column's value, though not inside lists and objects.
    """
    return {
        column: value if numbers and isinstance(value, float) else _writable(value, column, changes)
        for column, value in row.items()
    }


def _writable(value: Any, column: str, changes: Changes) -> Any:
    if isinstance(value, str) and SURROGATE.search(value):
        changes["surrogate", column] += 1
        return SURROGATE.sub(REPLACEMENT, value)
    if isinstance(value, float) and not math.isfinite(value):
        changes["not_a_number", column] += 1
        return None
    if isinstance(value, dict):
        return {_writable(key, column, changes): _writable(inner, column, changes) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(inner, column, changes) for inner in value]
    return value


def is_formula(text: str) -> bool:
    """Return True if a spreadsheet may evaluate the text as a formula; plain numbers such as -3.5 are not formulas."""
    return bool(FORMULA.match(text)) and not NUMBER.fullmatch(text)


def guard(text: str) -> str:
    """Prefix a text with ' if a spreadsheet may evaluate it as a formula."""
    return f"'{text}" if is_formula(text) else text


def unguard(text: str) -> str:
    """Remove the ' added by `guard`."""
    return text[1:] if GUARDED.match(text) else text


def sentences(changes: Mapping[tuple[str, str], int]) -> list[str]:
    """Format one line per kind of change, with the number of values in each column."""
    found = to_json(changes)
    return [
        f"{words}: {', '.join(f'{count:,} in {column!r}' for column, count in found[kind].items())}"
        for kind, words in CHANGES.items()
        if kind in found
    ]


def to_json(changes: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Convert the counts to nested mappings, by kind and column."""
    found: dict[str, dict[str, int]] = {}
    for (kind, column), count in changes.items():
        found.setdefault(kind, {})[column] = count
    return found


def from_json(value: Mapping[str, Mapping[str, int]]) -> Changes:
    return Counter({(kind, column): count for kind, columns in value.items() for column, count in columns.items()})


def duplicates(columns: Sequence[str]) -> list[str]:
    return [column for column, count in Counter(columns).items() if count > 1]
