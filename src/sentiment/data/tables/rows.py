"""Row types and checks shared by the readers of all formats."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from sentiment.data.tables.columns import headless
from sentiment.errors import DataError

Row = dict[str, Any]
DEEPEST = 20  # lines above the header
Broken = Literal["refuse", "keep"]  # handling of malformed lines: raise DataError, or yield a BrokenRow


class BrokenRow(Row):
    """Placeholder for a malformed line: every column is empty, and `reason` says what is wrong."""

    def __init__(self, columns: Iterable[str], reason: str) -> None:
        super().__init__(dict.fromkeys(columns, ""))
        self.reason = reason


def below_blank(blank: Sequence[bool]) -> tuple[int, int]:
    """Return the first blank line of a file's first DEEPEST, and the line after it that is not; 0, 0 if one lacks.

    Tools for reports write the report's name and period above them, and the column names below.
    """
    empty = next((i for i, one in enumerate(blank[:DEEPEST]) if one), 0)
    named = next((i for i in range(empty, len(blank)) if not blank[i]), 0)
    return (empty, named) if empty and named else (0, 0)


def check_header(names: Sequence[str], source: str) -> list[str]:
    """Strip the column names and drop empty ones at the end, which trailing separators cause.

    Raises:
        DataError: There are no columns, several inner columns have no name, or a name occurs twice.
    """
    columns = [name.strip().removeprefix("\ufeff").strip() for name in names]
    while columns and not columns[-1]:
        columns.pop()
    if not columns:
        raise DataError(f"{source} is empty; it needs a header line with the column names")
    if columns.count("") > 1:
        raise DataError(f"{source} has {columns.count('')} columns without a name before {columns[-1]!r}; name them")
    if twice := [name for name in dict.fromkeys(columns) if columns.count(name) > 1]:
        raise DataError(f"{source} has the column {twice[0]!r} twice; rename one{headless(columns)}")
    return columns


def limit_rows(rows: Iterator[Row], source: str, most: int | None) -> Iterator[Row]:
    """Yield the rows; DataError if there are more than `most`."""
    for number, row in enumerate(rows, 1):
        if most is not None and number > most:
            raise DataError(f"{source} has more than {most:,} rows; split it")
        yield row
