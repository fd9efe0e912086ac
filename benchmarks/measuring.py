"""Repetitions that take turns, so that a noisy machine troubles all alike, and the rows of the table."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One line of the table: what was measured, ours and the peer's, and the ratio that the target is for."""

    work: str
    ours: str
    peer: str
    ratio: str
    target: str
    met: bool | None  # None: not a target, or not measured


def alternate(
    ways: Mapping[str, Callable[[int], float]], repetitions: int, *, warm: bool = True
) -> dict[str, list[float]]:
    """What each way returns, by name; they take turns, and get the number of the repetition."""
    if warm:
        for work in ways.values():
            work(0)
    found: dict[str, list[float]] = {name: [] for name in ways}
    for repetition in range(repetitions):
        for name, work in ways.items():
            found[name].append(work(repetition))
    return found


def ratio(ours: list[float], peer: list[float]) -> float:
    """The median over repetitions of ours divided by the peer's."""
    return statistics.median(a / b for a, b in zip(ours, peer, strict=True))


def faster(work: str, found: dict[str, list[float]], ours: str, peer: str, *, target: float, unit: str) -> Row:
    """A row where more is better."""
    times = ratio(found[ours], found[peer])
    middle = {name: statistics.median(values) for name, values in found.items()}
    return Row(
        work,
        f"{middle[ours]:,.1f} {unit}",
        f"{middle[peer]:,.1f} {unit}",
        f"{times:.2f}x",
        f"at least {target:g}x",
        times >= target,
    )


def peak_memory() -> float:
    """The most that this process has held at once, in MB; getrusage begins with what its parent held."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) / 1024
