"""The golden set: texts, with labels where there are any, that a new version has to get right."""

from dataclasses import dataclass
from pathlib import Path

from sentiment.data.sources import LABEL_COLUMNS, read_file
from sentiment.errors import ConfigError, DataError
from sentiment.schema import RequestError, check_text
from sentiment.text import TEXT_COLUMNS


@dataclass(frozen=True, slots=True)
class Golden:
    source: str
    texts: list[str]
    labels: list[str] | None


def read_golden(file: Path | None, run: Path, *, most: int) -> Golden:
    """At most `most` rows, evenly spread, of a file, or of the run's own predictions.csv."""
    path = file or run / "predictions.csv"
    if file is None and not path.is_file():
        raise ConfigError(f"run={run} has no predictions.csv to check against; name labelled texts with golden=FILE")
    table = read_file(path)
    text = next((name for name in TEXT_COLUMNS if name in table.column_names), None)
    if text is None:
        raise DataError(f"{path} has none of the columns {', '.join(TEXT_COLUMNS)}; rename the one with the texts")
    label = next((name for name in LABEL_COLUMNS if name in table.column_names), None)
    rows = range(0, len(table), max(1, -(-len(table) // most)))
    if len(rows) < 2:
        raise DataError(f"{path} has {len(table)} rows; a golden set needs two at least")
    chosen = table.select(rows)
    texts = [checked(value, f"{path}, row {row + 1}: {text}") for row, value in zip(rows, chosen[text], strict=True)]
    return Golden(str(path), texts, None if label is None else [str(value) for value in chosen[label]])


def checked(text: object, name: str) -> str:
    try:
        return check_text(text, name)
    except RequestError as error:
        raise DataError(str(error)) from error
