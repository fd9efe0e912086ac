"""Selection of the exported weights: the last epoch's, unless an earlier validation is significantly better.

The best of several validation scores is partly luck, the more so the fewer texts there are; training longer is not.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from sentiment.evaluation import metrics
from sentiment.evaluation.bootstrap import resampled
from sentiment.evaluation.resampling import Answers, Floats, Resamples, draws
from sentiment.inference.tasks import SINGLE, Decoding
from sentiment.training.checkpoints import Judged, read_judged

Weights = dict[str, torch.Tensor]

log = logging.getLogger(__name__)

SIGNIFICANCE = 0.05
RESAMPLES = 2000
SEED = 0


@dataclass(frozen=True)
class Choice:
    """Weights to export, and the reason for them.

    Args:
        epoch: the last epoch of training behind these weights, from 1.
        score: their monitored metric on validation.
        best_epoch: the epoch with the best validation score, chosen or not.
        p_value: one-sided p-value of the best epoch's lead over the last epoch; None if the last epoch is the best.
    """

    weights: Weights
    kind: Literal["last", "earlier"]
    epoch: int
    score: float
    best_epoch: int
    best_score: float
    p_value: float | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "weights"}


def choose(checkpoints: Path, *, metric: str, labels: Sequence[str], decoding: Decoding = SINGLE) -> Choice:
    """Choose between last.ckpt and best.ckpt by a paired bootstrap of `metric` on the validation texts.

    The best of k earlier validations is exported if its one-sided p-value is below 0.05 / k (Bonferroni).
    """
    weights, last = read_judged(checkpoints / "last.ckpt")
    earlier_weights, best = read_judged(checkpoints / "best.ckpt")
    if best.batches == last.batches or best.score == last.score:
        reason = f"epoch {last.epoch}, the last one, is exported; no earlier one validates better"
        return Choice(weights, "last", last.epoch, last.score, last.epoch, last.score, None, reason)
    p, needed = p_value(best, last, metric, labels, decoding), SIGNIFICANCE / (last.number - 1)
    found = f"{metric} {best.score:.4f} against {last.score:.4f} on {len(last.targets)} validation texts, p = {p:.3f}"
    if p < needed:
        reason = f"epoch {best.epoch} is exported; its lead over the last one is more than chance: {found}"
        return Choice(earlier_weights, "earlier", best.epoch, best.score, best.epoch, best.score, p, reason)
    reason = f"epoch {last.epoch}, the last one, is exported; the lead of epoch {best.epoch} may be chance: {found}"
    reason += f" (below {needed:.3g} it would not be)"
    return Choice(weights, "last", last.epoch, last.score, best.epoch, best.score, p, reason)


def p_value(
    challenger: Judged, holder: Judged, metric: str, labels: Sequence[str], decoding: Decoding = SINGLE
) -> float:
    """Estimate the one-sided p-value as the share of resamples in which the challenger is not better (Koehn 2004)."""
    sides = [scores(judged, metric, labels, decoding) for judged in (challenger, holder)]
    record = metrics.find(metric)
    lead = sides[0] - sides[1] if record is None or record.higher_is_better else sides[1] - sides[0]
    return float((1 + np.count_nonzero(~(lead > 0))) / (1 + len(lead)))


def scores(judged: Judged, metric: str, labels: Sequence[str], decoding: Decoding = SINGLE) -> Floats:
    """Compute the metric on each resample, (RESAMPLES,); all calls use the same resamples."""
    record = metrics.find(metric)
    assert record is not None
    answers = Answers.of(judged.probabilities.numpy(), judged.targets.numpy(), decoding)
    drawn = draws(len(judged.targets), RESAMPLES, SEED)
    values = np.concatenate([resampled(record, Resamples.of(answers, counts)) for counts in drawn])
    return values if values.ndim == 1 else values[:, list(labels).index(metric.partition("/")[2])]
