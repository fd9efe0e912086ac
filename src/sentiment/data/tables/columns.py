"""The columns that hold texts and labels, told by their names."""

import re
from collections.abc import Sequence

from sentiment.errors import DataError

TEXT_COLUMNS = (
    "text", "full_text", "sentence", "review", "tweet", "message", "comment", "body", "content",
)  # fmt: skip  # in any case; "text" wins, of the others one alone
LABEL_COLUMNS = ("label", "sentiment", "labels")  # in any case; the first that there is


def text_column(columns: Sequence[str], wanted: str | None, source: str, *, key: str = "text_column") -> str:
    """Return the column with the texts; DataError, with the columns there are, where none is sure.

    Args:
        columns: Names of all columns.
        wanted: The one that the user has named, if any.
        source: What has these columns, for the message.
        key: The setting that names the column.
    """
    if not columns:
        raise DataError(f"{source} is empty; it has no rows")
    if wanted is not None:
        return named(columns, wanted, source, key=key)
    found = usual_text(columns)
    if found is not None:
        return found
    several = [name for name in columns if plain(name) in TEXT_COLUMNS]
    if several:
        raise DataError(f"{source} may have its texts in {listed(several)}; set {key}")
    raise DataError(f"{source} has no column {'text'!r}, only {listed(columns)}; set {key}{headless(columns)}")


def usual_text(columns: Sequence[str]) -> str | None:
    """Return the column that holds the texts by its name; None where none does, or several may."""
    names = [name for name in columns if plain(name) == "text"] or [
        name for name in columns if plain(name) in TEXT_COLUMNS
    ]
    return names[0] if len(names) == 1 else None


def label_column(columns: Sequence[str], wanted: str | None, source: str, *, key: str = "label_column") -> str:
    """Return the column with the labels; DataError, with the columns there are, where there is none."""
    if wanted is not None:
        return named(columns, wanted, source, key=key)
    found = usual_label(columns)
    if found is None:
        raise DataError(f"{source} has no column {'label'!r}, only {listed(columns)}; set {key}{headless(columns)}")
    return found


def usual_label(columns: Sequence[str]) -> str | None:
    """Return the column that holds the labels by its name; None where none does."""
    for usual in LABEL_COLUMNS:
        if names := [name for name in columns if plain(name) == usual]:
            return names[0] if len(names) == 1 else None
    return None


def named(columns: Sequence[str], wanted: str, source: str, *, key: str) -> str:
    if wanted not in columns:
        raise DataError(f"{source} has no column {wanted!r}, only {listed(columns)}; set {key}")
    return wanted


def plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def listed(columns: Sequence[str], most: int = 20) -> str:
    more = f" and {len(columns) - most} more" if len(columns) > most else ""
    return ", ".join(map(repr, columns[:most])) + more


def headless(columns: Sequence[str]) -> str:
    """Say how to name columns, where the header looks like a row."""
    values = any(re.fullmatch(r"[-+]?\d+([.,]\d+)?", name) or len(name) > 60 for name in columns)
    return ", or name columns=[...] where the file has no header" if values else ""
