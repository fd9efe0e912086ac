"""The model behind the predictions: its classifier, its estimator of shares, and its reference texts."""

import logging
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.data.splits import Split
from sentiment.errors import ConfigError, DataError
from sentiment.evaluation.quantification import (
    AnyQuantifier,
    Method,
    Quantifier,
    SeveralQuantifier,
    fit_quantifier,
    read_quantifier,
)
from sentiment.evaluation.quantification.choice import FEWEST_TEXTS
from sentiment.evaluation.quantification.methods import COUNTS
from sentiment.evaluation.quantification.reference import Reference, read_reference
from sentiment.evaluation.quantification.simulation import groups_of, topics
from sentiment.inference.checksums import export_hash
from sentiment.inference.exclusive import Scale
from sentiment.inference.export_dir import export_folder, read_preprocessing
from sentiment.inference.tasks import SINGLE, Decoding, decoding_of
from sentiment.inference.types import Classifier, list_labels
from sentiment.monitoring.drift import Drift
from sentiment.monitoring.labelled import LabelledTexts
from sentiment.monitoring.rows import Chunk
from sentiment.remote import local_copy
from sentiment.shell import for_shell

log = logging.getLogger(__name__)

ROUNDED = 0.001  # share of rows whose answer the six digits of a file may change


class Model:
    """The model that made, or makes, the predictions."""

    def __init__(self, engine: Callable[[], Classifier], run: str) -> None:
        self.engine = engine
        self.run = run
        self.labelled: LabelledTexts | None = None
        self.texts: Split | None = None  # of `labelled`
        self.notes: list[str] = []
        self.quantifier: AnyQuantifier
        self.reference: Reference | None = None
        self.decoding: Decoding = SINGLE
        self.chooses = True  # between its estimators, by the drift

    @cached_property
    def classifier(self) -> Classifier:
        return self.engine()

    @cached_property
    def export(self) -> Path | None:
        return export_folder(local_copy(self.run)) if self.run else None

    def take(self, run: str) -> None:
        """Take the run that made the predictions, if it is known and none is named."""
        if not run or self.run:
            return
        self.run = run
        if isinstance(self.engine, partial) and "run" in self.engine.keywords:
            self.engine = partial(self.engine, run=run)

    def check_labelled(self, labels: Sequence[str], *, several: bool) -> None:
        """Read the labelled texts, if any, before others are scored.

        Raises:
            DataError: A row has no text, no label, or one that the model does not know.
        """
        if self.labelled is not None and self.texts is None:
            default = getattr(getattr(self.classifier, "preprocessing", None), "default_aspect", "")
            self.texts = self.labelled.split(labels, several=several, default_aspect=default)

    def fit(self, labels: Sequence[str], *, several: bool, by: Sequence[str]) -> None:
        """Set the quantifier and the reference: from labelled texts if given, else as the export has them.

        Raises:
            DataError: The labelled texts are invalid, or the export's labels differ from the predictions'.
        """
        self.check_labelled(labels, several=several)
        if self.labelled is None or self.texts is None:
            self.read(labels, several=several)
            return
        from sentiment.evaluation.scoring import evaluate  # imports torchmetrics, which takes seconds

        texts, name = self.texts, self.labelled.name
        log.info("scoring %d labelled texts of %s", len(texts), name)
        scores = evaluate(self.classifier, texts, labels)
        targets, probabilities = scores.targets.numpy(), scores.probabilities.numpy()
        held, natural = groups_of(texts.texts, self.labelled.groups)
        known = read_quantifier(self.export) if self.export else None
        self.quantifier = fit_quantifier(
            probabilities, targets, labels, prior=known.prior if known else shares_of(targets, len(labels)),
            groups=held, answers=scores.predicted.numpy(),
            described=f"values of {' and '.join(by)}" if natural else "topics of these texts", natural=natural,
            **values_of(scores.decoding),
        )  # fmt: skip
        self.reference = Reference.of(texts.texts, targets, probabilities, scores.tokens)
        self.decoding = scores.decoding
        self.notes.append(f"The estimator and the intervals were fitted on the {len(texts):,} texts of {name}.")

    def read(self, labels: Sequence[str], *, several: bool) -> None:
        known = read_quantifier(self.export) if self.export else None
        if known is None:
            self.quantifier = (SeveralQuantifier if several else Quantifier).without_fit(labels)
            where = f"{self.export} has no quantification.json" if self.export else "run= names no model"
            fix = (
                f"sentiment export {for_shell('run', self.run)}"
                if self.export
                else "give the run that made the predictions"
            )
            self.notes.append(
                f"{where}: the shares are counted labels, the intervals hold the sample's error alone ({fix})."
            )
            return
        if known.several != several:
            given, found = ("several labels", "one") if known.several else ("one label", "several")
            raise DataError(
                f"run={self.run} gives {given} for a text, the predictions are those of a model that gives {found} "
                f"({'no' if several else 'a'} column score); give an output of sentiment predict, unchanged"
            )
        if known.labels != list(labels):
            raise DataError(
                f"run={self.run} has the labels {list_labels(known.labels)}, the predictions {list_labels(labels)}; "
                "give the run that made them"
            )
        if self.export and known.export != export_hash(self.export):
            self.notes.append("The export was changed after its estimator was fitted; make it again: sentiment export.")
        if self.export:
            self.reference, self.decoding = (
                read_reference(self.export),
                decoding_of(read_preprocessing(self.export).task),
            )
        if known.fitted is None:
            reason = next(iter(known.choices.values())).reason
            self.notes.append(
                f"{reason}: the shares are counted labels, the intervals hold the sample's error alone; give "
                "labelled=FILE."
            )
        self.quantifier = known

    def decided_otherwise(self, rows: Chunk) -> int:
        """Return the number of rows that other thresholds decided than those which the estimator was fitted to."""
        if self.reference is None or not self.quantifier.several:
            return 0
        return int((self.decoding.decide(rows.probabilities) != rows.answers).any(axis=1).sum())

    def note_decisions(self, otherwise: int, rows: int) -> None:
        """Note rows that other thresholds decided, if they are more than rounding explains."""
        if otherwise > ROUNDED * rows:
            self.notes.append(
                f"The labels of {otherwise:,} texts were decided by other thresholds than the export's, which the "
                "estimator was fitted to: shares that count labels may be off; predict again without a threshold."
            )
            log.warning("%s", self.notes[-1])

    def allow_for(self, drift: Drift) -> None:
        """Take the estimator for texts unlike those of validation where they are so and none was asked for."""
        if not (drift.far and self.chooses):
            return
        usual, self.quantifier = self.quantifier, self.quantifier.for_unlike_texts()
        if self.quantifier.choices != usual.choices:
            self.notes.append(
                "The estimator is the one for texts unlike those of validation: it does not lean on their mix."
            )

    def choose(self, name: str) -> None:
        """Replace the chosen estimator by the named one, its intervals fitted again on the reference texts.

        Raises:
            ConfigError: There are too few texts to fit on, or `quantification.json` has no estimator for serving.
        """
        if name == "auto":
            return
        self.chooses = False
        if name == "serving":
            self.quantifier = self.quantifier.as_served()
            return
        if self.reference is None:
            raise ConfigError(f"estimator={name} needs labelled texts to fit its intervals; give run= or labelled=FILE")
        own = self.reference
        if name != COUNTS.name and len(own.labels) < FEWEST_TEXTS:
            raise ConfigError(
                f"estimator={name} needs {FEWEST_TEXTS} labelled texts to fit its intervals, the validation split of "
                f"run={self.run} has {len(own.labels)}; give labelled=FILE, or leave it out"
            )
        self.quantifier = fit_quantifier(
            own.probabilities, own.labels, self.quantifier.labels, prior=self.quantifier.prior,
            answers=self.decoding.decide(own.probabilities), **values_of(self.decoding),
            groups=topics([" ".join(words) for words in own.words]), described="topics of the validation texts",
            export=self.quantifier.export, only=Method(name),
        )  # fmt: skip


def values_of(decoding: Decoding) -> dict[str, Any]:
    """Return the argument of a fit on a scale, whose error is the earth mover's distance; nothing for other tasks."""
    return {"values": decoding.values} if isinstance(decoding, Scale) else {}


def shares_of(targets: Any, labels: int) -> Any:
    """Return the label shares of targets (n,), or of several labels (n, k)."""
    return np.bincount(targets, minlength=labels) / len(targets) if targets.ndim == 1 else targets.mean(axis=0)
