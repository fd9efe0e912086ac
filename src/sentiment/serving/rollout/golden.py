"""The golden set: texts, optionally labelled, on which a new version is evaluated."""

from dataclasses import dataclass
from pathlib import Path

from sentiment.data.tables import (
    TableOptions,
    announce,
    label_column,
    label_value,
    open_table,
    text_column,
    text_value,
    usual_label,
)
from sentiment.errors import ConfigError, DataError, RequestError
from sentiment.protocol.validation import check_text


@dataclass(frozen=True, slots=True)
class Golden:
    source: str
    texts: list[str]
    labels: list[str] | None


@dataclass(frozen=True, slots=True)
class GoldenTable:
    """Options for reading the golden table; None: inferred from the file's content and names."""

    text_column: str | None = None
    label_column: str | None = None
    options: TableOptions = TableOptions()


def read_golden(file: Path | None, run: Path, *, most: int, how: GoldenTable | None = None) -> Golden:
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
    kept = [text] if label is None else [text, label]
    step = max(1, -(-table.count // most))
    if len(range(0, table.count, step)) < 2:
        raise DataError(f"{path} has {table.count} rows; a golden set needs two at least")
    texts, labels = [], []
    for number, row in enumerate(table.rows(kept), 1):
        if (number - 1) % step:
            continue
        where = f"{path}, row {number}"
        texts.append(checked(text_value(row.get(text), text), f"{where}: {text}"))
        if label is not None:
            labels.append(checked_label(row.get(label), label, where))
    names = None if label is None else table.class_names(label)
    if names is not None:
        labels = [names[int(number)] for number in labels]
    return Golden(str(path), texts, labels if label is not None else None)


def checked(text: object, name: str) -> str:
    try:
        return check_text(text, name)
    except RequestError as error:
        raise DataError(str(error)) from error


def checked_label(value: object, column: str, where: str) -> str:
    """Return the class name in a label cell.

    Raises:
        DataError: The cell is empty: an unlabelled text cannot be scored.
    """
    label = label_value(value, column)
    if label is None:
        raise DataError(f"{where}: {column} is empty; give each golden text a label, or none of them")
    return label
