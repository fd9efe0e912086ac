"""Record of one metric: how it is computed, and how it is named to readers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torchmetrics

from sentiment.evaluation.arrays import Floats

Reads = Literal["probabilities", "answers", "values", "expected"]


@dataclass(frozen=True, slots=True)
class Metric:
    """Metric of probabilities (N, classes) and label indices (N,), of several labels 0 or 1 for each, (N, classes).

    Args:
        name: the key in metrics.json, and after `validation/` in the log.
        build: makes the torchmetrics object for a number of classes, which computes one value, or one per class.
        title: the name in the report.
        meaning: one sentence for the reader of the report.
        higher_is_better: the direction for monitoring callbacks, sweeps and the leaderboard.
        headline: shown at the top of the report and in the learning curves.
        tasks: the kinds of label it is defined for (`sentiment.inference.tasks`).
        reads: what `build`'s object is updated with: "probabilities" and label indices; "answers", the same where the
            most probable label is answered, else the index of the answered one; on a scale also "values", the numbers
            of the answered and the true label, and "expected", the expected value and the number of the true label.
        multilabel: makes the object for texts with several labels, where that is another one.
        resampled: computes the metric for many bootstrap resamples at once, (B,) or (B, classes); without it each
            resample is drawn and given to `build`'s object, about a second for 1,000 resamples of 1,000 rows.
    """

    name: str
    build: Callable[[int], torchmetrics.Metric]
    title: str
    meaning: str
    higher_is_better: bool = True
    headline: bool = False
    tasks: tuple[str, ...] = ("single",)
    reads: Reads = "answers"
    multilabel: Callable[[int], torchmetrics.Metric] | None = None
    resampled: Callable[[Any], Floats] | None = None

    @property
    def mode(self) -> str:
        """Mode of callbacks that monitor the metric, max or min."""
        return "max" if self.higher_is_better else "min"
