"""Options for reading a table, and limits on its size."""

import codecs
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sentiment.data.tables.formats import TITLES
from sentiment.errors import ConfigError, DataError

Quoting = Literal["double", "backslash", "none"]
NAMED_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " "}
TAKEN_BY = {  # table kinds to which each option applies
    "separator": ("csv", "tsv"),
    "encoding": ("csv", "tsv", "jsonl", "txt"),
    "quoting": ("csv", "tsv"),
    "columns": ("csv", "tsv", "xlsx"),
}


@dataclass(frozen=True, slots=True)
class TableOptions:
    """Options for reading a table; None means a guess from the content, which `Table.guesses` reports.

    Args:
        separator: One character, or comma, semicolon, tab, pipe, space.
        encoding: Name of a Python codec, such as cp1252.
        quoting: "double" (RFC 4180: quotation marks inside quotes are doubled), "backslash" (they are escaped by a
            backslash), or "none" (quotation marks are part of the values, and every line is a row).
        columns: Names of all columns, for a file without a header line.
    """

    separator: str | None = None
    encoding: str | None = None
    quoting: Quoting | None = None
    columns: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.separator is not None:
            object.__setattr__(self, "separator", check_separator(self.separator))
        if self.encoding is not None:
            object.__setattr__(self, "encoding", check_encoding(self.encoding))
        if self.quoting not in (None, "double", "backslash", "none"):
            raise ConfigError(f"quoting={self.quoting}: expected double, backslash or none")
        if self.columns is not None:
            object.__setattr__(self, "columns", check_columns(self.columns))

    @classmethod
    def of(
        cls,
        prefix: str,
        separator: str | None,
        encoding: str | None,
        quoting: Quoting | None,
        columns: Sequence[str] | None,
    ) -> "TableOptions":
        """Build options from config values; `prefix` precedes the option names in error messages."""
        try:
            return cls(separator, encoding, quoting, columns)
        except ConfigError as error:
            raise ConfigError(f"{prefix}{error}") from error

    def given(self) -> list[str]:
        """Return the names of the options that are set."""
        return [name for name in TAKEN_BY if getattr(self, name) is not None]

    def check_for(self, kind: str, name: str) -> None:
        """Raise DataError if an option is set that does not apply to tables of this kind."""
        for option in self.given():
            if kind not in TAKEN_BY[option]:
                raise DataError(f"{name}: {option} says nothing about a file of {TITLES[kind]}; leave it out")

    def only_for(self, kind: str) -> "TableOptions":
        """Return a copy with only the options that apply to tables of this kind."""
        return replace(self, **{name: None for name in self.given() if kind not in TAKEN_BY[name]})


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper limits for one table; exceeding one raises DataError, None means unlimited."""

    bytes: int | None = None  # bytes after decompression
    rows: int | None = None
    line: int | None = None  # characters per line of CSV or JSON, bytes per text value of Parquet


def check_separator(value: str) -> str:
    separator = NAMED_SEPARATORS.get(value, value)
    if len(separator) != 1 or separator in '\r\n"\\\0' or separator.isalnum():
        raise ConfigError(
            f"separator={value}: expected one character that is no letter or digit, or {', '.join(NAMED_SEPARATORS)}"
        )
    return separator


def check_encoding(value: str) -> str:
    try:
        if not codecs.lookup(value)._is_text_encoding:
            raise LookupError(value)
    except (LookupError, ValueError) as error:
        raise ConfigError(
            f"encoding={value}: unknown; expected for example utf-8, cp1252, latin-1 or utf-16"
        ) from error
    return value


def check_columns(value: Sequence[str]) -> tuple[str, ...]:
    names = tuple(str(name).strip() for name in value)
    if isinstance(value, str) or not names or not all(names):
        raise ConfigError(f"columns={value}: expected the names of all columns, such as [label,id,text]")
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigError(f"columns has the name {min(twice)!r} twice; rename one")
    return names
