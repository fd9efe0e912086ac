"""Errors of the estimated shares where the input has true labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sentiment.evaluation.quantification import AnyPredictions, AnyQuantifier
from sentiment.evaluation.quantification.errors import (
    absolute_error,
    divergence,
    earth_movers_distance,
    several_divergence,
    values_of,
)
from sentiment.monitoring.answers import UNKNOWN
from sentiment.monitoring.cells import Cells, grown, pooled
from sentiment.monitoring.periods import Every
from sentiment.monitoring.rows import Chunk
from sentiment.monitoring.shares import by_group

EVERY_PERIOD = None  # period of the errors of a whole group


@dataclass(frozen=True)
class Errors:
    """Errors of one group, in one period or in all.

    Args:
        group: Name of the group.
        start: Start of the period in seconds since 1970, or EVERY_PERIOD.
        texts: Texts with a true label.
        estimated: Error of the estimated shares by measure.
        counted: Error of the counted labels by measure.
        covered: Share of the labels whose 95 % interval holds the true share.
    """

    group: str
    start: int | None
    texts: int
    estimated: Mapping[str, float]
    counted: Mapping[str, float]
    covered: float

    def to_json(self) -> dict[str, Any]:
        counted = {f"counted_{name}": value for name, value in self.counted.items()}
        rounded = {name: round(value, 6) for name, value in {**self.estimated, **counted}.items()}
        return {"texts": self.texts, **rounded, "covered": round(self.covered, 4)}


class LabelledCells:
    """Sums over the rows with a true label, by group and period."""

    def __init__(self, labels: Sequence[str], every: Every, *, several: bool) -> None:
        self.labels, self.several = list(labels), several
        self.cells = Cells(labels, every, several=several)
        self.true = np.zeros((256, len(labels)))  # per cell: texts by true label

    def add(self, chunk: Chunk) -> None:
        if chunk.targets is None:
            return
        if not (known := np.flatnonzero(chunk.targets.reshape(len(chunk), -1)[:, 0] != UNKNOWN)).size:
            return
        part = chunk.take(known)  # type: ignore[arg-type]
        numbers = self.cells.add(part)
        self.true = grown(self.true, len(self.cells.cells))
        np.add.at(self.true, numbers, part.targets if self.several else np.eye(len(self.labels))[part.targets])

    def errors(self, quantifier: AnyQuantifier, *, timed: bool) -> list[Errors]:
        """Return the errors of each group, and of each of its periods if there are times."""
        names = list(self.cells.groups)
        true = {(names[group], start): self.true[number] for (group, start), number in self.cells.cells.items()}
        predictions = self.cells.predictions()
        found = []
        for group, periods in by_group(predictions).items():
            whole = pooled(list(periods.values()))
            own = quantifier.within(whole)
            found.append(self.of(group, EVERY_PERIOD, whole, sum(true[group, start] for start in periods), own))
            if timed:
                found += [self.of(group, start, one, true[group, start], own) for start, one in periods.items()]
        return found

    def of(
        self, group: str, start: int | None, predictions: AnyPredictions, counts: Any, quantifier: AnyQuantifier
    ) -> Errors:
        texts, values = int(predictions.n), None if self.several else values_of(self.labels)
        true, shares = counts / texts, quantifier.shares(predictions)
        low, high = quantifier.interval(predictions, shares, sampled=False)
        far = partial(measures, true, texts=texts, values=values, several=self.several)
        counted = far(predictions.counts / predictions.n)
        covered = float(((low <= true) & (true <= high)).mean())
        return Errors(group, start, texts, far(shares), counted, covered)


def measures(true: Any, found: Any, *, texts: int, values: Sequence[float] | None, several: bool) -> dict[str, float]:
    """Return the errors of shares (k,) by measure; the earth mover's distance where the labels are numbers."""
    apart = several_divergence if several else divergence
    errors = {"absolute_error": absolute_error(true, found), "divergence": apart(true, found, texts)}
    if values is not None:
        errors["earth_movers_distance"] = earth_movers_distance(true, found, values)
    return {name: float(value) for name, value in errors.items()}


@dataclass(frozen=True)
class Accuracy:
    """Errors of all groups, and of all their periods."""

    errors: Sequence[Errors]

    @property
    def groups(self) -> list[Errors]:
        return [one for one in self.errors if one.start is EVERY_PERIOD]

    @property
    def periods(self) -> bool:
        """True if errors of periods are known."""
        return any(one.start is not EVERY_PERIOD for one in self.errors)

    @property
    def means(self) -> dict[str, float]:
        return mean(self.groups)

    @property
    def finest(self) -> list[Errors]:
        """Return the errors of the periods of each group, or of the groups if there are no times."""
        return [one for one in self.errors if one.start is not EVERY_PERIOD] or self.groups

    def to_json(self) -> dict[str, Any]:
        return {"groups": mean(self.groups), "groups_and_periods": mean(self.finest)}


def mean(errors: Sequence[Errors]) -> dict[str, float]:
    """Average the errors over groups or periods, each counting alike."""
    rows = [one.to_json() for one in errors]
    averages = {name: round(float(np.mean([row[name] for row in rows])), 6) for name in rows[0] if name != "texts"}
    return {"sets": len(rows), "texts": sum(row["texts"] for row in rows), **averages}
