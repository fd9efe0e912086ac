"""What a user would write without this project, and servers that he might pick instead."""

import sys
from importlib.util import find_spec
from pathlib import Path

ENVIRONMENTS = Path(".cache") / "peers"  # of packages that do not install beside ours: make bench-peers


def interpreter(package: str) -> str | None:
    """Return the Python with a peer's package, of an environment of its own or this one; None if there is none."""
    own = ENVIRONMENTS / package / "bin" / "python"
    if own.is_file():
        return str(own.absolute())
    return sys.executable if find_spec(package) else None
