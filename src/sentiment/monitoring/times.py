"""Times of rows, in the forms that tables have them in."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from sentiment.errors import ConfigError, DataError
from sentiment.monitoring.dates import DATED, check_typed, iso_of, order_of, ordered_date, shown, swapped, text_of

Times = Any  # numpy array of datetime64[s] in UTC
Form = Literal["iso", "numbers", "twitter", "dates"]
Reader = Callable[[Sequence[str], Counter[str] | None], Times]

PARTED = re.compile(r"\d{4}[-/]")  # ISO with separators, which cannot be a number
OFFSET = re.compile(r"[\d/-]+[T ][\d:.]+ ?(?:Z|[+-]\d\d(?::?\d\d)?)$")
UTC_BY_NAME = re.compile(r" ?(?:UTC|GMT|z)$")
TWITTER = "%a %b %d %H:%M:%S %z %Y"
NUMBERS = (
    100_000_000,
    10_000_000_000_000,
)  # seconds or milliseconds; less is a date such as 20261231, or a spreadsheet's
COMPACT = 190_001_010_000, 209_912_312_359  # 202612311405, no milliseconds of 1976
MILLISECONDS = 100_000_000_000  # larger numbers count milliseconds, not seconds
YEARS = np.array(["1000-01-01", "9999-01-01"], dtype="datetime64[s]")  # the years 1 and 9999 stand for no time


@dataclass(frozen=True, slots=True)
class Clock:
    """Reader of a time column.

    Without `time_format`, each value may be in ISO form, seconds or milliseconds since 1970, in Twitter's form, or a
    date as spreadsheets write it; the last all have the day first, or all the month.

    Args:
        column: Name of the column.
        zone: Zone of the times that have no offset.
        time_format: strptime format of all values.
        dated: A date of a spreadsheet that shows whether the day or the month is first; None if the column has none.
        first: The form that is tried first, that of the first value; beside numbers, 2015 is no year.
    """

    column: str
    zone: str = "UTC"
    time_format: str | None = None
    dated: str | None = None
    first: Form = "iso"

    @classmethod
    def of(cls, column: str, values: Sequence[Any], *, time_format: str | None, zone: str) -> "Clock":
        """Choose how a column is read by its first values.

        Raises:
            DataError: There is no value, or more than half of them are in no known form.
            ConfigError: The zone or the format is unknown.
        """
        check(zone, time_format)
        given = [value for value in values if text_of(value) is not None]
        if not given:
            raise DataError(f"time={column}: the column is empty; name the one with the times")
        if time_format:
            clock = cls(column, zone, time_format)
        else:
            clock = cls(column, zone, None, ordered_date(column, given), form_of(str(given[0]).strip()))
        unread = np.flatnonzero(np.isnat(clock.read(given)))
        if 2 * len(unread) > len(given):
            expected = f"time_format={time_format}" if time_format else "a date in ISO form"
            raise DataError(
                f"time={column}: {shown(given[unread[0]])} is not {expected}; "
                "set time_format, such as time_format='%d/%m/%Y %H:%M'"
            )
        return clock

    @property
    def said(self) -> str | None:
        """The order of day and month where it was guessed; None where the form leaves no choice."""
        if self.dated is None:
            return None
        first, time = order_of(self.dated), self.read([self.dated])[0]
        date = str(local_of(np.array([time]), self.zone)[0])[: 16 if ":" in self.dated else 10].replace("T", " ")
        return f"Times in {self.column!r} were read with the {first} first: {self.dated!r} is {date}."

    def read(self, values: Sequence[Any], doubts: Counter[str] | None = None) -> Times:
        """Convert values to times in UTC, NaT for one in no known form; count the local times that are in doubt.

        Raises:
            DataError: Dates such as 03/04/2026 have now the day, now the month first.
        """
        texts = [text_of(value) for value in values]
        if self.dated:
            check_typed(self.column, values, self.dated)
        found = np.full(len(texts), "NaT", dtype="datetime64[s]")
        left = np.array([i for i, text in enumerate(texts) if text is not None], dtype=int)
        for form in (self._formatted,) if self.time_format else self._forms:
            if len(left):
                found[left] = form([texts[i] or "" for i in left], doubts)
                left = left[np.isnat(found[left])]
        return found

    @property
    def _forms(self) -> Sequence[Reader]:
        forms: dict[str, Reader] = {
            "iso": self._iso,
            "numbers": read_numbers,
            "twitter": read_twitter,
            "dates": self._dates,
        }
        return [forms.pop(self.first), *forms.values()]

    def _formatted(self, texts: Sequence[str], doubts: Counter[str] | None) -> Times:
        form = self.time_format or ""
        times = self._placed(parsed(texts, form), lambda: ["%z" in form or "%Z" in form] * len(texts), doubts)
        if "%d" in form and "%m" in form:
            left = [text for text, time in zip(texts, times, strict=True) if np.isnat(time)]
            other = form.replace("%d", "%\0").replace("%m", "%d").replace("%\0", "%m")
            for text, time in zip(left, parsed(left, other), strict=True):
                if not np.isnat(time):
                    raise DataError(
                        f"time={self.column}: {shown(text)} has day and month in the other order than "
                        f"time_format={form}; set the one that is right, and write all dates in it"
                    )
        return times

    def _iso(self, texts: Sequence[str], doubts: Counter[str] | None) -> Times:
        kept = [text if self.first != "numbers" or PARTED.match(text) else None for text in texts]
        times = parsed(kept, "ISO8601")
        for i in np.flatnonzero(np.isnat(times)):
            kept[i] = UTC_BY_NAME.sub("Z", text) if (text := kept[i]) and UTC_BY_NAME.search(text) else None
        left = [i for i in np.flatnonzero(np.isnat(times)) if kept[i]]
        times[left] = parsed([kept[i] for i in left], "ISO8601")
        return self._placed(times, lambda: [bool(text and OFFSET.match(text)) for text in kept], doubts)

    def _dates(self, texts: Sequence[str], doubts: Counter[str] | None) -> Times:
        dates = [text for text in texts if DATED.fullmatch(text)]
        if dates and self.dated is None:
            raise DataError(
                f"time={self.column}: {shown(dates[0])} is a date in another form than the values before it, in which "
                "day and month may be swapped; write all dates as 2026-12-31"
            )
        order = order_of(self.dated) if self.dated else None
        found = []
        for text in texts:
            if (other := order_of(text)) and other != order:
                raise swapped(self.column, self.dated, text)
            match = DATED.fullmatch(text)
            found.append(match and iso_of(match, order))
        return self._placed(parsed(found, "ISO8601"), lambda: [False] * len(texts), doubts)

    def _placed(self, times: Times, aware: Callable[[], Sequence[bool]], doubts: Counter[str] | None) -> Times:
        """Convert the times without an offset, which are local, to UTC."""
        times = np.where((times < YEARS[0]) | (times >= YEARS[1]), np.datetime64("NaT", "s"), times)
        if self.zone == "UTC" or all(with_offset := aware()):
            return times
        local = np.where(with_offset, np.datetime64("NaT", "s"), times)
        return np.where(with_offset, times, utc_of(local, self.zone, doubts))


def check(zone: str, time_format: str | None) -> None:
    """Raise ConfigError for an unknown zone or format."""
    try:
        pd.Timestamp(0, tz=zone)
    except (KeyError, ValueError, OSError, IndexError) as error:
        raise ConfigError(f"time_zone={zone}: unknown; expected for example UTC or Europe/Berlin") from error
    try:
        if time_format and "%" not in time_format:
            raise ValueError("it has no directive")
        pd.to_datetime(pd.Series(["x"]), format=time_format or "%Y", errors="coerce")
    except ValueError as error:
        raise ConfigError(
            f"time_format={time_format}: {error}; expected one of strptime, such as '%d/%m/%Y %H:%M'"
        ) from error


def parsed(texts: Sequence[str | None], form: str) -> Times:
    """Return times as they are written, converted to UTC where they have an offset; NaT for others."""
    if not any(texts):
        return np.full(len(texts), "NaT", dtype="datetime64[s]")
    return naive(pd.to_datetime(pd.Series(list(texts), dtype=object), format=form, utc=True, errors="coerce"))


def read_numbers(texts: Sequence[str], _: Any = None) -> Times:
    """Return times of seconds or milliseconds since 1970; NaT for other numbers and texts."""
    numbers = pd.to_numeric(pd.Series(list(texts), dtype=object), errors="coerce").to_numpy(dtype=float)
    known = (numbers >= NUMBERS[0]) & (numbers < NUMBERS[1]) & ~((numbers >= COMPACT[0]) & (numbers <= COMPACT[1]))
    seconds = np.where(numbers > MILLISECONDS, numbers / 1000, numbers)
    return np.where(known, seconds, np.nan).astype("datetime64[s]")


def read_twitter(texts: Sequence[str], _: Any = None) -> Times:
    """Return times of Twitter's form; NaT for other texts."""
    return parsed([text if text[:1].isalpha() else None for text in texts], TWITTER)


