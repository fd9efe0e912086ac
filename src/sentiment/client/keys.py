"""Key files: TorchServe's, with a token for each API, or a single line with a proxy's API key."""

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sentiment.errors import UnauthorizedError

Key = Literal["inference", "management", "API"]
API_KEY = re.compile(r"[A-Za-z0-9_.~+/=-]+")  # Bearer token syntax of RFC 6750
REREAD = (0.02, 0.1)  # s, where the file is broken
# s; TorchServe empties the file before it writes it, a moment on a busy machine
REREAD_EMPTY = (0.02, 0.1, 0.3, 1.0, 1.5)


def read_key(path: Path, name: Key) -> str | None:
    """Return the token `name` of TorchServe's key file, or the API key of a one-line file; None if there is no file."""
    entry = read_entry(path, name)
    return None if entry is None else str(entry["key"])


def is_expired(path: Path, name: Key) -> bool:
    """Return True if a token has expired; the "API" key, which authorizes new tokens, never does."""
    until = (read_entry(path, name) or {}).get("expiration time")
    return until is not None and datetime.fromisoformat(until) <= datetime.now(UTC)


def is_renewed(path: Path, name: Key) -> bool:
    """Tell whether TorchServe renews the file's token; nothing renews an API key."""
    return "expiration time" in (read_entry(path, name) or {})


def read_entry(path: Path, name: Key) -> dict[str, Any] | None:
    tries = 0
    while True:
        text = ""
        try:
            text = path.read_text(encoding="utf-8").strip()
            if API_KEY.fullmatch(text):
                return {"key": text}
            entries = json.loads(text)
            if name not in entries and "inference" in entries:
                check_managed(path, name)
                return None
            entry = entries[name]
            return {**entry, "key": check_key(str(entry["key"]))}
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise UnauthorizedError(
                f"{path} cannot be read by this user; ask as the user that serves, or copy it"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            pauses = REREAD if text else REREAD_EMPTY
            if tries >= len(pauses):
                raise UnauthorizedError(
                    f"{path} is neither TorchServe's key file nor one line with an API key; "
                    "start the server again, or write the key into it"
                ) from error
            time.sleep(pauses[tries])
            tries += 1


def check_managed(path: Path, name: Key) -> None:
    """Raise UnauthorizedError for the management key of a server that has no management API."""
    if name == "management":
        raise UnauthorizedError(
            f"{path} holds no key of a management API: its server runs with backend=granian, which has one version of "
            "each model; versions, deploy and rollback need sentiment serve backend=torchserve"
        )


def check_key(key: str) -> str:
    """Raise ValueError for a key that no header can hold, since the HTTP library's own error would reveal it."""
    if not (key.isascii() and key.isprintable() and key and " " not in key):
        raise ValueError("a key is ASCII without spaces")
    return key
