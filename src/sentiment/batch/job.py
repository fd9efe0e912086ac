"""Predictions for a whole file: every input column kept, prediction columns added, in the order of the rows."""

import csv
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Annotated, Any, Literal

import pyarrow as pa
from annotated_types import Gt
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from sentiment.batch.formats import STDIN, Format, base_name
from sentiment.batch.parts import Part, Parts
from sentiment.batch.scoring import scored
from sentiment.batch.source import Row, Source
from sentiment.errors import ClientError, ClusterError, DataError, Interrupted, RowsRejected
from sentiment.files import replacing, write_json
from sentiment.schema import Classifier
from sentiment.tables import Broken, Quoting, TableOptions

log = logging.getLogger(__name__)

CANARY = "a first text, to learn the labels and to see at once whether the model answers"


def predict(
    *,
    input: str | Path,
    output: Path,
    engine: Classifier,
    text_column: str | None = None,
    stdin_format: Literal["csv", "tsv", "jsonl"] = "csv",
    separator: str | None = None,
    encoding: str | None = None,
    quoting: Quoting | None = None,
    columns: Sequence[str] | None = None,
    broken_lines: Broken = "refuse",
    chunk: Annotated[int, Gt(0)] = 1024,
    quiet: bool = False,
) -> Path:
    """Write `output`: the rows of `input` in their order with prediction, score, and p_<label> for each label.

    `input` is a file, a glob, or "-" for standard input. A row that cannot be scored has these empty and its reason in
    <output>.rejects.csv; RowsRejected says so at the end. <output>.summary.json counts. Killed and started again,
    the job goes on after the last whole chunk (standard input: from its first row). `separator`, `encoding`, `quoting`
    and `columns` say how to read the input (sentiment.tables.TableOptions); a line that is no row is refused, or with
    broken_lines="keep" stays as an empty row that cannot be scored.
    """
    target = Path(output)
    format = Format.of(target, "output")
    options = TableOptions.of("", separator, encoding, quoting, columns)
    source = Source.open(
        str(input), text_column=text_column, stdin_format=stdin_format, options=options, broken=broken_lines
    )
    started = time.monotonic()
    job = Job.plan(source, format, target, engine, chunk)
    with job.parts.held():
        parts, before = job.run(engine, quiet=quiet)
        job.finish(parts, before, target, time.monotonic() - started)
    rejected = sum(len(part.rejects) for part in parts)
    if rejected:
        raise RowsRejected(
            f"{rejected} of {sum(part.rows for part in parts)} rows could not be scored; "
            f"their numbers and reasons are in {beside(target, 'rejects.csv')}"
        )
    return target


