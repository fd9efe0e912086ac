"""Renewal of a server's tokens before they expire, robust to jumps of the system clock."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from sentiment.client.keys import Key, read_entry
from sentiment.errors import ClientError

log = logging.getLogger(__name__)

RENEW_AT = 0.2  # renew when this fraction of the lifetime is left
RETRY_PART = 0.02  # pause after a failed attempt, as a fraction of the lifetime
RETRY_SECONDS = 30.0  # upper bound of that pause
TIMEOUT = 5.0  # s for one attempt; the server is on this machine


class Renewal:
    """Renewal schedule based on the expiry in the key file, so that clock jumps and a suspended machine are handled."""

    def __init__(
        self, key_file: Path, *, lifetime: float, renew: Callable[[], None],
        apis: Sequence[Key] = ("inference", "management"),
        clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.key_file, self.lifetime, self.renew, self.apis = key_file, lifetime, renew, apis  # lifetime: s
        self.clock, self.monotonic = clock, monotonic
        self.failures = 0
        self.next_try = 0.0

    def look(self) -> None:
        """Renew the tokens if due; only the first of consecutive failures is logged."""
        if self.monotonic() < self.next_try or not self.due():
            return
        try:
            self.renew()
        except ClientError as error:
            self.next_try = self.monotonic() + min(RETRY_SECONDS, self.lifetime * RETRY_PART)
            if not self.failures:
                log.warning("the tokens are not renewed, and tried again until they are: %s", error)
            self.failures += 1
        else:
            if self.failures:
                log.info("the tokens are renewed, after %d tries that failed", self.failures)
            self.failures = 0

    def due(self) -> bool:
        """Return True if little lifetime is left, or more than a token can have because the clock was set back."""
        try:
            left = min(map(self.expiry, self.apis)) - self.clock()
        except ClientError:  # the file is being written or is broken: renewing reports it
            return True
        return not self.lifetime * RENEW_AT < left <= self.lifetime * (1 + RENEW_AT)

    def expiry(self, api: Key) -> float:
        entry = read_entry(self.key_file, api)
        return datetime.fromisoformat(entry["expiration time"]).timestamp() if entry else 0.0
