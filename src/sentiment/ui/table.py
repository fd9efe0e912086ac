"""The page's batch job: an uploaded table in, a table with predictions out."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sentiment.batch import predict
from sentiment.batch.formats import Format, base_name
from sentiment.batch.job import write_rejects
from sentiment.batch.parts import cell
from sentiment.batch.source import Source, read
from sentiment.errors import DataError, RowsRejected
from sentiment.files import read_json
from sentiment.schema import Classifier, Prediction
from sentiment.ui.mend import mended

SHOWN = 20
REJECTS_SHOWN = 5
CHUNK = 256  # texts between two movements of the progress bar

Told = Callable[[int, int], object]  # rows done, rows


@dataclass(frozen=True, slots=True)
class Result:
    notice: str
    shares: dict[str, float]
    counts: dict[str, int]
    rejects: list[list[str]]  # the first ones: row and reason
    preview: dict[str, list[str] | list[list[str]]]  # headers and data of the first rows
    files: list[Path]


def columns_of(path: Path) -> tuple[list[str], str]:
    """The columns of a table, and the one that likely holds the texts."""
    try:
        source = Source.open(str(path), text_column=None, stdin_format="csv")
    except DataError:  # no column has a usual name, or the file is no table, which this tells again
        names = next(iter(read(path, kind_of(path))), None)
        if not names:
            raise
        return list(names), next(iter(names))
    return source.columns, source.text


def kind_of(path: Path) -> str:
    return Format.of(path, "input").kind


def predict_file(path: Path, text_column: str, classifier: Classifier, *, told: Told) -> Result:
    """Predictions for a table, in a folder of their own under the name <table>-predicted."""
    folder = Path(tempfile.mkdtemp(prefix="sentiment-"))
    source, reasons = readable(path, text_column, folder)
    rows = source.rows or 0
    output = folder / f"{base_name(path)}-predicted{path.name[len(base_name(path)) :]}"
    files, notice, first = [output], f"{rows:,} rows predicted.", list[list[str]]()
    try:
        predict(
            input=source.paths[0],
            output=output,
            engine=Counting(classifier, rows, told),
            text_column=text_column,
            chunk=CHUNK,
            quiet=True,
        )
    except RowsRejected as error:
        rejects = folder / f"{base_name(output)}.rejects.csv"
        files.append(rejects)
        notice = f"{str(error).partition(';')[0]}; {rejects.name} tells why."
        found = [(int(row["row"]), row["reason"]) for row in read(rejects, "csv")]
        found = [(number, reasons.get(number, reason)) for number, reason in found]
        write_rejects(found, rejects)
        first = [[f"{number:,}", reason] for number, reason in found[:REJECTS_SHOWN]]
    summary = read_json(folder / f"{base_name(output)}.summary.json")
    shares = summary["shares"] if summary["predicted"] else {}
    return Result(notice, shares, summary["labels"], first, preview(output), files)


def readable(path: Path, text_column: str, folder: Path) -> tuple[Source, dict[int, str]]:
    """The table, or where lines of it are broken a mended copy and the reasons; DataError where none can be made."""
    try:
        return Source.open(str(path), text_column=text_column, stdin_format="csv"), {}
    except DataError:
        if kind_of(path) == "parquet" or text_column not in columns_of(path)[0]:
            raise
    copy, reasons = mended(path, text_column, folder)
    return Source.open(str(copy), text_column=text_column, stdin_format="csv"), reasons


def preview(output: Path) -> dict[str, list[str] | list[list[str]]]:
    """The first rows, the predictions in front."""
    rows = list(islice(read(output, kind_of(output)), SHOWN))
    names = list(rows[0]) if rows else []
    headers = sorted(names, key=lambda name: name not in ("prediction", "score"))
    return {"headers": headers, "data": [[cell(row.get(name)) for name in headers] for row in rows]}


class Counting:
    """A classifier that tells how far it is."""

    def __init__(self, classifier: Classifier, rows: int, told: Told) -> None:
        self.classifier, self.rows, self.told, self.done = classifier, rows, told, 0

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        predictions = self.classifier.predict(texts)
        self.done += len(texts)
        self.told(min(self.done, self.rows), self.rows)
        return predictions
