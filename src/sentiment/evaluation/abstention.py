"""Error rates that a validation split can promise for the texts with high scores.

For a fixed order of shares of the texts, those with the highest scores, the error rate is bounded from above by Clopper
and Pearson (1934), each at a confidence that makes all bounds hold together (Bonferroni), as in selective
classification with guaranteed risk (Geifman and El-Yaniv 2017).
"""

from pathlib import Path

import numpy as np

from sentiment.evaluation.proportions import upper_bound
from sentiment.evaluation.scoring import Evaluation
from sentiment.files import write_json
from sentiment.inference.abstention import ABSTENTION, Abstention, Level
from sentiment.inference.checksums import update_checksums

CONFIDENCE = 0.95  # that all bounds hold
SHARES = 10  # 10 %, 20 %, ... of the texts


def write_abstention(exported: Path, validation: Evaluation) -> None:
    """Store in the export the error rates that the validation split can promise (`max_error`)."""
    if validation.decoding.kind == "single":
        write_json(exported / ABSTENTION, fit_abstention(validation).to_json())
        update_checksums(exported, ABSTENTION)


def fit_abstention(validation: Evaluation) -> Abstention:
    """Bound the error rate of the texts with the highest scores, from a tenth to all of those that can be read."""
    wrong = (validation.predicted != validation.targets).numpy()
    scores = validation.probabilities.max(dim=-1).values.double().numpy()
    if validation.readable is not None:
        read = np.asarray(validation.readable)
        wrong, scores = wrong[read], scores[read]
    return promises(scores, wrong, texts=len(validation.split))


def promises(scores: np.ndarray, wrong: np.ndarray, *, texts: int) -> Abstention:
    """Bound the error rate of the highest scores, from a tenth to all of them, of a split of so many texts."""
    ranked = np.sort(scores)[::-1]
    counts = (
        sorted({max(1, round(len(ranked) * share / SHARES)) for share in range(1, SHARES + 1)}) if len(ranked) else []
    )
    levels = []
    for threshold in dict.fromkeys(float(ranked[count - 1]) for count in counts):
        answered = scores >= threshold
        n, errors = int(answered.sum()), int(wrong[answered].sum())
        levels.append(Level(threshold, n, errors, upper_bound(errors, n, 1 - (1 - CONFIDENCE) / SHARES)))
    return Abstention(texts, CONFIDENCE, tuple(levels))
