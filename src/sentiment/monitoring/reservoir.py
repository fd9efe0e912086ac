"""A random sample of a stream, in memory that does not grow with it."""

from collections.abc import Sequence
from typing import Any

import numpy as np


class Reservoir:
    """Up to `most` items of a stream, each with the same probability (Vitter 1985, algorithm R, on whole chunks)."""

    def __init__(self, most: int, *, seed: int = 0) -> None:
        self.most, self.seen = most, 0
        self.items: list[Any] = []
        self.rng = np.random.default_rng(seed)

    def add(self, items: Sequence[Any]) -> None:
        places = np.arange(self.seen, self.seen + len(items))
        full = places >= self.most
        places[full] = self.rng.integers(0, places[full] + 1)
        for item, place in zip(items, places.tolist(), strict=True):
            if place < self.most:
                self.items[place : place + 1] = [item]
        self.seen += len(items)
