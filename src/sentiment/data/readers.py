"""Reading of labelled rows from a file, a folder of texts or a hub dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import datasets
from datasets import ClassLabel, Dataset

from sentiment.data.corrections import is_feedback
from sentiment.data.label_form import ONE, LabelForm
from sentiment.data.labelled import FileRows, Labelled, labelled
from sentiment.data.tables import (
    Table,
    TableOptions,
    announce,
    find_named,
    format_of,
    label_column,
    open_table,
    text_column,
    usual_label,
)
from sentiment.data.tables.columns import list_columns
from sentiment.data.text_folders import is_tree, read_tree
from sentiment.data.tweeteval import is_text_file, read_pair
from sentiment.errors import DataError
from sentiment.remote.stores import access


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns; None selects a text or label column with a conventional name, and no aspect column."""

    text: str | None = None
    label: str | None = None
    aspect: str | None = None
    form: LabelForm = ONE

    def of(self, names: Sequence[str], source: str) -> tuple[str, ...]:
        """Return the names of the text, the label and, if one is set, the aspect column of a table.

        Raises:
            DataError: A column is missing, or is two of the three.
        """
        text = text_column(names, self.text, source, key="data.text_column")
        label = self._label(names, source)
        if text == label or text in self.form.columns:
            raise DataError(f"{source}: data.text_column and data.label_column are both {text!r}; name two columns")
        if self.aspect is None:
            return text, label
        if self.aspect in (text, label, *self.form.columns):
            own = "text" if self.aspect == text else "label"
            raise DataError(f"{source}: data.{own}_column and data.aspect_column are both {self.aspect!r}; name two")
        return text, label, find_named(names, self.aspect, source, key="data.aspect_column")

    def _label(self, names: Sequence[str], source: str) -> str:
        """Return the label column; of a column for each label a name for messages."""
        if lacking := [name for name in self.form.columns if name not in names]:
            raise DataError(
                f"{source} has no column {lacking[0]!r}, only {list_columns(names)}; set data.label_columns"
            )
        if self.form.columns:
            return "label_columns"
        key = "data.label_column" + (" or data.label_columns" if self.form.multi else "")
        return label_column(names, self.label, source, key=key)

    def read(self, own: Sequence[str]) -> list[str]:
        """Return the columns to read, of which `own` are named by `of`."""
        return [*own] if not self.form.columns else [own[0], *own[2:], *self.form.columns]

    def cells(self, row: Mapping[str, Any], own: Sequence[str]) -> tuple[Any, ...]:
        """Return the cells of a row, of a column for each label the row itself."""
        text, label, *aspect = own
        return row.get(text), row if self.form.columns else row.get(label), *(row.get(name) for name in aspect)


def read_file(path: Path, columns: Columns, options: TableOptions) -> Labelled:
    """Read a table, a TweetEval text file, or a folder of texts; DataError if a remote one is out of reach."""
    with access(path):
        rows, feedback = read_one(path, columns, options)
    return replace(rows, files=(FileRows(str(path), len(rows), feedback=feedback),))


def read_one(path: Path, columns: Columns, options: TableOptions) -> tuple[Labelled, bool]:
    """Return the rows of a file, and whether it is a feedback file, which has its columns and forms of labels."""
    if is_tree(path) or (is_text_file(path) and path.is_file()):
        refuse_aspects(columns, str(path))
    if is_tree(path):
        return read_tree(path), False
    if is_text_file(path) and path.is_file():
        return read_pair(path, encoding=options.encoding), False
    table = open_and_announce(path, options)
    if not (feedback := is_feedback(table.columns)):
        return read_table(table, columns), False
    aspect = columns.aspect and "aspect"
    return read_table(table, Columns("text", "label", aspect, LabelForm(columns.form.multi))), feedback


def open_and_announce(path: Path, options: TableOptions) -> Table:
    table = open_table(path, options.only_for(format_of(path).kind) if path.is_file() else options)
    announce([table])
    return table


def read_table(table: Table, columns: Columns) -> Labelled:
    """Read the text, label and aspect column of a table; the other columns are not validated."""
    own = columns.of(table.columns, table.name)
    cells = (columns.cells(row, own) for row in table.rows(columns.read(own)))
    names = None if columns.form.columns else table.class_names(own[1])
    return labelled(cells, columns=own, source=table.name, names=names, form=columns.form)


def is_unlabelled(path: Path, columns: Columns, options: TableOptions) -> bool:
    """Return True if a file has no labels at all."""
    if is_tree(path):
        return False
    if is_text_file(path):
        return not any(read_pair(path, encoding=options.encoding).labels)
    names = open_table(path, options.only_for(format_of(path).kind)).columns
    if columns.form.columns:
        return not set(columns.form.columns) & set(names)
    return columns.label not in names if columns.label else usual_label(names) is None


def read_hub(name: str, config: str | None, revision: str | None, columns: Columns) -> dict[str, Labelled]:
    """Read all splits of a hub data set, its cached copy or a local folder. Raises DataError if that fails."""
    try:
        splits: Mapping[str, Dataset] = dict(datasets.load_dataset(name, config, revision=revision))
    except Exception as error:  # the hub client raises many types: offline, unknown id, gated, broken files
        reason = str(error).splitlines()[0]
        raise DataError(f"cannot load {name!r} from the hub: {reason}; or point data.dir to local files") from error
    return {split: read_dataset(rows, f"the {split} split", columns) for split, rows in splits.items()}


def read_dataset(rows: Dataset, source: str, columns: Columns) -> Labelled:
    own = columns.of(rows.column_names, source)
    read = columns.read(own)
    names = None
    if not columns.form.columns:
        feature = rows.features[own[1]]
        feature = getattr(feature, "feature", feature)  # of a list of labels
        names = feature.names if isinstance(feature, ClassLabel) else None
    table = zip(*(rows[name][:] for name in read), strict=True)
    cells = (columns.cells(dict(zip(read, row, strict=True)), own) for row in table)
    return labelled(cells, columns=own, source=source, names=names, form=columns.form)


def refuse_aspects(columns: Columns, source: str) -> None:
    if columns.aspect is not None:
        raise DataError(
            f"{source} has no columns, so no data.aspect_column={columns.aspect}; give a table, or leave it"
        )
