"""TorchServe's tokens, renewed before they expire by the clock on the wall, wherever that jumps."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from sentiment.client import Management
from sentiment.client.keys import read_entry
from sentiment.errors import ClientError

log = logging.getLogger(__name__)

RENEW_AT = 0.2  # of a token's time, which is left
RETRY_PART = 0.02  # of a token's time, between two tries that failed
RETRY_SECONDS = 30.0  # at most
TIMEOUT = 5.0  # s of one try: the server is on this machine


class Renewal:
    """Decides by the expiry that the key file states, so that a jump of the clock and a suspended machine count."""

    def __init__(
        self, key_file: Path, *, lifetime: float, management: Callable[[], Management],
        clock: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self.key_file, self.lifetime, self.management = key_file, lifetime, management  # lifetime: s
        self.clock, self.monotonic = clock, monotonic
        self.failures = 0
        self.next_try = 0.0

    def look(self) -> None:
        """Renew both tokens where that is due; a failure is logged once, and tried again soon."""
        if self.monotonic() < self.next_try or not self.due():
            return
        try:
            with self.management() as management:
                management.renew()
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
        """Whether little time is left, or more than a token ever has: then the clock was put back."""
        try:
            left = min(self.expiry("inference"), self.expiry("management")) - self.clock()
        except ClientError:  # being written, or broken: the try to renew says so
            return True
        return not self.lifetime * RENEW_AT < left <= self.lifetime * (1 + RENEW_AT)

    def expiry(self, api: str) -> float:
        entry = read_entry(self.key_file, "inference" if api == "inference" else "management")
        return datetime.fromisoformat(entry["expiration time"]).timestamp() if entry else 0.0
