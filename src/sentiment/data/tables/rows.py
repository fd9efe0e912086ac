"""Row types and checks shared by the readers of all formats."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from sentiment.data.tables.columns import headless
from sentiment.errors import DataError

Row = dict[str, Any]
Broken = Literal["refuse", "keep"]  # handling of malformed lines: raise DataError, or yield a BrokenRow


class BrokenRow(Row):
    """Placeholder for a malformed line: every column is empty, and `reason` says what is wrong."""

    def __init__(self, columns: Iterable[str], reason: str) -> None:
        super().__init__(dict.fromkeys(columns, ""))
        self.reason = reason


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
