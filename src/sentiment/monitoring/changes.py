"""Changes of the label mix from one period to the next, and noise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import chi2, chi2_contingency, false_discovery_control

from sentiment.evaluation.quantification import AnyQuantifier
from sentiment.monitoring.cells import pooled
from sentiment.monitoring.shares import Estimate, estimate

FEWEST = 10  # texts on either side of a comparison
FALSE_DISCOVERIES = 0.05  # expected share of noise among the changes that are reported
FEW_COMPARISONS = 8  # below, their variation is not estimated


@dataclass(frozen=True)
class Comparison:
    """A period of a group beside the periods before it.

    Args:
        group: Name of the group.
        before: The periods before, as one.
        after: The period.
        since: Start of the first of the periods before.
        label: Index of the label whose share is compared, where a text may have several; None for the mix of all.
        statistic: Chi-squared statistic of the predicted labels, divided by the overdispersion.
        p_value: Its p-value.
        corrected: The p-value corrected for the number of comparisons.
    """

    group: str
    before: Estimate
    after: Estimate
    since: int
    statistic: float
    p_value: float
    label: int | None = None
    corrected: float = 1.0

    @property
    def is_change(self) -> bool:
        return self.corrected < FALSE_DISCOVERIES

    @property
    def difference(self) -> Any:
        return self.after.shares - self.before.shares

    @property
    def half_width(self) -> Any:
        """Half the width of the 95 % interval of the difference; what errs in both periods alike cancels out."""
        return 1.96 * np.hypot(self.before.deviation, self.after.deviation)

    @property
    def rose(self) -> int:
        """Index of the label whose share rose most."""
        return int(np.argmax(self.difference))

    @property
    def subject(self) -> int:
        """Index of the label whose texts are the evidence: the one that rose most, or the one that is compared."""
        return self.rose if self.label is None else self.label

    @property
    def of_later(self) -> bool:
        """True if the later texts are the evidence; of a single label whose share fell, the earlier ones are."""
        return self.label is None or self.difference[self.label] > 0

    @property
    def largest(self) -> int:
        """Index of the label whose share moved most, up or down; of two that moved alike, the one that rose."""
        if self.label is not None:
            return self.label
        rise, fall = self.difference[self.rose], -float(np.min(self.difference))
        return self.rose if rise > fall - 1e-6 else int(np.argmin(self.difference))


def compare(
    groups: Mapping[str, Sequence[Estimate]], quantifier: AnyQuantifier, *, window: int, sampled: bool
) -> list[Comparison]:
    """Compare each period with up to `window` periods before it, all p-values corrected together.

    Chi-squared test of homogeneity of the predicted labels (Pearson 1900), divided by the overdispersion of the counts
    (quasi-likelihood, Wedderburn 1974), since texts of a day are no independent draws. The p-values are corrected by
    Benjamini and Hochberg 1995: among the changes reported, an expected 5 % are noise. Where a text may have several
    labels, each of them is tested alone, and the correction is over all labels too.

    Returns:
        The comparisons, those with the smallest p-values first; periods with fewer than FEWEST texts are in none.
    """
    pairs = [
        pair for name, series in groups.items() for pair in beside_earlier(name, series, quantifier, window, sampled)
    ]
    if not pairs:
        return []
    several = pairs[0][1].several
    found: list[Comparison] = []
    for label in range(len(quantifier.labels)) if several else [None]:
        degrees = 1 if several else len(quantifier.labels) - 1
        statistics = np.array([homogeneity(before, after, label) for _, before, after, _ in pairs])
        statistics = statistics / overdispersion(statistics, degrees)
        found += [
            Comparison(*pair, float(statistic), float(p), label)
            for pair, statistic, p in zip(pairs, statistics, chi2.sf(statistics, degrees), strict=True)
        ]
    corrected = false_discovery_control([one.p_value for one in found])
    found = [replace(one, corrected=float(q)) for one, q in zip(found, corrected, strict=True)]
    return sorted(found, key=lambda one: (one.p_value, one.group, one.after.start, one.subject))


def beside_earlier(
    name: str, series: Sequence[Estimate], quantifier: AnyQuantifier, window: int, sampled: bool
) -> list[tuple[str, Estimate, Estimate, int]]:
    pairs = []
    for i, after in enumerate(series[1:], 1):
        earlier = series[max(0, i - window) : i]
        predictions = pooled([one.predictions for one in earlier])
        if after.n >= FEWEST and predictions.n >= FEWEST:
            before = estimate(name, earlier[-1].start, predictions, quantifier, sampled=sampled)
            pairs.append((name, before, after, earlier[0].start))
    return pairs


def homogeneity(before: Estimate, after: Estimate, label: int | None) -> float:
    """Return Pearson's chi-squared statistic of the predicted labels, or of texts with and without one of several.

    A label that neither side has is left out.
    """
    sides = [one.predictions if label is None else one.predictions.parts[label] for one in (before, after)]
    table = np.stack([side.counts for side in sides])
    table = table[:, table.sum(axis=0) > 0]
    return float(chi2_contingency(table, correction=False).statistic) if table.shape[1] > 1 else 0.0


def overdispersion(statistics: Any, degrees: int) -> float:
    """Estimate the variance of counts over that of independent draws, by the median, which few true changes move."""
    if len(statistics) < FEW_COMPARISONS:
        return 1.0
    return max(1.0, float(np.median(statistics) / chi2.median(degrees)))
