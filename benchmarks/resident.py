"""Resident memory of a server's processes over time, and how it grows: each process is compared with itself.

A worker that was killed is followed by one that has yet to grow to its size, so a line through the sum of all workers
measures their warm-up. What leaks, leaks within a process.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

from sentiment.serving.watch import is_java, is_worker

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

    def growth(self, kind: str) -> float:
        """Return the MB that all processes of a kind together gain in a minute once each is warm.

        It is the slope by least squares within the processes, times the number that ran at a time.

        Raises:
            ValueError: No process lived long enough.
        """
        processes = [*self.looks[kind].values()]
        warm = [held(looks, after=WARM_UP[kind]) for looks in processes]
        deviations = [
            (one.second - statistics.mean(x.second for x in points), one.size - statistics.mean(x.size for x in points))
            for points in warm
            for one in points
        ]
        spread = sum(second**2 for second, _ in deviations)
        if not spread:
            raise ValueError(f"no {kind} lived for {2 * WINDOW:g} s after {WARM_UP[kind]} attacks: take longer")
        seconds = {look.second for looks in processes for look in looks}
        at_a_time = sum(map(len, processes)) / len(seconds)
        return 60 * at_a_time * sum(second * size for second, size in deviations) / spread

    def at_age(self, kind: str, attacks: int) -> list[float]:
        """Return what each process held after so many attacks, in the order of their starts, if it lived so long."""
        return [look.size for looks in self.looks[kind].values() for look in held(looks, after=attacks)[:1]]


def held(looks: Sequence[Look], *, after: int) -> list[Look]:
    """Return the least look of each whole window, from so many attacks on."""
    windows: dict[int, list[Look]] = defaultdict(list)
    warm = [look for look in looks if look.attacks - looks[0].attacks >= after]
    for look in warm:
        windows[int((look.second - warm[0].second) // WINDOW)].append(look)
    whole = [window for window in windows.values() if window[-1].second - window[0].second > WINDOW / 2]
    return [min(window, key=lambda look: look.size) for window in whole]
