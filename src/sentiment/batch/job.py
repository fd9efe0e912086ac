"""Resumable prediction of whole files: input columns are kept, prediction columns added, row order preserved."""

import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Gt

from sentiment.batch.cells import Changes, sentences
from sentiment.batch.excel import Counted, check_size
from sentiment.batch.identity import differences, identity_of, pinned, versions
from sentiment.batch.inputs import Inputs
from sentiment.batch.output import Output
from sentiment.batch.parts import DamagedPartError, Part, Parts
from sentiment.batch.progress import progress
from sentiment.batch.scoring import Cells, Columns, clash, scored
from sentiment.batch.source import Source
from sentiment.batch.summary import Clock, summary, write_rejects
from sentiment.data.tables import STDIN, Broken, Quoting, Row, TableOptions
from sentiment.errors import (
    ClientError,
    ClusterError,
    ConfigError,
    DataError,
    InterruptedRunError,
    ModelChangedError,
    RejectedError,
    RowsRejectedError,
    TextError,
)
from sentiment.files import write_json
from sentiment.inference.pairs import Pair
from sentiment.inference.types import Classifier, Identity, Prediction

log = logging.getLogger(__name__)

CANARY = "a first text, to learn the labels and to see at once whether the model answers"


def predict(
    *,
    input: str | Path,
    output: Path,
    engine: Classifier,
    text_column: str | None = None,
    aspect_column: str | None = None,
    stdin_format: Literal["csv", "tsv", "jsonl"] = "csv",
    separator: str | None = None,
    encoding: str | None = None,
    quoting: Quoting | None = None,
    columns: Sequence[str] | None = None,
    broken_lines: Broken = "refuse",
    prefix: str = "",
    polarity: bool = False,
    spreadsheet_safe: bool = False,
    chunk: Annotated[int, Gt(0)] = 1024,
    overwrite: bool = False,
    quiet: bool = False,
) -> Path:
    """Predict every row of `input` and write it to `output` with prediction, score, p_<label> and unreadable added.

    After an interruption, the same command resumes with the chunks that are missing (standard input: with the first
    row), provided that input, model, settings and package versions are unchanged. <output>.summary.json records the
    provenance of the output and its counts.

    Args:
        input: A file, a glob, or "-" for standard input.
        output: File to write; its suffix determines the format.
        engine: Classifier that scores the texts.
        text_column: Name of the text column; None selects one with a conventional name.
        aspect_column: Name of the aspect column, for a model that reads each text with one.
        stdin_format: Format of standard input.
        separator: Separator of the input; None guesses it from the content (see TableOptions, also for the next three).
        encoding: Name of a Python codec, such as cp1252.
        quoting: double, backslash or none.
        columns: Names of all columns, if the input has no header.
        broken_lines: "keep" turns a malformed line into an empty row, which is rejected; "refuse" raises DataError.
        prefix: Prefix of the added column names.
        polarity: Add the column polarity, between -1 and 1, for models with negative and positive or ordered labels.
        spreadsheet_safe: Keep spreadsheets from evaluating texts as formulas (CSV, TSV, xlsx); CSV and TSV get a BOM.
        chunk: Rows per part.
        overwrite: Discard the parts of a different job with the same output and start over.
        quiet: Show no progress bar.

    Returns:
        The output path.

    Raises:
        RowsRejectedError: The output is complete, but some rows could not be scored; <output>.rejects.csv lists them.
        DataError: The input or the output is invalid, or the existing parts belong to a different job.
        ModelChangedError: The model was replaced during the job.
        InterruptedRunError: The user interrupted the job; finished parts are kept.
    """
    clock = Clock()
    target = Output.of(Path(output), spreadsheet_safe=spreadsheet_safe)
    options = TableOptions.of("", separator, encoding, quoting, columns)
    source = Source.open(
        str(input),
        text_column=text_column,
        aspect_column=aspect_column,
        stdin_format=stdin_format,
        options=options,
        broken=broken_lines,
    )
    target.check_beside([path for path in source.paths if path != STDIN])
    engine = pinned(engine)
    job = Job.plan(source, options, target, engine, prefix=prefix, polarity=polarity, chunk=chunk)
    with job.parts.held():
        done = job.reopen(overwrite=overwrite)
        before = sum(part.rows for part in done.values())
        job.finish(job.run(engine, done, quiet=quiet), engine, before, clock)
    rejected, rows = (sum(getattr(part, name) for part in done.values()) for name in ("rejected", "rows"))
    if rejected:
        raise RowsRejectedError(
            f"{rejected} of {rows} rows could not be scored; their numbers and reasons are in {target.rejects}"
        )
    return Path(output)


