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

Unit = Literal["h", "d", "w", "m"]

EVERY = re.compile(r"(\d{0,4})([hdwm])")
HOUR = 3600  # s
SECONDS = {"h": HOUR, "d": 24 * HOUR, "w": 168 * HOUR}
MONDAY = 4 * SECONDS["d"]  # s, from the epoch's Thursday to a Monday
SHOWN = {"h": "%Y-%m-%d %H:%M", "d": "%Y-%m-%d", "w": "%Y-%m-%d", "m": "%Y-%m"}


@dataclass(frozen=True, slots=True)
class Every:
    """Length of a period: hours, days, weeks from Monday, or calendar months, by the clocks of a zone.

    A day on which clocks are changed has 23 or 25 hours, and so has its period of `every=6h` 5 or 7. Of `every=1h`, the
    hour that clocks repeat is two periods, and the one that they leave out is none.
    """

    count: int
    unit: Unit
    zone: str = "UTC"

    @classmethod
    def of(cls, text: str, zone: str = "UTC") -> "Every":
        found = EVERY.fullmatch(str(text))
        if not found or found[1] and int(found[1]) == 0:
            raise ConfigError(
                f"every={text}: expected a number of hours, days, weeks or months, such as 6h, 1d, 1w, 1m"
            )
        return cls(int(found[1] or 1), found[2], zone)  # type: ignore[arg-type]

    def starts(self, times: Times) -> Times:
        """Return the start of the period that each time falls into, all in UTC."""
        if self.zone == "UTC":
            return self._local_starts(times)
        unique, where = np.unique(times, return_inverse=True)
        local = local_of(unique, self.zone)
        if self.hourly:
            return (unique - (local.astype(np.int64) % HOUR).astype("timedelta64[s]"))[where]
        return utc_of(self._local_starts(local), self.zone)[where]

    def _local_starts(self, local: Any) -> Any:
        numbers = self._numbers(local)
        if self.unit == "m":
            return (numbers * self.count).astype("datetime64[M]").astype("datetime64[s]")
        return (numbers * self.count * SECONDS[self.unit] + self._offset).astype("datetime64[s]")

    @property
    def hourly(self) -> bool:
        """True where clocks that are set back make two periods of one name."""
        return (self.count, self.unit) == (1, "h")

    def number(self, start: int) -> int:
        """Return the place of the period that begins at `start` among all periods."""
        time = np.array([start], dtype="datetime64[s]")
        return start // HOUR if self.hourly else int(self._numbers(local_of(time, self.zone))[0])

    def _numbers(self, local: Any) -> Any:
        if self.unit == "m":
            return local.astype("datetime64[M]").astype(np.int64) // self.count
        return (local.astype(np.int64) - self._offset) // (self.count * SECONDS[self.unit])

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
