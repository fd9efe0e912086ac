"""The page's batch job: predict an uploaded table into a new table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sentiment.batch import predict
from sentiment.batch.cells import cell
from sentiment.batch.identity import pinned
from sentiment.batch.output import SPREADSHEETS, Output
from sentiment.data.tables import Limits, TableOptions, base_name, format_of, open_table, usual_text
from sentiment.errors import DataError, RowsRejectedError
from sentiment.files import read_json
from sentiment.inference.pairs import Text
from sentiment.inference.types import Classifier, Prediction

SHOWN = 20
REJECTS_SHOWN = 5
CHUNK = 256  # texts per progress update

LEFT_OUT = {  # counts of the summary, in words
    "unreadable": "could not be read: another script, unknown signs, or no words; they have no label.",
    "abstained": "are left to a person, to keep the promised share of errors.",
}

Told = Callable[[int, int], object]  # rows done, rows in all


@dataclass(frozen=True, slots=True)
class Result:
    notice: str
    shares: dict[str, float]
    counts: dict[str, int]
    rejects: list[list[str]]  # first rejected rows: row number and reason
    preview: dict[str, list[str] | list[list[str]]]  # headers and data of the first rows, as gr.Dataframe takes them
    files: list[Path]


@dataclass(frozen=True, slots=True)
class Opened:
    """An uploaded table before prediction."""

    columns: list[str]
    text: str | None  # text column, inferred from its name; None if ambiguous
    guessed: str | None  # inferred format, if the file name does not give it


def opened(path: Path, limits: Limits | None = None) -> Opened:
    """Read a table once, to find its columns; malformed lines are reported later, by the batch job.

    Raises:
        DataError: The file is not a table, is empty or is too large.
    """
    table = open_table(path, limits=limits, broken="keep")
    columns, count = table.survey(broken="keep")
    if not count:
        raise DataError(f"{path} has no rows")
    return Opened(columns, usual_text(columns), ", ".join(table.guesses) or None)


def predict_file(
    path: Path,
    text_column: str,
    classifier: Classifier,
    *,
    aspect_column: str | None = None,
    folder: Path,
    told: Told,
    limits: Limits | None = None,
) -> Result:
    """Predict a table into `folder`, as <table>-predicted."""
    rows = open_table(path, limits=limits, broken="keep").survey(broken="keep")[1]
    output = folder / f"{base_name(path)}-predicted{suffix_of(path)}"
    files, notice, first = [output], f"{rows:,} rows predicted.", list[list[str]]()
    try:
        predict(
            input=path,
            output=output,
            engine=Counting(pinned(classifier), rows, told),
            text_column=text_column,
            aspect_column=aspect_column,
            broken_lines="keep",
            chunk=CHUNK,
            spreadsheet_safe=Output.of(output).kind in SPREADSHEETS,
            quiet=True,
        )
    except RowsRejectedError as error:
        rejects = Output.of(output).rejects
        files.append(rejects)
        notice = f"{str(error).partition(';')[0]}; {rejects.name} tells why."
        some = islice(open_table(rejects).rows(), REJECTS_SHOWN)
        first = [[f"{int(row['row']):,}", row["reason"]] for row in some]
    summary = read_json(Output.of(output).summary)
    notice += "".join(f" {summary[name]:,} {told}" for name, told in LEFT_OUT.items() if summary[name])
    shares = summary["shares"] if sum(summary["labels"].values()) else {}
    return Result(notice, shares, summary["labels"], first, preview(output), files)


def suffix_of(path: Path) -> str:
    """Return the suffix of the output: the input's, or that of the closest format that can be written."""
    format = format_of(path)
    if format.kind in ("xlsx", "parquet"):
        return f".{format.kind}"
    return f".{format.kind}{path.suffix.lower() if format.compression else ''}"


def preview(output: Path) -> dict[str, list[str] | list[list[str]]]:
    """Return the first rows, with prediction and score as the first columns."""
    written = TableOptions(encoding="utf-8", quoting="double").only_for(format_of(output).kind)
    rows = list(islice(open_table(output, written).rows(), SHOWN))
    names = list(rows[0]) if rows else []
    headers = sorted(names, key=lambda name: name not in ("prediction", "score"))
    return {"headers": headers, "data": [[cell(row.get(name)) for name in headers] for row in rows]}


class Counting:
    """A classifier wrapper that reports progress."""

    def __init__(self, classifier: Classifier, rows: int, told: Told) -> None:
        self.classifier, self.rows, self.told, self.done = classifier, rows, told, 0

    def predict(self, texts: Sequence[Text]) -> list[Prediction]:
        predictions = self.classifier.predict(texts)
        self.done += len(texts)
        self.told(min(self.done, self.rows), self.rows)
        return predictions