def form_of(text: str) -> Form:
    """Return the form that reads a text, "iso" where none does."""
    if not np.isnat(read_numbers([text]))[0]:
        return "numbers"
    return "twitter" if not np.isnat(read_twitter([text]))[0] else "dates" if DATED.fullmatch(text) else "iso"


def naive(series: Any) -> Times:
    return series.dt.tz_localize(None).to_numpy().astype("datetime64[s]")


def utc_of(local: Any, zone: str, doubts: Counter[str] | None = None) -> Times:
    """Convert local times to UTC: of an hour that clocks repeat the first, of one that they leave out its end.

    `doubts` counts both, as "twice" and "never".
    """
    series, count = pd.Series(local), len(local)
    found = series.dt.tz_localize(zone, ambiguous=np.ones(count, bool), nonexistent="shift_forward")
    if doubts is not None:
        second = series.dt.tz_localize(zone, ambiguous=np.zeros(count, bool), nonexistent="shift_forward")
        doubts["twice"] += int((second != found)[found.notna()].sum())
        doubts["never"] += int((found.dt.tz_localize(None) != series)[found.notna()].sum())
    return naive(found.dt.tz_convert("UTC"))


def local_of(times: Times, zone: str) -> Any:
    """Convert times in UTC to local times."""
    if zone == "UTC":
        return times
    return naive(pd.Series(times).dt.tz_localize("UTC").dt.tz_convert(zone))
