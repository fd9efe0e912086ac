"""The golden set: texts, optionally labelled, on which a new version is evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiment.data.label_form import ONE, LabelForm
from sentiment.data.labelled import class_name
from sentiment.data.tables import (
    TableOptions,
    announce,
    aspect_value,
    find_named,
    label_column,
    open_table,
    text_column,
    text_value,
    usual_label,
)
from sentiment.errors import ConfigError, DataError, RequestError
from sentiment.inference.pairs import Pair, Text
from sentiment.inference.types import Label
from sentiment.protocol.validation import check_text

ASPECT = "aspect"  # column of predictions.csv


@dataclass(frozen=True, slots=True)
class Golden:
    source: str
    texts: list[Text]
    labels: list[Label] | None


@dataclass(frozen=True, slots=True)
class GoldenTable:
    """Options for reading the golden table; None: inferred from the file's content and names."""

    text_column: str | None = None
    label_column: str | None = None
    aspect_column: str | None = None
    options: TableOptions = TableOptions()
    form: LabelForm = ONE


def read_golden(
    file: Path | None, run: Path, *, most: int, how: GoldenTable | None = None, aspects: bool = False
) -> Golden:
    """Return at most `most` evenly spaced rows of `file`, or of the run's predictions.csv.

    Raises:
        ConfigError: No file is given, and the run has no predictions.csv.
        DataError: There are fewer than two rows, or a text or label is invalid.
    """
    path, how = Path(file or run / "predictions.csv"), how or GoldenTable()
    if file is None and not path.is_file():
        raise ConfigError(f"run={run} has no predictions.csv to check against; name labelled texts with golden=FILE")
    table = open_table(path, how.options)
    announce([table])
    text = text_column(table.columns, how.text_column, str(path))
    label = usual_label(table.columns)
    if how.label_column is not None:
        label = label_column(table.columns, how.label_column, str(path))
    aspect = aspect_of(table.columns, how.aspect_column, str(path), aspects=aspects)
    kept = [name for name in (text, label, aspect) if name is not None]
    step = max(1, -(-table.count // most))
    if len(range(0, table.count, step)) < 2:
        raise DataError(f"{path} has {table.count} rows; a golden set needs two at least")
    texts, labels = list[Text](), list[Label]()
    for number, row in enumerate(table.rows(kept), 1):
        if (number - 1) % step:
            continue
        where = f"{path}, row {number}"
        own = check_cell(text_value(row.get(text), text), f"{where}: {text}")
        beside = None if aspect is None else aspect_value(row.get(aspect), aspect)
        texts.append(own if beside is None else Pair(own, check_cell(beside, f"{where}: {aspect}")))
        if label is not None:
            labels.append(read_label(row.get(label), label, where, how.form))
    names = None if label is None else table.class_names(label)
    if names is not None:
        labels = [class_name(label, names, str(path)) or label for label in labels]
    return Golden(str(path), texts, labels if label is not None else None)


def aspect_of(columns: Sequence[str], wanted: str | None, source: str, *, aspects: bool) -> str | None:
    """Return the aspect column.

    Raises:
        ConfigError: It is named for a model that reads no aspects.
        DataError: It is missing.
    """
    if wanted is None:
        return ASPECT if aspects and ASPECT in columns else None
    if not aspects:
        raise ConfigError(f"aspect_column={wanted}: this model reads no aspects; leave it out")
    return find_named(columns, wanted, source, key="aspect_column")


def check_cell(text: object, name: str) -> str:
    try:
        return check_text(text, name)
    except RequestError as error:
        raise DataError(str(error)) from error


def read_label(value: object, column: str, where: str, form: LabelForm) -> Label:
    """Return the class name in a label cell, or all of its labels. Raises DataError for an empty cell."""
    try:
        label = form.read(value, column)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    if label is None:
        raise DataError(f"{where}: {column} is empty; give each golden text a label, or none of them")
    return label
