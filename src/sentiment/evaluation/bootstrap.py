"""Bootstrap intervals of a classifier's metrics (Efron 1979, "Bootstrap methods: another look at the jackknife").

The rows of a split are drawn with replacement, as many as there are, and the metrics computed for each resample; the
interval lies between two percentiles of the results.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from sentiment.evaluation import computation, metrics
from sentiment.evaluation.arrays import Floats, Integers
from sentiment.evaluation.metric import Metric
from sentiment.evaluation.proportions import LEVEL, clopper_pearson
from sentiment.evaluation.resampling import Answers, Resamples, draws
from sentiment.inference.tasks import SINGLE, Decoding

Interval = tuple[float, float]

RESAMPLES = 1000
SEED = 0
ROUNDING = 1e-9  # width of an interval that comes of rounding alone
SHARES_OF_TEXTS = ("accuracy", "subset_accuracy")


def intervals(
    probabilities: Floats,
    targets: Integers,
    labels: Sequence[str],
    *,
    decoding: Decoding = SINGLE,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """Compute a percentile bootstrap interval for each metric, the exact one for an accuracy of 0 or 1.

    Args:
        probabilities: (N, labels).
        targets: label indices (N,); of several labels 0 or 1 for each, (N, labels).
        labels: the label names, in the order of the columns.
        decoding: the task, which decides the metrics and the answered labels.
        resamples: the number of bootstrap resamples.

    Returns:
        (low, high) by metric name; left out are metrics that are undefined in every resample, or the same in all: of a
        model without an error, or whose every answer is the same, resampling cannot tell how far the score may be off.
    """
    answers = Answers.of(probabilities, targets, decoding)
    drawn = [resample_scores(Resamples.of(answers, counts), labels) for counts in draws(len(targets), resamples, SEED)]
    values = {name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]}
    found: dict[str, Interval] = {}
    for name, column in values.items():
        if np.isnan(column).all():
            continue
        low, high = percentiles(column)
        if high - low > ROUNDING:
            found[name] = low, high
        elif name in SHARES_OF_TEXTS:
            found[name] = clopper_pearson(round(low * len(targets)), len(targets))
    return found


def resample_scores(resamples: Resamples, labels: Sequence[str]) -> dict[str, Floats]:
    """Compute each score of `computation.score` for each resample, (B,)."""
    scores: dict[str, Floats] = {}
    for metric in metrics.of_task(resamples.answers.decoding.kind):
        values = resample(metric, resamples)
        if values.ndim == 1:
            scores[metric.name] = values
        else:
            scores |= {f"{metric.name}/{label}": values[:, i] for i, label in enumerate(labels)}
    return scores


def resample(metric: Metric, resamples: Resamples) -> Floats:
    """Compute a metric for each resample, (B,) or (B, classes); without `Metric.resampled`, on the drawn rows."""
    if metric.resampled:
        return metric.resampled(resamples)
    answers = resamples.answers
    computed = computation.built(metric, answers.classes, answers.decoding)
    probabilities, targets = torch.from_numpy(answers.probabilities), torch.from_numpy(answers.targets)
    values = []
    for counts in resamples.counts:
        rows = torch.from_numpy(np.repeat(np.arange(len(counts)), counts.astype(int)))
        computed.reset()
        computed.update(probabilities[rows], targets[rows])
        values.append(np.asarray(computed.compute(), dtype=float))
    return np.stack(values)


def paired_resamples(
    score: str, sides: Sequence[Answers], *, resamples: int = RESAMPLES, seed: int = SEED
) -> list[Floats]:
    """Compute a metric of several classifiers' answers to the same texts on the same resamples of these.

    Returns:
        The metric for each classifier, (resamples,) or (resamples, classes).
    """
    metric = metrics.of_score(score)
    drawn = [
        [resample(metric, Resamples.of(answers, counts)) for answers in sides]
        for counts in draws(len(sides[0].targets), resamples, seed)
    ]
    return [np.concatenate(parts) for parts in zip(*drawn, strict=True)]


def mean_interval(values: Floats) -> Interval:
    """Compute the percentile bootstrap interval of the mean of `values` (N,)."""
    means = [counts @ values / len(values) for counts in draws(len(values), RESAMPLES, SEED)]
    return percentiles(np.concatenate(means))


def interval_text(name: str, scores: Mapping[str, float], intervals: Mapping[str, Interval]) -> str:
    """Format a score as 0.8841 (0.869-0.899), without brackets if it has no interval, or "-" if it is missing."""
    if name not in scores:
        return "-"
    if name not in intervals:
        return f"{scores[name]:.4f}"
    low, high = intervals[name]
    return f"{scores[name]:.4f} ({low:.3f}-{high:.3f})"


def percentiles(values: Floats) -> Interval:
    """Return the bounds of the middle `LEVEL` of the values.

    NaN, as from resamples without a row of some class, is ignored.
    """
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
