"""Predictions for a whole CSV file: every input column kept, prediction columns added."""

import csv
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Gt
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from sentiment.data.sources import TEXT_COLUMNS, check_utf8
from sentiment.errors import DataError, RowsRejected
from sentiment.files import replacing
from sentiment.schema import Classifier, RequestError, check_text

log = logging.getLogger(__name__)

CANARY = "a first text, to learn the labels and to see at once whether the model answers"

csv.field_size_limit(sys.maxsize)


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV or TSV file with a text column, read row by row."""

    path: Path
    columns: list[str]
    text: str

    @classmethod
    def open(cls, path: Path, text_column: str | None) -> "Table":
        if not path.is_file():
            raise DataError(f"input={path}: no such file")
        check_utf8(path)
        with path.open(newline="", encoding="utf-8-sig") as file:
            columns = next(csv.reader(file, delimiter=delimiter(path)), [])
        if not columns:
            raise DataError(f"input={path} is empty; it needs a header line with the column names")
        text = text_column or next((name for name in TEXT_COLUMNS if name in columns), TEXT_COLUMNS[0])
        if text not in columns:
            raise DataError(f"{path} has no column {text!r}, only {', '.join(map(repr, columns))}; set text_column")
        return cls(path, columns, text)

    def __len__(self) -> int:
        return sum(1 for _ in self.rows())

    def rows(self) -> Iterator[dict[str, str]]:
        with self.path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter=delimiter(self.path), strict=True)
            try:
                for row in reader:
                    if None in row or None in row.values():
                        got = (
                            len(self.columns) + len(row[None])
                            if None in row
                            else sum(v is not None for v in row.values())
                        )
                        raise DataError(
                            f"{self.path}, line {reader.line_num}: {got} values under {len(self.columns)} columns; "
                            "put values that hold the separator in double quotes"
                        )
                    yield row
            except csv.Error as error:
                raise DataError(f"{self.path}, line {reader.line_num}: {error}") from error


def predict(
    *,
    input: Path,
    output: Path,
    engine: Classifier,
    text_column: str | None = None,
    chunk: Annotated[int, Gt(0)] = 1024,
) -> Path:
    """Write `output`: the rows of `input` in their order with prediction, score, and p_<label> for each label.

    A row that cannot be scored has these empty and its reason in <output>.rejects.csv; RowsRejected says so at the end.
    """
    source, target = Table.open(Path(input), text_column), Path(output)
    rejects = target.with_name(f"{target.stem}.rejects.csv")
    with (
        replacing(target) as temporary,
        replacing(rejects) as temporary_rejects,
        temporary.open("w", newline="", encoding="utf-8") as file,
        temporary_rejects.open("w", newline="", encoding="utf-8") as reject_file,
    ):
        done, rejected = _write(source, engine, file, reject_file, chunk)
    log.info("%d rows from %s to %s", done, source.path, target)
    if not rejected:
        rejects.unlink()
        return target
    raise RowsRejected(f"{rejected} of {done} rows could not be scored; their numbers and reasons are in {rejects}")


def _write(source: Table, classifier: Classifier, file: Any, reject_file: Any, chunk: int) -> tuple[int, int]:
    writer, rejects = csv.writer(file, lineterminator="\n"), csv.writer(reject_file, lineterminator="\n")
    rejects.writerow(["row", "reason"])
    labels = list(classifier.predict([CANARY])[0].probabilities)
    writer.writerow([*source.columns, "prediction", "score", *(f"p_{label}" for label in labels)])
    done = rejected = 0
    rows = source.rows()
    with _progress() as progress:
        bar = progress.add_task("predict", total=len(source))
        while part := list(islice(rows, chunk)):
            reasons = [_reason(row[source.text]) for row in part]
            good = [row[source.text] for row, reason in zip(part, reasons, strict=True) if not reason]
            predictions = classifier.predict(good) if good else []
            found = iter(predictions)
            for row, reason in zip(part, reasons, strict=True):
                done += 1
                values = [row[column] for column in source.columns]
                if reason:
                    rejected += 1
                    rejects.writerow([done, reason])
                    writer.writerow([*values, "", "", *([""] * len(labels))])
                else:
                    p = next(found)
                    writer.writerow(
                        [*values, p.label, f"{p.score:.6f}", *(f"{v:.6f}" for v in p.probabilities.values())]
                    )
            progress.advance(bar, len(part))
    return done, rejected


def _reason(text: str) -> str | None:
    try:
        check_text(text)
    except RequestError as error:
        return str(error)
    return None


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True))


def delimiter(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","
