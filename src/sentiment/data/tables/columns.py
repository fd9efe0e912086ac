"""Detection of the text and the label column by name."""

import re
from collections.abc import Sequence

from sentiment.errors import DataError

TEXT_COLUMNS = (
    "text", "full_text", "sentence", "review", "tweet", "message", "comment", "body", "content",
)  # fmt: skip  # case-insensitive; "text" takes precedence, any other must be the only match
LABEL_COLUMNS = ("label", "sentiment", "labels")  # case-insensitive, in order of precedence
ASPECT_COLUMNS = ("aspect", "target")  # case-insensitive, in order of precedence
SHOWN = 20  # columns that a message lists


def text_column(columns: Sequence[str], wanted: str | None, source: str, *, key: str = "text_column") -> str:
    """Choose the text column: `wanted` by the user, else the one with a conventional name.

    `source`, the table, and `key`, the setting that names the column, are for messages.

    Raises:
        DataError: There are no columns, `wanted` is missing, or no or several columns have a conventional name.
    """
    if not columns:
        raise DataError(f"{source} is empty; it has no rows")
    if wanted is not None:
        return find_named(columns, wanted, source, key=key)
    if (found := usual_text(columns)) is not None:
        return found
    if several := [name for name in columns if plain(name) in TEXT_COLUMNS]:
        raise DataError(f"{source} may have its texts in {list_columns(several)}; set {key}")
    raise DataError(f"{source} has no column {'text'!r}, only {list_columns(columns)}; set {key}{headless(columns)}")


def usual_text(columns: Sequence[str]) -> str | None:
    """Find the text column by its conventional name; None if there is no match, or no unique one."""
    names = [name for name in columns if plain(name) == "text"] or [
        name for name in columns if plain(name) in TEXT_COLUMNS
    ]
    return names[0] if len(names) == 1 else None


def label_column(columns: Sequence[str], wanted: str | None, source: str, *, key: str = "label_column") -> str:
    """Choose the label column, as `text_column` does the other. Raises DataError where that fails."""
    if wanted is not None:
        return find_named(columns, wanted, source, key=key)
    if (found := usual_label(columns)) is None:
        raise DataError(
            f"{source} has no column {'label'!r}, only {list_columns(columns)}; set {key}{headless(columns)}"
        )
    return found


def usual_label(columns: Sequence[str]) -> str | None:
    """Find the label column by its conventional name; None if there is no match, or no unique one."""
    return first_usual(columns, LABEL_COLUMNS)


def usual_aspect(columns: Sequence[str]) -> str | None:
    """Find the column of what each text is about, as `usual_label` does that of labels."""
    return first_usual(columns, ASPECT_COLUMNS)


def first_usual(columns: Sequence[str], usuals: Sequence[str]) -> str | None:
    for usual in usuals:
        if names := [name for name in columns if plain(name) == usual]:
            return names[0] if len(names) == 1 else None
    return None


def find_named(columns: Sequence[str], wanted: str, source: str, *, key: str) -> str:
    if wanted not in columns:
        raise DataError(f"{source} has no column {wanted!r}, only {list_columns(columns)}; set {key}")
    return wanted


def plain(name: str) -> str:
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def list_columns(columns: Sequence[str]) -> str:
    more = f" and {len(columns) - SHOWN} more" if len(columns) > SHOWN else ""
    return ", ".join(map(repr, columns[:SHOWN])) + more


def headless(columns: Sequence[str]) -> str:
    """Return a hint to set `columns` if the header looks like a data row, else an empty string."""
    values = any(re.fullmatch(r"[-+]?\d+([.,]\d+)?", name) or len(name) > 60 for name in columns)
    return ", or name columns=[...] where the file has no header" if values else ""
