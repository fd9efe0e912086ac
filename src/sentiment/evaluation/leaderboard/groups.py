"""Groups of runs that differ only in their seed, with mean scores and intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from sentiment.evaluation.leaderboard.trials import Trial
from sentiment.evaluation.metrics import find


@dataclass(frozen=True, slots=True)
class Mean:
    """Mean and half width of its 95 % interval (Student 1908), for three values or more.

    For two values Student's factor is 12.7, which makes the interval useless.
    """

    value: float
    half: float | None
    count: int
    values: tuple[float, ...] = ()

    def __str__(self) -> str:
        if self.half is not None:
            return f"{self.value:.4f} ± {self.half:.4f}"
        return f"{self.value:.4f}" + (f" ({self.values[0]:.4f}, {self.values[1]:.4f})" if self.count == 2 else "")

    @property
    def numbers(self) -> list[float | None]:
        """Mean and bounds of its interval."""
        return [self.value, *(None if self.half is None else self.value + sign * self.half for sign in (-1, 1))]


@dataclass(frozen=True, slots=True)
class Group:
    settings: tuple[str, ...]  # values of the keys that differ between runs
    trials: list[Trial]
    validation: Mean | None = None
    test: Mean | None = None

    @property
    def count(self) -> int:
        """Number of runs with a validation score."""
        return self.validation.count if self.validation else 0

    @property
    def seconds(self) -> float | None:
        """Mean duration of the finished runs, in seconds."""
        known = [trial.summary["duration_seconds"] for trial in self.trials if trial.summary]
        return fmean(known) if known else None

    @property
    def seeds(self) -> list[str]:
        return [trial.value("seed") for trial in self.trials]

    @property
    def best_epochs(self) -> list[int]:
        return [trial.summary["best_epoch"] for trial in self.trials if trial.summary]

    @property
    def states(self) -> list[str]:
        return list(dict.fromkeys(trial.outcome.state for trial in self.trials))


def groups(trials: Sequence[Trial], keys: Sequence[str], metric: str) -> list[Group]:
    """Group runs by their values of `keys`, best group first and groups without a score last."""
    gathered: dict[tuple[str, ...], list[Trial]] = {}
    for trial in trials:
        gathered.setdefault(tuple(trial.value(key) for key in keys), []).append(trial)
    rows = [
        Group(settings, members, *(mean([one.score(split, metric) for one in members]) for split in SPLITS))
        for settings, members in gathered.items()
    ]
    record = find(metric)
    sign = -1 if record is None or record.higher_is_better else 1
    return sorted(rows, key=lambda row: (row.validation is None, row.validation and sign * row.validation.value))


FEWEST = 3  # values that an interval needs
SPLITS = ("validation", "test")


def mean(values: Sequence[float | None]) -> Mean | None:
    known = [value for value in values if value is not None]
    if len(known) < FEWEST:
        return Mean(fmean(known), None, len(known), tuple(known)) if known else None
    from scipy.stats import t

    half = t.ppf(0.975, len(known) - 1) * stdev(known) / sqrt(len(known))
    return Mean(fmean(known), float(half), len(known), tuple(known))
