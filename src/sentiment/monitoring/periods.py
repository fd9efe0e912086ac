"""Times of rows, and the periods that they fall into."""

import datetime as dt
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from sentiment.errors import ConfigError, DataError

Unit = Literal["h", "d", "w", "m"]
Times = Any  # numpy array of datetime64[s]

EVERY = re.compile(r"(\d{0,4})([hdwm])")
SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}
MONDAY = 4 * 86_400  # s, from the epoch's Thursday to a Monday
TWITTER = "%a %b %d %H:%M:%S %z %Y"
SHOWN = {"h": "%Y-%m-%d %H:%M", "d": "%Y-%m-%d", "w": "%Y-%m-%d", "m": "%Y-%m"}
SPREADSHEET = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2\d{4}((?:,? )\d{1,2}:\d\d(:\d\d)?( [AaPp][Mm])?)?")
NUMBER = re.compile(r"\d{9,13}(\.\d+)?")
EARLIEST = 100_000_000  # seconds since 1970 of the first number that is a time
EXAMPLE = dt.datetime(2026, 12, 31, 14, 5)
MILLISECONDS = 100_000_000_000  # larger numbers count milliseconds, not seconds


@dataclass(frozen=True, slots=True)
class Every:
    """Length of a period: hours, days, weeks from Monday, or calendar months."""

    count: int
    unit: Unit

    @classmethod
    def of(cls, text: str) -> "Every":
        found = EVERY.fullmatch(str(text))
        if not found or found[1] and int(found[1]) == 0:
            raise ConfigError(
                f"every={text}: expected a number of hours, days, weeks or months, such as 6h, 1d, 1w, 1m"
            )
        return cls(int(found[1] or 1), found[2])  # type: ignore[arg-type]

    def starts(self, times: Times) -> Times:
        """Return the start of the period that each time falls into."""
        numbers = self._numbers(times)
        if self.unit == "m":
            return (numbers * self.count).astype("datetime64[M]").astype("datetime64[s]")
        return (numbers * self.count * SECONDS[self.unit] + self._offset).astype("datetime64[s]")

    def number(self, start: int) -> int:
        """Return the place of the period that begins at `start` among all periods."""
        return int(self._numbers(np.datetime64(start, "s")))

    def _numbers(self, times: Any) -> Any:
        if self.unit == "m":
            return times.astype("datetime64[M]").astype(np.int64) // self.count
        return (times.astype(np.int64) - self._offset) // (self.count * SECONDS[self.unit])

    @property
    def _offset(self) -> int:
        return MONDAY if self.unit == "w" else 0

    def begins_later(self, start: Any) -> bool:
        """Return True for a period that begins in the future, in any time zone."""
        return int(start) > time.time() + 14 * 3600

    def name(self, start: Any) -> str:
        moment: dt.datetime = np.datetime64(int(start), "s").item()
        return moment.strftime(SHOWN[self.unit])


