"""TorchServe's key file: one token for each API, renewed while the server runs."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sentiment.errors import Unauthorized
from sentiment.files import read_json

Key = Literal["inference", "management", "API"]
REREAD = (0.02, 0.1)  # s; TorchServe empties the file before it writes it


def read_key(path: Path, name: Key) -> str | None:
    """A token of TorchServe's key_file.json; None where there is no such file."""
    entry = read_entry(path, name)
    return None if entry is None else str(entry["key"])


def expired(path: Path, name: Key) -> bool:
    """Whether the time of a token is up; the API key, which makes new tokens, has none."""
    until = (read_entry(path, name) or {}).get("expiration time")
    return until is not None and datetime.fromisoformat(until) <= datetime.now(UTC)


def authorization(path: Path | None, name: Key) -> dict[str, str]:
    """The header that carries the token; none where no token is known."""
    token = read_key(path, name) if path else None
    return {"Authorization": f"Bearer {token}"} if token else {}


def read_entry(path: Path, name: Key) -> dict[str, Any] | None:
    pauses = iter(REREAD)
    while True:
        try:
            entry = read_json(path)[name]
            return {**entry, "key": str(entry["key"])}
        except FileNotFoundError:
            return None
        except PermissionError as error:
            raise Unauthorized(
                f"{path} cannot be read by this user; ask as the user that serves, or copy it"
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            pause = next(pauses, None)
            if pause is None:
                raise Unauthorized(f"{path} is no key file of TorchServe; start the server again") from error
            time.sleep(pause)
