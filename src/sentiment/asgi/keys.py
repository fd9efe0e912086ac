"""Keys of the inference API, in a file of TorchServe's form: `sentiment serve` writes it, the application reads it."""

import hmac
import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sentiment.files import write_text


def write_keys(path: Path, *, minutes: float) -> None:
    """Write a new key that expires after `minutes`; only this user can read it."""
    until = datetime.now(UTC) + timedelta(minutes=minutes)
    entry = {"key": secrets.token_urlsafe(32), "expiration time": until.isoformat().replace("+00:00", "Z")}
    umask = os.umask(0o077)
    try:
        write_text(path, json.dumps({"inference": entry}, indent=2))
    finally:
        os.umask(umask)


class KeyCheck:
    """The key of a file, which is read again once it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._changed = 0  # ns
        self._expected, self._until = b"", 0.0

    def accepts(self, authorization: str) -> bool:
        """Check the header of a request."""
        changed = os.stat(self.path).st_mtime_ns if self.path.exists() else 0
        if changed != self._changed:
            entry = json.loads(self.path.read_text(encoding="utf-8"))["inference"] if changed else {"key": ""}
            self._expected = f"Bearer {entry['key']}".encode() if entry["key"] else b""
            self._until = datetime.fromisoformat(entry["expiration time"]).timestamp() if entry["key"] else 0.0
            self._changed = changed
        known = bool(self._expected) and hmac.compare_digest(authorization.encode(), self._expected)
        return known and datetime.now(UTC).timestamp() < self._until
