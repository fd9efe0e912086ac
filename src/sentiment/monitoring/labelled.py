"""Labelled texts of the kind that is monitored, given with labelled=FILE."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sentiment.data.label_form import ONE
from sentiment.data.labelled import labelled
from sentiment.data.splits import Split, check_rows
from sentiment.data.tables import Quoting, TableOptions, announce, find_named, format_of, is_table, open_table
from sentiment.data.tables import label_column as find_label
from sentiment.data.tables import text_column as find_text
from sentiment.errors import DataError
from sentiment.evaluation.quantification.choice import FEWEST_TEXTS
from sentiment.inference.types import list_labels, names_of
from sentiment.monitoring.answers import TRUE_LABELS
from sentiment.monitoring.groups import group_of
from sentiment.remote import as_path


@dataclass(frozen=True)
class LabelledTexts:
    """The cells of a table of labelled texts.

    Args:
        name: Of the table, as it was given.
        cells: Text, label and, if its column is named, aspect of each row.
        groups: The group of each row, where the table has the columns of groups.
    """

    name: str
    cells: list[tuple[Any, ...]]
    groups: list[str] | None

    @classmethod
    def read(
        cls,
        name: str | Path,
        *,
        by: Sequence[str],
        text_column: str | None,
        label_column: str | None,
        aspect_column: str | None,
        quoting: Quoting | None,
    ) -> Self:
        """Read a table.

        Raises:
            DataError: It is not there, lacks a column, or has fewer than FEWEST_TEXTS rows.
        """
        path, options, source = as_path(name), TableOptions(quoting=quoting), f"labelled={name}"
        table = open_table(path, options.only_for(format_of(path).kind) if is_table(path) else options)
        announce([table])
        text = find_text(table.columns, text_column if text_column in table.columns else None, source)
        label = find_label(table.columns, label_column, source)
        own = [text, label]
        if aspect_column is not None:
            own.append(find_named(table.columns, aspect_column, source, key="aspect_column"))
        grouped = by if by and set(by) <= set(table.columns) else ()
        rows = list(table.rows([*dict.fromkeys((*own, *grouped))]))
        if len(rows) < FEWEST_TEXTS:
            raise DataError(
                f"{source} has {len(rows)} rows, an estimator and its intervals need at least {FEWEST_TEXTS} labelled "
                "texts; give more, or leave it out"
            )
        cells = [tuple(row[one] for one in own) for row in rows]
        return cls(str(name), cells, [group_of(row, grouped) for row in rows] if grouped else None)

    def split(self, labels: Sequence[str], *, several: bool, default_aspect: str) -> Split:
        """Return the rows as a split of data for a model with these labels.

        Raises:
            DataError: A row has no text, no label, or one that the model does not know.
        """
        names = ("text", "label", "aspect")[: len(self.cells[0])]
        rows = labelled(self.cells, columns=names, source=self.name, form=TRUE_LABELS if several else ONE)
        if unknown := sorted({name for label in rows.labels for name in names_of(label or ())} - set(labels)):
            known = list_labels(labels)
            raise DataError(f"labelled={self.name} has the label {unknown[0]!r}, the model knows {known}; correct it")
        return check_rows("labelled", rows, skip_bad_rows=False, default_aspect=default_aspect)
