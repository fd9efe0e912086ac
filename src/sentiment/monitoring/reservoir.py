"""A random sample of a stream, in memory that does not grow with it."""

from collections.abc import Callable
from typing import Any

import numpy as np


class Reservoir:
    """Up to `most` items of a stream, each with the same probability (Vitter 1985, algorithm R, on whole chunks)."""

    def __init__(self, most: int, *, seed: int = 0) -> None:
        self.most, self.seen = most, 0
        self.items: list[Any] = []
        self.rng = np.random.default_rng(seed)

    def add(self, count: int, item: Callable[[int], Any]) -> None:
        """Add `count` more; `item` returns the one of a number, which is asked for those alone that are kept."""
        places = np.arange(self.seen, self.seen + count)
        full = places >= self.most
        places[full] = self.rng.integers(0, places[full] + 1)
        for i in np.flatnonzero(places < self.most).tolist():
            self.items[places[i] : places[i] + 1] = [item(i)]
        self.seen += count
