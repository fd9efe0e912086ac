"""Result of a monitor, for its page, its tables and the console."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentiment.evaluation.quantification import AnyQuantifier
from sentiment.monitoring.accuracy import Accuracy
from sentiment.monitoring.changes import Comparison
from sentiment.monitoring.drift import Drift
from sentiment.monitoring.evidence import Evidence
from sentiment.monitoring.periods import Every
from sentiment.monitoring.shares import Estimate


@dataclass(frozen=True)
class Result:
    """All that the page shows."""

    title: str
    labels: list[str]
    every: Every
    groups: Mapping[str, Sequence[Estimate]]
    overall: Estimate
    comparisons: Sequence[Comparison]
    evidence: Mapping[int, Evidence]  # by position in `comparisons`
    drift: Drift
    quantifier: AnyQuantifier
    notes: Sequence[str]
    by: tuple[str, ...]  # columns of the groups
    timed: bool
    sampled: bool
    accuracy: Accuracy | None = None  # where true labels are known

    @property
    def changes(self) -> list[tuple[int, Comparison]]:
        return [(i, one) for i, one in enumerate(self.comparisons) if one.is_change]
