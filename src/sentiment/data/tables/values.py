"""Conversion of cells to texts and labels, equal for all formats."""

import datetime
import math
from decimal import Decimal
from typing import Any

from sentiment.errors import DataError


def text_value(value: Any, column: str, *, key: str = "text_column", what: str = "the texts") -> str | None:
    """Convert a cell to a text; None if it is missing (None or NaN), DataError if it is not a string.

    `key`, the setting that names the column, and `what` it holds are for messages.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (float, Decimal)) and math.isnan(value):
        return None
    raise DataError(f"column {column!r} holds {describe(value)}, no text; set {key} to the column with {what}")


def aspect_value(value: Any, column: str) -> str | None:
    """Convert a cell to an aspect, as `text_value` does to a text."""
    return text_value(value, column, key="aspect_column", what="the aspects")


def label_value(value: Any, column: str) -> str | None:
    """Convert a cell to a label name; None if it is missing.

    Whole floats lose their decimal point, because missing values turn a column of integers into floats. Booleans
    become "true" and "false".

    Raises:
        DataError: The cell is a list (multi-label data), an object or bytes, or has several lines.
    """
    if isinstance(value, str):
        name = value.strip()
        if len(name.splitlines()) > 1:
            raise DataError(f"column {column!r} holds {name[:40]!r}, a label of several lines; give it one line")
        return name or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (float, Decimal)):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value == int(value) else str(value)
    if isinstance(value, (list, tuple)):
        raise DataError(
            f"column {column!r} holds {describe(value)}, several labels of one text; set task=multi, or give each "
            "text one label"
        )
    if isinstance(value, (dict, bytes)):
        raise DataError(f"column {column!r} holds {describe(value)}, no label; set label_column")
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def describe(value: Any) -> str:
    """Describe a value by its kind and its first 40 characters, for messages."""
    kinds: dict[type, str] = {bool: "true or false", dict: "an object", list: "a list", tuple: "a list", bytes: "bytes"}
    kind = kinds.get(type(value)) or ("a date" if isinstance(value, datetime.date) else "a number")
    shown = str(value)
    return f"{kind} ({shown[:40]}{'...' if len(shown) > 40 else ''})"