@dataclass(frozen=True, slots=True)
class Clock:
    """Reader of a time column, in the form of its first value.

    Args:
        column: Name of the column.
        form: A strptime format, "iso", "number" (seconds or milliseconds since 1970) or "value" (typed times).
        zone: Times with an offset are converted to this zone; those without are kept as they are.
    """

    column: str
    form: str
    zone: str = "UTC"

    @classmethod
    def of(cls, column: str, values: Sequence[Any], *, time_format: str | None, zone: str) -> "Clock":
        """Choose the form that reads the first value.

        Raises:
            DataError: There is no value, or no known form reads it.
            ConfigError: The zone is unknown.
        """
        try:
            pd.Timestamp(0, tz=zone)
        except (KeyError, ValueError, OSError, IndexError) as error:
            raise ConfigError(f"time_zone={zone}: unknown; expected for example UTC or Europe/Berlin") from error
        first = next((value for value in values if value is not None and str(value).strip()), None)
        if first is None:
            raise DataError(f"time={column}: the column is empty; name the one with the times")
        forms = [time_format] if time_format else [*forms_of(first), *spreadsheet_form(column, first, values)]
        for form in forms:
            if not np.isnat(cls(column, form, zone).read([first])[0]):
                return cls(column, form, zone)
        expected = f"time_format={time_format}" if time_format else "a date in ISO form"
        raise DataError(
            f"time={column}: {str(first)[:40]!r} is not {expected}; "
            "set time_format, such as time_format='%d/%m/%Y %H:%M'"
        )

    @property
    def said(self) -> str | None:
        """The order of day and month where it was guessed; None where the form leaves no choice."""
        order = {"%d": "the day first", "%m": "the month first"}.get(self.form[:2])
        return (
            f"Times in {self.column!r} were read with {order}, such as {EXAMPLE.strftime(self.form)}."
            if order
            else None
        )

    def read(self, values: Sequence[Any]) -> Times:
        """Convert values to times; NaT for one that is not in the form."""
        if self.form == "number":
            numbers = pd.to_numeric(pd.Series(list(values), dtype=object), errors="coerce").to_numpy(dtype=float)
            numbers = np.where(numbers < EARLIEST, np.nan, numbers)  # a 0 stands for no time
            seconds = np.where(numbers > MILLISECONDS, numbers / 1000, numbers)
            return self.local(pd.to_datetime(pd.Series(seconds), unit="s", utc=True, errors="coerce"))
        texts = pd.Series([None if value is None else str(value).strip() or None for value in values], dtype=object)
        form = "ISO8601" if self.form in ("iso", "value") else self.form
        read = pd.to_datetime(texts, format=form, utc=True, errors="coerce")
        if self.zone == "UTC":
            return seconds_of(read)
        aware = texts.str.contains(r"(?:Z|[+-]\d\d:?\d\d)(?:$| \d{4}$)", regex=True, na=False)
        return np.where(aware, self.local(read), seconds_of(read))

    def local(self, read: Any) -> Times:
        return (
            seconds_of(read.dt.tz_convert(self.zone).dt.tz_localize(None)) if self.zone != "UTC" else seconds_of(read)
        )


def forms_of(value: Any) -> list[str]:
    if isinstance(value, (dt.date, np.datetime64)):
        return ["value"]
    if NUMBER.fullmatch(str(value).strip()):  # fewer digits are a date such as 20261231, or the days of a spreadsheet
        return ["number"]
    return ["iso", TWITTER]


def spreadsheet_form(column: str, first: Any, values: Sequence[Any]) -> list[str]:
    """Return the strptime format of dates as spreadsheets of a locale write them, such as 31.12.2026 14:05.

    Raises:
        DataError: No value shows whether the day or the month comes first.
    """
    found = SPREADSHEET.fullmatch(str(first).strip())
    if not found:
        return []
    _, separator, _, clock, seconds, half = found.groups()
    pairs = [m for value in values if (m := SPREADSHEET.fullmatch(str(value).strip()))]
    day_first = separator == "." or any(int(m[1]) > 12 for m in pairs)
    if not day_first and not any(int(m[3]) > 12 for m in pairs):
        raise DataError(
            f"time={column}: {str(first)[:40]!r} may have the day or the month first; "
            "set time_format='%d/%m/%Y' or '%m/%d/%Y', with the time of day where there is one"
        )
    date = separator.join(["%d", "%m", "%Y"] if day_first else ["%m", "%d", "%Y"])
    if clock is None:
        return [date]
    between = clock[: len(clock) - len(clock.lstrip(", "))]
    return [f"{date}{between}{'%I' if half else '%H'}:%M{':%S' if seconds else ''}{' %p' if half else ''}"]


def moment(local: int, zone: str) -> int:
    """Return the seconds since 1970 in UTC of a local time, of two equal ones the first."""
    time = pd.Timestamp(local, unit="s").tz_localize(zone, ambiguous=True, nonexistent="shift_forward")
    return int(time.timestamp())


def seconds_of(series: Any) -> Times:
    plain = series.dt.tz_localize(None) if series.dt.tz is not None else series
    return plain.to_numpy().astype("datetime64[s]")
