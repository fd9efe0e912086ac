"""The model behind the predictions: its classifier, its estimator of shares, and its reference texts."""

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.data.labelled import labelled as read_labelled
from sentiment.data.splits import checked
from sentiment.data.tables import announce, named, open_table
from sentiment.data.tables import label_column as find_label
from sentiment.data.tables import text_column as find_text
from sentiment.errors import ConfigError, DataError
from sentiment.evaluation.quantification import Method, Quantifier, read_quantifier
from sentiment.evaluation.quantification.reference import Reference, read_reference
from sentiment.evaluation.quantification.simulation import groups_of, topics
from sentiment.evaluation.scoring import evaluate
from sentiment.inference.checksums import export_hash
from sentiment.inference.export_dir import export_folder
from sentiment.inference.types import Classifier
from sentiment.remote import as_path, local_copy

log = logging.getLogger(__name__)


class Model:
    """The model that made, or makes, the predictions.

    Args:
        engine: Loads the classifier.
        run: Run directory or export folder; empty if none is at hand.
    """

    def __init__(self, engine: Callable[[], Classifier], run: str) -> None:
        self.engine = engine
        self.run = run
        self.notes: list[str] = []
        self.quantifier: Quantifier
        self.reference: Reference | None = None

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
        by: str | None,
        text_column: str | None,
        label_column: str | None,
        aspect_column: str | None = None,
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
            self.read(labels)
            return
        cells, groups = read_cells(as_path(labelled), by, text_column, label_column, aspect_column, labels)
        names = ("text", "label") if aspect_column is None else ("text", "label", "aspect")
        default = getattr(getattr(self.classifier, "preprocessing", None), "default_aspect", "")
        rows = read_labelled(cells, columns=names, source=str(labelled))
        split = checked("labelled", rows, skip_bad_rows=False, default_aspect=default)
        log.info("scoring %d labelled texts of %s", len(split), labelled)
        scores = evaluate(self.classifier, split, labels)
        targets, probabilities = scores.targets.numpy(), scores.probabilities.numpy()
        held, natural = groups_of(split.texts, groups)
        known = read_quantifier(self.export) if self.export else None
        prior = known.rates.prior if known else np.bincount(targets, minlength=len(labels)) / len(targets)
        self.quantifier = Quantifier.fit(
            probabilities, targets, labels, prior=prior, groups=held,
            described=f"values of {by}" if natural else "topics of these texts", natural=natural,
            values=getattr(scores.decoding, "values", None),
        )  # fmt: skip
        self.reference = Reference.of(split.texts, targets, probabilities, scores.tokens)
        self.notes.append(f"The estimator and the intervals were fitted on the {len(split):,} texts of {labelled}.")

    def read(self, labels: Sequence[str]) -> None:
        known = read_quantifier(self.export) if self.export else None
        if known is None:
            self.quantifier = Quantifier.without_fit(labels)
            where = f"{self.export} has no quantification.json" if self.export else "run= names no model"
            fix = f"sentiment export run={self.run}" if self.export else "give the run that made the predictions"
            self.notes.append(
                f"{where}: the shares are counted labels, the intervals hold the sample's error alone ({fix})."
            )
            return
        if known.labels != list(labels):
            raise DataError(
                f"run={self.run} has the labels {', '.join(known.labels)}, the predictions {', '.join(labels)}; "
                "give the run that made them"
            )
        if self.export and known.export != export_hash(self.export):
            self.notes.append("The export was changed after its estimator was fitted; make it again: sentiment export.")
        self.quantifier, self.reference = known, read_reference(self.export) if self.export else None

    def choose(self, name: str) -> None:
        """Replace the chosen estimator by the named one, its intervals fitted again on the reference texts.

        Raises:
            ConfigError: There are no texts to fit on, or `quantification.json` has no estimator for serving.
        """
        if name == "auto":
            return
        if name == "serving":
            self.quantifier = self.quantifier.as_served()
            return
        if self.reference is None:
            raise ConfigError(f"estimator={name} needs labelled texts to fit its intervals; give run= or labelled=FILE")
        own = self.reference
        self.quantifier = Quantifier.fit(
            own.probabilities, own.labels, self.quantifier.labels, prior=self.quantifier.rates.prior,
            groups=topics([" ".join(words) for words in own.words]), described="topics of the validation texts",
            export=self.quantifier.export, only=Method(name),
        )  # fmt: skip


def read_cells(
    path: Path,
    by: str | None,
    text_column: str | None,
    label_column: str | None,
    aspect_column: str | None,
    labels: Sequence[str],
) -> tuple[list[tuple[Any, ...]], list[str] | None]:
    """Read text, label and, if its column is named, aspect of each row; and, where there is a column `by`, groups."""
    table = open_table(path)
    announce([table])
    text = find_text(table.columns, text_column if text_column in table.columns else None, f"labelled={path}")
    label = find_label(table.columns, label_column, f"labelled={path}")
    group = by if by in table.columns else None
    own = [text, label]
    if aspect_column is not None:
        own.append(named(table.columns, aspect_column, f"labelled={path}", key="aspect_column"))
    rows = list(table.rows([*dict.fromkeys(filter(None, (*own, group)))]))
    unknown = sorted({str(row[label]) for row in rows} - set(labels) - {"", "None"})
    if unknown:
        raise DataError(f"labelled={path} has the label {unknown[0]!r}, the model knows {', '.join(labels)}")
    return [tuple(r[name] for name in own) for r in rows], [str(r[group]) for r in rows] if group else None
