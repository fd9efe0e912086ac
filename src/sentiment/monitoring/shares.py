"""Estimated shares of labels for each group and period, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sentiment.evaluation.quantification import AnyPredictions, AnyQuantifier, SeveralPredictions
from sentiment.inference.scales import numbers_of
from sentiment.monitoring.cells import pooled
from sentiment.monitoring.groups import ALL


@dataclass(frozen=True)
class Estimate:
    """Label shares of the texts of one group in one period.

    Args:
        group: Name of the group; ALL for all groups together.
        start: Start of the period, in seconds since 1970.
        predictions: The texts' predictions.
        shares: (k,) estimated shares.
        low: (k,) lower ends of the 95 % intervals.
        high: (k,) upper ends.
        deviation: (k,) standard deviation that averages out over texts, for comparisons within a group.
    """

    group: str
    start: int
    predictions: AnyPredictions
    shares: Any
    low: Any
    high: Any
    deviation: Any

    @property
    def n(self) -> int:
        return int(self.predictions.n)

    @property
    def counted(self) -> Any:
        """Shares of the predicted labels, uncorrected."""
        return self.predictions.counts / self.predictions.n

    @property
    def several(self) -> bool:
        """True where a text may have several labels, so that the shares need not add up to 1."""
        return isinstance(self.predictions, SeveralPredictions)

    def mean(self, labels: Sequence[str]) -> float | None:
        """Return the mean of labels that are numbers, such as -2 to 2; None if one is not, or a text has several."""
        values = numbers_of(labels)
        return None if self.several or values is None else float(np.asarray(self.shares) @ np.array(values))


def estimate(
    group: str, start: int, predictions: AnyPredictions, quantifier: AnyQuantifier, *, sampled: bool
) -> Estimate:
    shares = quantifier.shares(predictions)
    low, high = quantifier.interval(predictions, shares, sampled=sampled)
    deviation = np.sqrt(quantifier.text_variance(predictions, shares))
    return Estimate(group, start, predictions, shares, low, high, deviation)


def estimates(
    cells: Mapping[tuple[str, int], AnyPredictions], quantifier: AnyQuantifier, *, sampled: bool
) -> dict[str, list[Estimate]]:
    """Estimate the shares of every cell, by group in time order; all groups together come first."""
    groups: dict[str, list[Estimate]] = {}
    names = {group for group, _ in cells}
    if len(names) > 1:
        starts: dict[int, list[AnyPredictions]] = {}
        for (_, start), predictions in cells.items():
            starts.setdefault(start, []).append(predictions)
        own = quantifier.within(pooled(list(cells.values())))
        groups[all_name(names)] = [
            estimate(all_name(names), start, pooled(starts[start]), own, sampled=sampled) for start in sorted(starts)
        ]
    for group, periods in by_group(cells).items():
        own = quantifier.within(pooled(list(periods.values())))
        groups[group] = [estimate(group, start, one, own, sampled=sampled) for start, one in periods.items()]
    return groups


def of_all_periods(series: Sequence[Estimate], quantifier: AnyQuantifier, *, sampled: bool) -> Estimate:
    """Return the estimate of a group's texts of all its periods together."""
    if len(series) == 1:
        return series[0]
    whole = pooled([one.predictions for one in series])
    return estimate(series[0].group, series[0].start, whole, quantifier, sampled=sampled)


def by_group(cells: Mapping[tuple[str, int], AnyPredictions]) -> dict[str, dict[int, AnyPredictions]]:
    """Return the predictions of each group by the start of the period."""
    groups: dict[str, dict[int, AnyPredictions]] = {}
    for (group, start), predictions in cells.items():
        groups.setdefault(group, {})[start] = predictions
    return groups


def all_name(names: set[str]) -> str:
    """Return the name of all groups together, "all", or "all groups" and so on if a group has that name."""
    name = ALL
    while name in names:
        name += " groups"
    return name
