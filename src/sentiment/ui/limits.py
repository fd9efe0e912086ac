"""Rate limit per caller."""

import time
from collections import deque
from collections.abc import Callable

from sentiment.errors import TooManyRequestsError

MINUTE = 60.0  # s


class Rate:
    """Sliding-window limit of `per_minute` calls for each caller."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute, self.clock = per_minute, clock
        self._calls: dict[str, deque[float]] = {}  # call times of the last minute by caller, most recent caller last

    def check(self, caller: str) -> None:
        """Count a call. Raises TooManyRequestsError where the caller has used up the limit."""
        now = self.clock()
        calls = self._calls.pop(caller, deque())
        while calls and calls[0] <= now - MINUTE:
            calls.popleft()
        allowed = len(calls) < self.per_minute
        if allowed:
            calls.append(now)
        self._calls[caller] = calls
        self._forget(now)
        if not allowed:
            wait = calls[0] + MINUTE - now
            raise TooManyRequestsError(f"more than {self.per_minute} requests in a minute; ask again in {wait:.0f} s")

    def _forget(self, now: float) -> None:
        while self._calls:
            caller, calls = next(iter(self._calls.items()))
            if calls and calls[-1] > now - MINUTE:
                return
            del self._calls[caller]