@dataclass(frozen=True, slots=True)
class Job:
    source: Source
    rows: Iterator[Row]  # all of the source's
    parts: Parts
    labels: list[str]
    identity: dict[str, Any]  # the same for the same input, output and model
    chunk: int

    @classmethod
    def plan(cls, source: Source, format: Format, target: Path, engine: Classifier, chunk: int) -> "Job":
        probabilities = engine.predict([CANARY])[0].probabilities
        added = ["prediction", "score", *(f"p_{label}" for label in probabilities)]
        rows, columns = iter(source), source.columns
        if source.paths == (STDIN,):
            rows, columns = peeked(rows, source.text)
        if clash := [name for name in added if name in columns]:
            raise DataError(f"the input already has the column {clash[0]!r}; rename or drop it")
        identity = {
            "input": source.fingerprint(),
            "output": [format.kind, format.compression],
            "text_column": source.text,
            "chunk": chunk,
            "model": {label: round(value, 3) for label, value in probabilities.items()},
        }
        schema = schema_of(source, columns, added) if format.kind == "parquet" else None
        parts = Parts(target.with_name(f"{target.name}.parts"), format, [*columns, *added], schema)
        return cls(source, rows, parts, list(probabilities), identity, chunk)

    def run(self, engine: Classifier, *, quiet: bool) -> tuple[list[Part], int]:
        """Predict what is not done yet; all parts, and how many rows of them stood there before."""
        done = [] if self.source.paths == (STDIN,) else self.parts.reopen(self.identity)
        before = count = sum(part.rows for part in done)
        if before:
            log.info("going on after %d rows done before, in %s", before, self.parts.folder)
        rows = islice(self.rows, before, None)
        try:
            with progress(quiet=quiet) as bar:
                task = bar.add_task("predict", total=self.source.rows, completed=before)
                for answered, part in scored(
                    rows, self.source.text, engine, self.labels, chunk=self.chunk, first=before + 1
                ):
                    self.parts.write(len(done), answered, part)
                    done.append(part)
                    count += part.rows
                    bar.advance(task, part.rows)
        except KeyboardInterrupt as error:
            raise Interrupted(self.stopped(count)) from error
        except ClientError as error:
            raise type(error)(f"{error}; {self.stopped(count)}", status=error.status) from error
        except ClusterError as error:
            raise ClusterError(f"{error}; {self.stopped(count)}") from error
        return done, before

    def stopped(self, count: int) -> str:
        """What is done, and how to go on."""
        if self.source.paths == (STDIN,):
            return f"stopped after {count} rows; the same command begins with the first row again"
        return f"stopped after {count} rows, kept in {self.parts.folder}; the same command goes on from there"

    def finish(self, parts: Sequence[Part], before: int, target: Path, seconds: float) -> None:
        """The parts as one output, the rejects and the summary beside it."""
        rows, labels = sum(part.rows for part in parts), Counter[str]()
        for part in parts:
            labels.update(part.labels)
        rejects = [reject for part in parts for reject in part.rejects]
        write_rejects(rejects, beside(target, "rejects.csv"))
        self.parts.join(len(parts), target)
        summary = {
            "rows": rows,
            "predicted": rows - len(rejects),
            "rejected": len(rejects),
            "labels": {label: labels[label] for label in self.labels},
            "shares": {label: round(labels[label] / max(1, labels.total()), 6) for label in self.labels},
            "rows_done_before": before,
            "seconds": round(seconds, 1),
            "rows_per_second": round((rows - before) / max(seconds, 1e-9), 1),
        }
        write_json(beside(target, "summary.json"), summary)
        self.parts.remove()
        log.info("%d rows to %s, counts in %s", rows, target, beside(target, "summary.json"))


def peeked(rows: Iterator[Row], text: str) -> tuple[Iterator[Row], list[str]]:
    """All rows still, and the columns of the first one; DataError where the text column is not among them."""
    first = next(rows, None)
    if first is None:
        raise DataError("standard input is empty")
    if text not in first:
        raise DataError(f"standard input has no column {text!r}, only {list(first)}; set text_column")
    return chain([first], rows), list(first)


def schema_of(source: Source, columns: Sequence[str], added: Sequence[str]) -> pa.Schema | None:
    """The schema of a Parquet output: Parquet's own columns, or CSV's texts; JSON's values show theirs later."""
    if source.kind == "jsonl":
        return None
    schema = source.schema or pa.schema([(column, pa.string()) for column in columns])
    for column in added:
        schema = schema.append(pa.field(column, pa.string() if column == "prediction" else pa.float64()))
    return schema


def write_rejects(rejects: Sequence[tuple[int, str]], path: Path) -> None:
    if not rejects:
        path.unlink(missing_ok=True)  # a former job's
        return
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("row", "reason"), *rejects])


def beside(target: Path, ending: str) -> Path:
    return target.with_name(f"{base_name(target)}.{ending}")


class Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed or 0:,.0f} rows/s")


def progress(*, quiet: bool) -> Progress:
    shown = (BarColumn(), MofNCompleteColumn(), Rate(), TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(TextColumn("{task.description}"), *shown, console=Console(stderr=True), disable=quiet)
