"""Columns of an uploaded table that a person most likely wants: times, groups, and a fitting length of a period."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from sentiment.data.tables import BrokenRow, Row
from sentiment.data.tables.columns import plain
from sentiment.errors import DataError
from sentiment.monitoring.times import Clock

TIMES = ("created_at", "created", "time", "date", "datetime", "timestamp", "day", "published", "published_at", "posted")
GROUPS = (
    "brand", "product", "company", "airline", "topic", "category", "group", "store", "country", "channel", "query",
    "query_name", "campaign", "search",
)  # fmt: skip  # the last four: of tools that collect mentions
READ = 0.9  # share of the values that are times
REPEATED = 5  # rows that each value of a group column has on average
MOST_GROUPS = 30
LONGEST = 60  # characters of a group's name
PERIODS = {"15 minutes": "15min", "hour": "1h", "day": "1d", "week": "1w", "month": "1m"}
DAYS = {"15min": 0.5, "1h": 3, "1d": 62, "1w": 400}  # longest span that each period divides well


def time_column(columns: Sequence[str], rows: Sequence[Row]) -> str | None:
    """Find the column of times: the only one, or the only one with a usual name; None where none is clear."""
    found = [name for name in columns if times_of(name, rows) is not None]
    usual = [name for name in found if plain(name) in TIMES]
    clear = usual or [name for name in found if not all(is_number(row.get(name)) for row in rows)]
    return clear[0] if len(clear) == 1 else None


def times_of(column: str, rows: Sequence[Row]) -> Any | None:
    """Read a column as times; None if it is not one."""
    values = [row.get(column) for row in rows if not isinstance(row, BrokenRow)]
    try:
        read = Clock.of(column, values, time_format=None, zone="UTC").read(values)
    except DataError:
        return None
    there = sum(value is not None and bool(str(value).strip()) for value in values)
    known = read[~np.isnat(read)]
    return known if len(known) >= READ * there else None


def is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) or str(value or "0").strip().replace(".", "", 1).isdigit()


def group_column(columns: Sequence[str], rows: Sequence[Row], *, taken: Sequence[str | None]) -> str | None:
    """Find the column of groups, such as brands: the only one with a usual name; None where none is clear."""
    usual = [name for name in columns if name not in taken and plain(name) in GROUPS and groups(name, rows)]
    return usual[0] if len(usual) == 1 else None


def groups(column: str, rows: Sequence[Row]) -> bool:
    """Return True if the values of a column repeat, as the names of groups do."""
    counts = Counter(str(row.get(column) or "") for row in rows if not isinstance(row, BrokenRow))
    few = 2 <= len(counts) <= MOST_GROUPS and counts.total() >= REPEATED * len(counts)
    return few and all(len(value) <= LONGEST for value in counts)


def period(times: Any | None) -> str:
    """Return a length of a period that divides the span of the times into a readable number of points."""
    if times is None or not len(times):
        return "1d"
    days = (times.max() - times.min()).astype("timedelta64[s]").astype(float) / 86_400
    return next((every for every, most in DAYS.items() if days <= most), "1m")
