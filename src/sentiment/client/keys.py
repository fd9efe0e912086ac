"""TorchServe's key file: one token for each API, renewed while the server runs."""

import json
from pathlib import Path
from typing import Literal

from sentiment.errors import Unauthorized

Key = Literal["inference", "management", "API"]


def read_key(path: Path, name: Key) -> str | None:
    """A token of TorchServe's key_file.json; None where there is no such file."""
    try:
        key: str = json.loads(path.read_text(encoding="utf-8"))[name]["key"]
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise Unauthorized(f"{path} cannot be read by this user; ask as the user that serves, or copy it") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unauthorized(f"{path} is no key file of TorchServe; start the server again") from error
    return key


def authorization(path: Path | None, name: Key) -> dict[str, str]:
    """The header that carries the token; none where no token is known."""
    token = read_key(path, name) if path else None
    return {"Authorization": f"Bearer {token}"} if token else {}
