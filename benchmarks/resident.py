"""Resident memory of a server's processes over time, and how it grows: each process is compared with itself.

A worker that was killed is followed by one that has yet to grow to its size, so a line through the sum of all workers
measures their warm-up. What leaks, leaks within a process, and to its end: memory that is bounded reaches its plateau
and stays there, so what counts is the second half of the life of each.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import NamedTuple

import psutil

from sentiment.serving.processes import is_java, is_worker

MB = 1e6
EVERY = 1.0  # s between two looks
WINDOW = 15.0  # s; the least in it is what a process holds between requests, and a leak raises that too
WARM_UP = {"Java": 150, "worker": 75}  # attacks while it runs, so that it has met each kind of them five times or more


class Look(NamedTuple):
    second: float
    size: float  # MB
    attacks: int  # that the server has had


@dataclass
class Resident:
    """What each process held at each look, by its kind and its id, in the order of their starts."""

    looks: dict[str, dict[int, list[Look]]] = field(default_factory=lambda: {"Java": {}, "worker": {}})

    def look(self, processes: Iterable[psutil.Process], second: float, attacks: int) -> None:
        for process in processes:
            try:
                kind = "Java" if is_java(process) else "worker" if is_worker(process) else None
                if kind:
                    of_kind = self.looks[kind].setdefault(process.pid, [])
                    of_kind.append(Look(second, process.memory_info().rss / MB, attacks))
            except psutil.NoSuchProcess:
                continue

    def together(self, kind: str) -> list[float]:
        """Return the size of all processes of a kind at the start, after each fifth of the time, and at the end."""
        sums: dict[float, float] = defaultdict(float)
        for looks in self.looks[kind].values():
            for look in looks:
                sums[look.second] += look.size
        sizes = [size for _, size in sorted(sums.items())]
        return [sizes[round(fifth / 5 * (len(sizes) - 1))] for fifth in range(6)]

    def growth(self, kind: str) -> tuple[float, float, float]:
        """Return the MB that all processes of a kind together gain in a minute in the second half of their lives.

        It is the median of the slopes between any two moments of a process (Theil and Sen), times the number of
        processes that ran at a time: a single step to a plateau does not move it, a leak moves all slopes.

        Returns:
            The lower quartile, the median and the upper quartile.

        Raises:
            ValueError: No process lived long enough.
        """
        processes = [*self.looks[kind].values()]
        slopes = [
            60 * (later.size - before.size) / (later.second - before.second)
            for looks in processes
            for before, later in combinations(held(second_half(looks), after=WARM_UP[kind], since=looks[0]), 2)
        ]
        if len(slopes) < 2:
            raise ValueError(f"no {kind} lived for {3 * WINDOW:g} s after {WARM_UP[kind]} attacks: take longer")
        at_a_time = sum(map(len, processes)) / len({look.second for looks in processes for look in looks})
        low, median, high = (at_a_time * slope for slope in statistics.quantiles(slopes, n=4))
        return low, median, high

    def at_age(self, kind: str, attacks: int) -> list[float]:
        """Return what each process held after so many attacks, in the order of their starts, if it lived so long."""
        return [look.size for looks in self.looks[kind].values() for look in held(looks, after=attacks)[:1]]


def second_half(looks: Sequence[Look]) -> list[Look]:
    half = (looks[0].second + looks[-1].second) / 2
    return [look for look in looks if look.second >= half]


def held(looks: Sequence[Look], *, after: int, since: Look | None = None) -> list[Look]:
    """Return the least look of each whole window, from so many attacks on (since the first look)."""
    windows: dict[int, list[Look]] = defaultdict(list)
    warm = [look for look in looks if look.attacks - (since or looks[0]).attacks >= after]
    for look in warm:
        windows[int((look.second - warm[0].second) // WINDOW)].append(look)
    whole = [window for window in windows.values() if window[-1].second - window[0].second > WINDOW / 2]
    return [min(window, key=lambda look: look.size) for window in whole]
