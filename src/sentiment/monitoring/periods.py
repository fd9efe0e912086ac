"""Periods that times fall into."""

import re
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from sentiment.errors import ConfigError
from sentiment.monitoring.times import Times, local_of, utc_of

Unit = Literal["min", "h", "d", "w", "m"]

EVERY = re.compile(r"(\d{0,4})(min|[hdwm])")
HOUR = 3600  # s
SECONDS = {"min": 60, "h": HOUR, "d": 24 * HOUR, "w": 168 * HOUR}
MONDAY = 4 * SECONDS["d"]  # s, from the epoch's Thursday to a Monday
SHOWN = {"min": "%Y-%m-%d %H:%M", "h": "%Y-%m-%d %H:%M", "d": "%Y-%m-%d", "w": "%Y-%m-%d", "m": "%Y-%m"}


@dataclass(frozen=True, slots=True)
class Every:
    """Length of a period: minutes, hours, days, weeks from Monday, or calendar months, by the clocks of a zone.

    A day on which clocks are changed has 23 or 25 hours, and so has its period of `every=6h` 5 or 7. Of `every=1h` and
    of minutes that fill an hour, those of the hour that clocks repeat are there twice, and those of the one that they
    leave out are not.
    """

    count: int
    unit: Unit
    zone: str = "UTC"

    @classmethod
    def of(cls, text: str, zone: str = "UTC") -> "Every":
        found = EVERY.fullmatch(str(text).lower())
        count = int(found[1] or 1) if found else 0
        if not found or not count:
            raise ConfigError(
                f"every={text}: expected a number of minutes, hours, days, weeks or months, such as "
                "15min, 6h, 1d, 1w, 1m"
            )
        if found[2] == "m" and 12 % count:
            raise ConfigError(
                f"every={text}: m is months, and {count} of them do not fill a year; expected 1m, 2m, 3m, 4m, 6m or "
                f"12m, or {count}min for minutes"
            )
        if found[2] == "min" and count % 60 == 0:
            return cls(count // 60, "h", zone)
        return cls(count, found[2], zone)  # type: ignore[arg-type]

    def starts(self, times: Times) -> Times:
        """Return the start of the period that each time falls into, all in UTC."""
        if self.zone == "UTC":
            return self._local_starts(times)
        unique, where = np.unique(times, return_inverse=True)
        local = local_of(unique, self.zone)
        if self.hourly:
            return (unique - (local.astype(np.int64) % self._seconds).astype("timedelta64[s]"))[where]
        return utc_of(self._local_starts(local), self.zone)[where]

    def _local_starts(self, local: Any) -> Any:
        numbers = self._numbers(local)
        if self.unit == "m":
            return (numbers * self.count).astype("datetime64[M]").astype("datetime64[s]")
        return (numbers * self._seconds + self._offset).astype("datetime64[s]")

    @property
    def hourly(self) -> bool:
        """True where clocks that are set back make two periods of one name."""
        return self.unit in ("min", "h") and HOUR % self._seconds == 0

    def number(self, start: int) -> int:
        """Return the place of the period that begins at `start` among all periods."""
        time = np.array([start], dtype="datetime64[s]")
        return start // self._seconds if self.hourly else int(self._numbers(local_of(time, self.zone))[0])

    def _numbers(self, local: Any) -> Any:
        if self.unit == "m":
            return local.astype("datetime64[M]").astype(np.int64) // self.count
        return (local.astype(np.int64) - self._offset) // self._seconds

    @property
    def _seconds(self) -> int:
        return self.count * SECONDS[self.unit]

    @property
    def _offset(self) -> int:
        return MONDAY if self.unit == "w" else 0

    def begins_later(self, start: Any) -> bool:
        """Return True for a period that begins in the future, in any time zone."""
        return int(start) > time.time() + 14 * HOUR

    def name(self, start: Any) -> str:
        """Return the local time at which a period begins, with its offset for an hour that clocks repeat."""
        return shown(int(start), self.zone, SHOWN[self.unit], hourly=self.hourly)


@lru_cache(maxsize=1 << 15)
def shown(start: int, zone: str, form: str, *, hourly: bool) -> str:
    before, moment, after = (pd.Timestamp(start + step, unit="s", tz=zone) for step in (-HOUR, 0, HOUR))
    twice = hourly and moment.tz_localize(None) in (before.tz_localize(None), after.tz_localize(None))
    return str(moment.strftime(form + "%z" * twice))
