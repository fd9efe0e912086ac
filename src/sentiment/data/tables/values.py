"""Cells as texts and labels, the same from every format."""

import datetime
import math
from decimal import Decimal
from typing import Any

from sentiment.errors import DataError


def text_value(value: Any, column: str) -> str | None:
    """Return a cell as a text; None for a missing one, DataError for a value that is none, such as a list."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (float, Decimal)) and math.isnan(value):
        return None
    raise DataError(
        f"column {column!r} holds {described(value)}, no text; set text_column to the column with the texts"
    )


def label_value(value: Any, column: str) -> str | None:
    """Return a cell as the name of a label; None for a missing one, DataError for several labels of one text.

    Whole numbers are written without a decimal point, as a missing value makes floats of them; true and false in lower
    case.
    """
    if isinstance(value, str):
        return value.strip() or None
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
            f"column {column!r} holds {described(value)}: several labels of one text (task=multi) are not available "
            "here; give each text one label"
        )
    if isinstance(value, (dict, bytes)):
        raise DataError(f"column {column!r} holds {described(value)}, no label; set label_column")
    return value.isoformat() if isinstance(value, datetime.date) else str(value)


def described(value: Any) -> str:
    """Name a value's kind and show it."""
    kinds: dict[type, str] = {bool: "true or false", dict: "an object", list: "a list", tuple: "a list", bytes: "bytes"}
    kind = kinds.get(type(value)) or ("a date" if isinstance(value, datetime.date) else "a number")
    shown = str(value)
    return f"{kind} ({shown[:40]}{'...' if len(shown) > 40 else ''})"
