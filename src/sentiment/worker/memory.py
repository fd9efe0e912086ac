"""Return of freed memory to the system after large requests, which would otherwise keep the worker at its peak."""

import ctypes
import sys
from collections.abc import Mapping, Sequence
from typing import Any

LARGE = 1_000_000  # bytes of the bodies of a batch


def is_large(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether the bodies of a batch hold more than LARGE bytes."""
    values = (value for row in rows for value in row.values())
    return sum(len(value) for value in values if isinstance(value, bytes | bytearray | str)) > LARGE


def give_back() -> None:
    """Return freed heap pages to the system (malloc_trim of glibc, some milliseconds); a no-op elsewhere."""
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)
