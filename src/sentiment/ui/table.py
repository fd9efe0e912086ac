"""The page's batch job: predict an uploaded table into files to download."""

import shutil
import threading
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sentiment.batch import predict
from sentiment.batch.cells import cell, unguard
from sentiment.batch.identity import pinned
from sentiment.batch.output import SPREADSHEETS, Output
from sentiment.data.tables import Limits, Row, TableOptions, base_name, format_of, likely_text, open_table
from sentiment.errors import DataError, RowsRejectedError
from sentiment.files import read_json
from sentiment.inference.types import Classifier
from sentiment.inference.wording import REASON, count, list_reasons
from sentiment.ui.jobs import CHUNK, Told, Watched

SHOWN = 10
REJECTS_SHOWN = 5
SAMPLED = 1000  # rows by whose values columns are suggested
LONGEST = 300  # characters of a cell of the preview
SPREADSHEET = (".xlsx", ".csv")

LEFT_OUT = {  # counts of the summary, in words
    "unreadable": "could not be read: {}; they have no label.",
    "abstained": "are left to a person, to keep the promised share of errors.",
}


@dataclass(frozen=True, slots=True)
class Result:
    notice: str
    shares: dict[str, float]
    counts: dict[str, int]
    rejects: list[list[str]]  # first rejected rows: row number and reason
    headers: list[str]  # of the preview
    preview: list[list[str]]  # the first rows
    files: list[Path]  # the Excel workbook first


@dataclass(frozen=True, slots=True)
class Opened:
    """An uploaded table before prediction."""

    columns: list[str]
    text: str | None  # text column, by name and content; None where none is clear
    guessed: str | None  # how the file was read, if its name does not say it
    rows: int
    sample: list[Row]

    @property
    def read_as(self) -> list[str]:
        """Sentences for a visitor: how the file was read, and the number of its rows."""
        another = " If another sheet is meant, put it first." if (self.guessed or "").startswith("sheet ") else ""
        guessed = [f"Read as {self.guessed}.{another}"] if self.guessed else []
        return [*guessed, f"{count(self.rows, 'row')}."]


def open_upload(path: Path, limits: Limits | None = None) -> Opened:
    """Read a table once, to find its columns; malformed lines are reported later, by the batch job.

    Raises:
        DataError: The file is not a table, is empty or is too large.
    """
    table = open_table(path, limits=limits, broken="keep")
    columns, count = table.survey(broken="keep")
    if not count:
        raise DataError(f"{path} has no rows")
    sample = list(islice(table.rows(broken="keep"), 0, None, -(-count // SAMPLED)))  # from all over the table
    return Opened(columns, likely_text(columns, sample), ", ".join(table.guesses) or None, count, sample)


def predict_file(
    path: Path,
    text_column: str,
    classifier: Classifier,
    *,
    aspect_column: str | None = None,
    folder: Path,
    told: Told,
    limits: Limits | None = None,
    stop: threading.Event | None = None,
) -> Result:
    """Predict a table into `folder`, as <table>-predicted in each format of `suffixes_of`.

    Raises:
        InterruptedRunError: `stop` was set.
    """
    rows = open_table(path, limits=limits, broken="keep").survey(broken="keep")[1]
    engine = Watched(pinned(classifier), rows, told, stop)
    files = [folder / f"{base_name(path)}-predicted{suffix}" for suffix in suffixes_of(path)]
    rejected = [write(path, output, engine, text_column, aspect_column) for output in files][0]
    first = Output.of(files[0])
    notice, rejects = f"{count(rows, 'row')} predicted.", list[list[str]]()
    if rejected:
        reasons = folder / f"{base_name(path)}-rows-not-scored.csv"
        shutil.copy(Output.of(files[1]).rejects, reasons)
        files.append(reasons)
        some = islice(open_table(reasons).rows(), REJECTS_SHOWN)
        rejects = [[f"{int(row['row']):,}", row["reason"]] for row in some]
        notice = f"{rejected}; {reasons.name} tells why."
    summary = read_json(first.summary)
    why = list_reasons(summary.get(REASON, {})) or "another script or language, unknown signs, or no words"
    notice += "".join(f" {summary[name]:,} {told.format(why)}" for name, told in LEFT_OUT.items() if summary[name])
    shares = summary["shares"] if sum(summary["labels"].values()) else {}
    headers, shown = preview(files[1], text_column, aspect_column)
    return Result(notice, shares, summary["labels"], rejects, headers, shown, files)


def write(path: Path, output: Path, engine: Classifier, text_column: str, aspect_column: str | None) -> str:
    """Predict the table into one file as `sentiment predict` does; returns how many rows were rejected, in words."""
    try:
        predict(
            input=path,
            output=output,
            engine=engine,
            text_column=text_column,
            aspect_column=aspect_column,
            broken_lines="keep",
            chunk=CHUNK,
            spreadsheet_safe=Output.of(output).kind in SPREADSHEETS,
            quiet=True,
        )
    except RowsRejectedError as error:
        return str(error).partition(";")[0]
    return ""


def suffixes_of(path: Path) -> list[str]:
    """Return the suffixes of the outputs: Excel, CSV, and the format of an input of records that is neither."""
    kind = format_of(path).kind
    return [*SPREADSHEET, *([f".{kind}"] if kind in ("jsonl", "parquet") else [])]


def preview(output: Path, text_column: str, aspect: str | None) -> tuple[list[str], list[list[str]]]:
    """Return the headers and the first rows of a CSV output: the text, its aspect, prediction and score first."""
    rows = list(islice(open_table(output, TableOptions(encoding="utf-8", quoting="double")).rows(), SHOWN))
    names, first = list(rows[0]) if rows else [], (text_column, aspect, "prediction", "score")
    headers = [*(name for name in first if name in names), *(name for name in names if name not in first)]
    return headers, [[short(unguard(cell(row.get(name)))) for name in headers] for row in rows]


def short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
