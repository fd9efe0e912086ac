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
from sentiment.evaluation.bootstrap import paired_resamples
from sentiment.evaluation.resampling import Answers
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
    answers = [Answers.of(own.probabilities.numpy(), own.targets.numpy(), decoding) for own in (challenger, holder)]
    first, second = paired_resamples(metric, answers, resamples=RESAMPLES, seed=SEED)
    lead = first - second if metrics.of_score(metric).higher_is_better else second - first
    if lead.ndim == 2:  # a score for each label
        lead = lead[:, list(labels).index(metric.partition("/")[2])]
    return float((1 + np.count_nonzero(~(lead > 0))) / (1 + len(lead)))