@dataclass(frozen=True, slots=True)
class Job:
    source: Source
    inputs: Inputs
    rows: Callable[[], Iterator[Row]]  # iterates over the source's rows; callable once for standard input
    output: Output
    parts: Parts
    cells: Cells
    columns: Columns
    model: Identity
    settings: Mapping[str, Any]
    chunk: int

    @classmethod
    def plan(
        cls,
        source: Source,
        options: TableOptions,
        output: Output,
        engine: Classifier,
        *,
        prefix: str,
        polarity: bool,
        chunk: int,
    ) -> "Job":
        canary, cells = probe(engine, source)
        if polarity and canary.polarity is None:
            labels = ", ".join(canary.probabilities)
            raise ConfigError(f"polarity=true: the labels {labels} have no negative and positive one; leave it out")
        columns = Columns(
            list(canary.probabilities),
            prefix,
            promise=canary.abstained is not None,
            scale=canary.value is not None,
            several=canary.labels is not None,
            polarity=polarity,
        )
        given, rows = source.columns, source.__iter__
        if source.paths == (STDIN,):
            first, given = source.peeked()
            rows = first.__iter__
        if taken := [name for name in columns.names if name in given]:
            raise clash(taken[0], prefix)
        names = [*given, *columns.names]
        if output.kind == "xlsx":
            check_size(source.rows or 0, len(names))
        metadata = source.schema.metadata if source.schema else None
        counted = Counted(columns.names[0], columns.labels)
        encoder = output.encoder(names, source.fields() | columns.fields(), metadata, counted)
        settings = {
            "output": ".".join(filter(None, (output.kind, output.compression))),
            "text_column": source.text,
            **({"aspect_column": source.aspect} if source.aspect else {}),
            **{name: getattr(options, name) for name in options.given()},
            "broken_lines": source.broken,
            "prefix": prefix,
            **({"promise": True} if columns.promise else {}),
            **({"polarity": True} if polarity else {}),
            **({"several": True} if columns.several else {}),
            "spreadsheet_safe": output.spreadsheet_safe,
            "chunk": chunk,
        }
        parts = Parts(output.parts, encoder, None if output.kind == "jsonl" else frozenset(names))
        model = identity_of(engine, canary)
        return cls(source, Inputs.of(source.paths), rows, output, parts, cells, columns, model, settings, chunk)

    @property
    def identity(self) -> dict[str, Any]:
        """Everything that determines the content of the parts, normalised by a JSON round trip."""
        deciding = {"settings": self.settings, "model": self.model.deciding, "versions": versions()}
        return dict(json.loads(json.dumps({"input": self.inputs.sha256, **deciding})))

    def reopen(self, *, overwrite: bool) -> dict[int, Part]:
        """Return the finished parts of an earlier start of this job, by number; start afresh if there are none.

        Args:
            overwrite: Discard the parts of a different job instead of raising.

        Raises:
            DataError: The folder holds parts of a different job.
        """
        before = self.parts.job()
        if before != self.identity and not overwrite and before is not None:
            raise DataError(
                f"{self.parts.folder} holds what another job has done: {differences(before, self.identity)}; "
                "set overwrite=true to start over, or choose another output"
            )
        if before is None and self.parts.any():
            log.warning("%s does not say what job it is of; starting over", self.parts.folder)
        if before != self.identity or self.inputs.is_stream:
            self.parts.start(self.identity)
            return {}
        done, damaged = self.parts.done()
        for number in damaged:
            log.warning("part %d in %s is damaged; its rows are predicted again", number, self.parts.folder)
        if done:
            rows = sum(part.rows for part in done.values())
            log.info("going on after %d rows done before, in %s", rows, self.parts.folder)
        return done

    def run(self, engine: Classifier, done: dict[int, Part], *, quiet: bool) -> dict[int, Part]:
        """Predict the chunks missing from `done`, write their parts and add them to `done`.

        Raises:
            InterruptedRunError: The user pressed Ctrl-C.
            ClientError: The server gave no answer or refused the request (engine=rest).
            ClusterError: A Ray actor failed.
            ModelChangedError: The model was replaced during the job.
        """
        count = sum(part.rows for part in done.values())
        if self.source.rows is not None and done.keys() == set(range(math.ceil(self.source.rows / self.chunk))):
            return done
        try:
            with progress(quiet=quiet) as bar:
                task = bar.add_task("predict", total=self.source.rows, completed=count)
                chunks = scored(self.rows(), self.cells, engine, self.columns, chunk=self.chunk, done=done.keys())
                for part in chunks:
                    done[part.number] = self.parts.write(part.number, part.rows, part.part, part.rejects)
                    count += part.part.rows
                    bar.advance(task, part.part.rows)
        except KeyboardInterrupt as error:
            raise InterruptedRunError(self.stopped(count)) from error
        except ClientError as error:
            raise type(error)(f"{error}; {self.stopped(count)}", status=error.status) from error
        except ClusterError as error:
            raise ClusterError(f"{error}; {self.stopped(count)}") from error
        except ModelChangedError as error:
            raise ModelChangedError(
                f"{error}; stopped after {count} rows of the first, kept in {self.parts.folder}; "
                "with the first model in place the same command goes on, overwrite=true starts over with the other"
            ) from error
        return done

    def stopped(self, count: int) -> str:
        """Describe the progress so far and how to resume."""
        if self.inputs.is_stream:
            return f"stopped after {count} rows; the same command begins with the first row again"
        return f"stopped after {count} rows, kept in {self.parts.folder}; the same command goes on from there"

    def finish(self, done: dict[int, Part], engine: Classifier, before: int, clock: Clock) -> None:
        """Join the parts to the output, write the rejects and the summary beside it, and remove the parts.

        Args:
            done: All parts, by number.
            engine: Predicts again the parts that turn out damaged.
            before: Rows finished by earlier starts of the job.
            clock: Start time of this run.

        Raises:
            DataError: The input changed during the job, or parts stay damaged.
        """
        target = self.output
        self.inputs.check_unchanged()
        rows = sum(part.rows for part in done.values())
        if self.source.rows is not None and rows != self.source.rows:
            raise DataError(f"{rows} rows predicted of {self.source.rows}; the input was changed while it was read")
        target.summary.unlink(missing_ok=True)  # summary of an earlier output
        changes = self.join(done, engine)
        for part in done.values():
            changes.update(part.changes)
        for sentence in sentences(changes):
            log.warning("%s", sentence)
        parts = list(done.values())
        write_rejects(self.parts.rejects(len(parts)), target.rejects, safe=target.spreadsheet_safe)
        made = summary(target, self.inputs, self.settings, self.model, self.columns.labels, parts, changes)
        write_json(target.summary, made | clock.counts(rows, before))
        self.parts.remove()
        log.info("%d rows to %s, what made them in %s", rows, target.path, target.summary)

    def join(self, done: dict[int, Part], engine: Classifier) -> Changes:
        """Join the parts to the output, predicting damaged parts again; DataError if that is impossible or futile."""
        for _ in range(len(done) + 1):
            try:
                return self.parts.join(len(done), self.output.path)
            except DamagedPartError as error:
                if self.inputs.is_stream:
                    raise DataError(
                        f"part {error.number} in {self.parts.folder} was damaged after it was written, and standard "
                        "input cannot be read again; check the disk, and start over"
                    ) from error
                log.warning("part %d in %s is damaged; its rows are predicted again", error.number, self.parts.folder)
                del done[error.number]
                self.run(engine, done, quiet=True)
        raise DataError(f"parts in {self.parts.folder} are damaged again and again; check the disk")


def probe(engine: Classifier, source: Source) -> tuple[Prediction, Cells]:
    """Ask for a first answer, so that it is seen at once whether the model reads such rows.

    Returns:
        The answer, and what the model reads of a row.

    Raises:
        DataError: The model reads aspects and no column of them is named, or the other way round.
    """
    try:
        if source.aspect is None:
            return engine.predict([CANARY])[0], Cells(source.text)
        canary = engine.predict([Pair(CANARY, "model")])[0]
    except (RejectedError, TextError) as error:
        raise DataError(str(error)) from error
    try:
        engine.predict([CANARY])
    except (RejectedError, TextError):
        return canary, Cells(source.text, source.aspect)
    return canary, Cells(source.text, source.aspect, default=True)
