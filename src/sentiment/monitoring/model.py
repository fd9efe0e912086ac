"""The model behind the predictions: its classifier, its estimator of shares, and its reference texts."""

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.data.label_form import ONE
from sentiment.data.labelled import labelled as read_labelled
from sentiment.data.splits import check_rows
from sentiment.data.tables import Quoting, TableOptions, announce, find_named, format_of, is_table, open_table
from sentiment.data.tables import label_column as find_label
from sentiment.data.tables import text_column as find_text
from sentiment.errors import ConfigError, DataError
from sentiment.evaluation.quantification import (
    AnyQuantifier,
    Method,
    Quantifier,
    SeveralQuantifier,
    fit_quantifier,
    read_quantifier,
)
from sentiment.evaluation.quantification.reference import Reference, read_reference
from sentiment.evaluation.quantification.simulation import groups_of, topics
from sentiment.inference.checksums import export_hash
from sentiment.inference.exclusive import Scale
from sentiment.inference.export_dir import export_folder, read_preprocessing
from sentiment.inference.tasks import SINGLE, Decoding, decoding_of
from sentiment.inference.types import Classifier, list_labels, names_of
from sentiment.monitoring.answers import TRUE_LABELS
from sentiment.monitoring.drift import Drift
from sentiment.monitoring.groups import group_of
from sentiment.monitoring.rows import Chunk
from sentiment.remote import as_path, local_copy
from sentiment.shell import for_shell

log = logging.getLogger(__name__)

ROUNDED = 0.001  # share of rows whose answer the six digits of a file may change


class Model:
    """The model that made, or makes, the predictions."""

    def __init__(self, engine: Callable[[], Classifier], run: str) -> None:
        self.engine = engine
        self.run = run
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

    def fit(
        self,
        labels: Sequence[str],
        labelled: Path | None,
        *,
        several: bool,
        by: Sequence[str],
        text_column: str | None,
        label_column: str | None,
        aspect_column: str | None = None,
        quoting: Quoting | None = None,
    ) -> None:
        """Set the quantifier and the reference: from labelled texts if given, else as the export has them.

        Raises:
            DataError: The labelled texts are invalid, or the export's labels differ from the predictions'.
            ConfigError: `label_column` is given without `labelled`.
        """
        if labelled is None:
            if label_column is not None:
                raise ConfigError(
                    "label_column names a column of labelled=FILE, which is not given; for true labels of the input "
                    "set true_column"
                )
            self.read(labels, several=several)
            return
        form = TRUE_LABELS if several else ONE
        cells, groups = read_cells(as_path(labelled), by, text_column, label_column, aspect_column, quoting)
        names = ("text", "label") if aspect_column is None else ("text", "label", "aspect")
        default = getattr(getattr(self.classifier, "preprocessing", None), "default_aspect", "")
        rows = read_labelled(cells, columns=names, source=str(labelled), form=form)
        if unknown := sorted({name for label in rows.labels for name in names_of(label or ())} - set(labels)):
            raise DataError(
                f"labelled={labelled} has the label {unknown[0]!r}, the model knows {list_labels(labels)}; correct it"
            )
        from sentiment.evaluation.scoring import evaluate  # imports torchmetrics, which takes seconds

        split = check_rows("labelled", rows, skip_bad_rows=False, default_aspect=default)
        log.info("scoring %d labelled texts of %s", len(split), labelled)
        scores = evaluate(self.classifier, split, labels)
        targets, probabilities = scores.targets.numpy(), scores.probabilities.numpy()
        held, natural = groups_of(split.texts, groups)
        known = read_quantifier(self.export) if self.export else None
        self.quantifier = fit_quantifier(
            probabilities, targets, labels, prior=known.prior if known else shares_of(targets, len(labels)),
            groups=held, answers=scores.predicted.numpy(),
            described=f"values of {' and '.join(by)}" if natural else "topics of these texts", natural=natural,
            **values_of(scores.decoding),
        )  # fmt: skip
        self.reference, self.decoding = (
            Reference.of(split.texts, targets, probabilities, scores.tokens),
            scores.decoding,
        )
        self.notes.append(f"The estimator and the intervals were fitted on the {len(split):,} texts of {labelled}.")

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
            ConfigError: There are no texts to fit on, or `quantification.json` has no estimator for serving.
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


def read_cells(
    path: Path,
    by: Sequence[str],
    text_column: str | None,
    label_column: str | None,
    aspect_column: str | None,
    quoting: Quoting | None,
) -> tuple[list[tuple[Any, ...]], list[str] | None]:
    """Read text, label and, if its column is named, aspect of each row; and, where it has the columns `by`, groups."""
    options = TableOptions(quoting=quoting)
    table = open_table(path, options.only_for(format_of(path).kind) if is_table(path) else options)
    announce([table])
    text = find_text(table.columns, text_column if text_column in table.columns else None, f"labelled={path}")
    label = find_label(table.columns, label_column, f"labelled={path}")
    grouped = by if by and set(by) <= set(table.columns) else ()
    own = [text, label]
    if aspect_column is not None:
        own.append(find_named(table.columns, aspect_column, f"labelled={path}", key="aspect_column"))
    rows = list(table.rows([*dict.fromkeys((*own, *grouped))]))
    return [tuple(r[name] for name in own) for r in rows], [group_of(r, grouped) for r in rows] if grouped else None
