"""Write quantification.json and the reference texts of an export, from its scores on the validation split."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.evaluation.quantification.choice import FEWEST_TEXTS
from sentiment.evaluation.quantification.reference import REFERENCE, Reference
from sentiment.evaluation.quantification.simulation import groups_of
from sentiment.evaluation.quantification.stored import fit_quantifier
from sentiment.evaluation.scoring import Evaluation
from sentiment.files import write_json
from sentiment.inference.checksums import export_hash, update_checksums
from sentiment.inference.export_dir import QUANTIFICATION
from sentiment.inference.types import Label, names_of
from sentiment.worker.metrics import BINS, bin_of

log = logging.getLogger(__name__)


def write_quantification(exported: Path, validation: Evaluation, train_labels: Sequence[Label]) -> None:
    """Fit the estimator of label shares to an export's predictions, and store it with the reference texts.

    Args:
        exported: The export folder, complete.
        validation: Its predictions of the validation split.
        train_labels: Labels of the training texts, for their shares.
    """
    texts, labels = validation.split.texts, validation.labels
    log.info("comparing estimators of the shares of labels on %d validation texts", len(texts))
    groups, natural = groups_of(texts, validation.split.aspects) if len(texts) >= FEWEST_TEXTS else (None, False)
    counts = Counter(name for label in train_labels for name in names_of(label))
    quantifier = fit_quantifier(
        validation.probabilities.numpy(),
        validation.targets.numpy(),
        labels,
        prior=np.array([counts[label] / len(train_labels) for label in labels]),
        answers=validation.predicted.numpy(),
        groups=groups,
        described=f"{'aspects' if natural else 'topics'} of the validation texts",
        natural=natural,
        values=getattr(validation.decoding, "values", None),  # of a scale
        export=export_hash(exported),
    )
    write_json(exported / QUANTIFICATION, {**quantifier.to_json(), "reference": reference_json(validation)})
    Reference.of(texts, validation.targets.numpy(), validation.probabilities.numpy(), validation.tokens).write(exported)
    update_checksums(exported, QUANTIFICATION, REFERENCE)
    for label, choice in quantifier.choices.items():
        log.info("shares of %s: %s", label or "labels", choice.reason)


def reference_json(validation: Evaluation) -> dict[str, Any]:
    """Return what a server compares its texts with: scores by bin, half a text added to each, tokens, readability."""
    read = (
        np.ones(len(validation.split.texts), dtype=bool)
        if validation.readable is None
        else np.array(validation.readable)
    )
    names = [bin_of((number + 0.5) / BINS) for number in range(BINS)]
    found = [bin_of(score) for score in validation.probabilities.numpy()[read].max(axis=1)]
    return {
        "scores": {name: round((found.count(name) + 0.5) / (len(found) + BINS / 2), 6) for name in names},
        "tokens": round(float(np.mean(validation.tokens)), 3) if validation.tokens else None,
        "unreadable": round(1 - float(read.mean()), 6),
    }
