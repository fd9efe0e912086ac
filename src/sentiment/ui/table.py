"""The page's batch job: an uploaded table in, a table with predictions out."""

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sentiment.batch import predict
from sentiment.batch.formats import Format, base_name
from sentiment.batch.parts import cell
from sentiment.batch.source import Source, read
from sentiment.errors import DataError, RowsRejected
from sentiment.schema import Classifier, Prediction

SHOWN = 20
CHUNK = 256  # texts between two movements of the progress bar

Told = Callable[[int, int], object]  # rows done, rows


@dataclass(frozen=True, slots=True)
class Result:
    notice: str
    shares: dict[str, float]
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
    rows = Source.open(str(path), text_column=text_column, stdin_format="csv").rows or 0
    folder = Path(tempfile.mkdtemp(prefix="sentiment-"))
    output = folder / f"{base_name(path)}-predicted{path.name[len(base_name(path)) :]}"
    files, notice = [output], f"{rows:,} rows predicted."
    try:
        predict(
            input=path,
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
    summary = json.loads((folder / f"{base_name(output)}.summary.json").read_text(encoding="utf-8"))
    return Result(notice, summary["shares"] if summary["predicted"] else {}, preview(output), files)


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
