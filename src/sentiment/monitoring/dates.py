"""Dates as spreadsheets write them, with the day or the month first."""

import datetime as dt
import re
from collections.abc import Sequence
from typing import Any, Literal

from sentiment.errors import DataError

Order = Literal["day", "month"]  # what comes first in dates such as 03/04/2026

DATED = re.compile(
    r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?:,? (\d{1,2}):(\d\d)(?::(\d\d))?(?: ([AaPp])[Mm])?)?"
)  # 31.12.2026 14:05


def text_of(value: Any) -> str | None:
    return None if value is None else str(value).strip() or None


def shown(value: Any) -> str:
    return repr(str(value)[:40])


def is_date(value: Any) -> bool:
    """Return True for a text that is a date as spreadsheets write it."""
    return isinstance(value, str) and DATED.fullmatch(value.strip()) is not None


def iso_of(match: re.Match[str], order: Order | None) -> str | None:
    """Return a date of a spreadsheet in ISO form; None if it has no such hour."""
    first, _, second, year, hour, minute, seconds, half = match.groups()
    day, month = (first, second) if order == "day" else (second, first)
    date = f"{year}-{month:0>2}-{day:0>2}"
    if hour is None:
        return date
    if half:
        if not 1 <= int(hour) <= 12:
            return None
        hour = str(int(hour) % 12 + 12 * (half in "Pp"))
    return f"{date} {hour:0>2}:{minute}:{seconds or '00'}"


def order_of(text: str) -> Order | None:
    """Return the order of day and month that a date of a spreadsheet shows; None where it does not."""
    match = DATED.fullmatch(text)
    if match is None or min(int(match[1]), int(match[3])) > 12:
        return None
    return "month" if int(match[3]) > 12 else "day" if match[2] == "." or int(match[1]) > 12 else None


def ordered_date(column: str, values: Sequence[Any]) -> str | None:
    """Return a date of a spreadsheet that shows the order of day and month; None if no value is such a date.

    Raises:
        DataError: No date shows the order, two differ, or others are typed cells.
    """
    dates = [text for value in values if DATED.fullmatch(text := text_of(value) or "")]
    if not dates:
        return None
    check_typed(column, values, dates[0])
    known = next((text for text in dates if order_of(text)), None)
    if known is None:
        raise DataError(
            f"time={column}: {shown(dates[0])} may have the day or the month first; "
            "set time_format='%d/%m/%Y' or '%m/%d/%Y', with the time of day where there is one"
        )
    if other := next((text for text in dates if order_of(text) not in (None, order_of(known))), None):
        raise swapped(column, known, other)
    return known


def swapped(column: str, known: str | None, other: str) -> DataError:
    return DataError(
        f"time={column}: {shown(known)} has the {order_of(known or '')} first, {shown(other)} the {order_of(other)}; "
        "write all dates in one order, such as 2026-12-31"
    )


def check_typed(column: str, values: Sequence[Any], text: str) -> None:
    """Raise DataError for cells of the type date beside a text: a spreadsheet may have swapped what it could read."""
    if (cell := next((value for value in values if isinstance(value, dt.date)), None)) is not None:
        raise DataError(
            f"time={column}: {shown(text)} is a text, {shown(cell)} a cell of the type date, in which the spreadsheet "
            "may have swapped day and month; give all dates as 2026-12-31"
        )
