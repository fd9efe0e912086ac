"""Values of any format as tables hold them, and what had to be changed for that."""

import base64
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sentiment.files import SURROGATE

REPLACEMENT = "\ufffd"
CHANGES = {  # what is said of values that a format cannot hold as they are
    "surrogate": "half of a surrogate pair, which is no character, is written as U+FFFD",
    "not_a_number": "NaN and Infinity, which JSON has not, are written as null",
    "json": "columns of several types, or of one that Parquet has not, are written as JSON text",
    "formula": "texts that begin as a formula (=, +, -, @, tab or line end) get a ' before them",
    "control": "control characters, which Excel has not, are written as U+FFFD",
    "carriage_return": "carriage returns are written as line feeds, as Excel has them",
    "cut": "texts are cut at the 32,767 characters of a cell in Excel",
    "text": "numbers that Excel would round are written as text",
}
FORMULA = re.compile("'*[=+\\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")  # the last four are the wide forms of = + - @
NUMBER = re.compile(r"[+-]?(\d[\d.,]*|\.\d+)(e[+-]?\d+)?%?", re.IGNORECASE)
GUARDED = re.compile("'+[=+\\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")

Changes = Counter[tuple[str, str]]  # values changed, for each kind of CHANGES and each column


def cell(value: Any) -> str:
    """A value as text: None as nothing, lists and objects as JSON. Raises ValueError for NaN inside of these."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json_text(value) if isinstance(value, dict | list | tuple) else plain_text(value)


def json_text(value: Any) -> str:
    """A value as JSON. Raises ValueError for NaN and Infinity, which JSON has not."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, default=plain_text)


def plain_text(value: Any) -> str:
    """A value that JSON has no form for as text; bytes that are no UTF-8 in base64."""
    if not isinstance(value, bytes):
        return str(value)
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(value).decode("ascii")


def writable(row: Mapping[str, Any], changes: Changes, *, numbers: bool) -> dict[str, Any]:
    """Replace what no text file can hold; `numbers` says that NaN may stay as a value of its own."""
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
    """Tell whether a spreadsheet may run a text; a plain number such as -3.5 is none."""
    return bool(FORMULA.match(text)) and not NUMBER.fullmatch(text)


def guard(text: str) -> str:
    """Put ' before a text that a spreadsheet may run."""
    return f"'{text}" if is_formula(text) else text


def unguard(text: str) -> str:
    """Take the ' of `guard` away again."""
    return text[1:] if GUARDED.match(text) else text


def sentences(changes: Mapping[tuple[str, str], int]) -> list[str]:
    """One line for each kind of change, with the number of values in each column."""
    found = to_json(changes)
    return [
        f"{words}: {', '.join(f'{count:,} in {column!r}' for column, count in found[kind].items())}"
        for kind, words in CHANGES.items()
        if kind in found
    ]


def to_json(changes: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Changes by kind and column."""
    found: dict[str, dict[str, int]] = {}
    for (kind, column), count in changes.items():
        found.setdefault(kind, {})[column] = count
    return found


def from_json(value: Mapping[str, Mapping[str, int]]) -> Changes:
    return Counter({(kind, column): count for kind, columns in value.items() for column, count in columns.items()})


def duplicates(columns: Sequence[str]) -> list[str]:
    return [column for column, count in Counter(columns).items() if count > 1]
