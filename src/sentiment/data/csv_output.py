"""Rows as CSV: a file, written atomically, or text."""

import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from sentiment.files import SURROGATE, replacing


def write_csv(target: Path, rows: Iterable[Sequence[Any]]) -> None:
    """Write rows, header first, as a UTF-8 CSV file with minimal quoting, atomically."""
    with replacing(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(_Lines(file.write), lineterminator="\r\n").writerows(map(_printable, rows))


def csv_text(rows: Iterable[Sequence[Any]], *, delimiter: str = ",") -> str:
    """Format rows as CSV text with a line feed after each row."""
    lines: list[str] = []
    csv.writer(_Lines(lines.append), delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return "".join(lines)


class _Lines:
    """Adapter that ends each line of a csv.writer with LF instead of CR LF.

    The writer itself uses CR LF, because with LF Python before 3.11.9 leaves values with a carriage return unquoted.
    """

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def write(self, line: str) -> None:
        self._write(f"{line[:-2]}\n")


def _printable(row: Sequence[Any]) -> list[Any]:
    """Replace lone surrogates, which UTF-8 cannot encode, with U+FFFD."""
    return [SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value for value in row]
