"""The predict command: whole files; input columns are kept, prediction columns added, row order preserved."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Gt

from sentiment.batch.identity import pinned
from sentiment.batch.output import Output
from sentiment.batch.plan import plan_job
from sentiment.batch.source import Source
from sentiment.batch.summary import Clock
from sentiment.data.tables import STDIN, Broken, Quoting, TableOptions
from sentiment.errors import RowsRejectedError
from sentiment.inference.types import Classifier
from sentiment.remote import as_path


def predict(
    *,
    input: str | Path,
    output: str | Path,
    engine: Classifier,
    text_column: str | None = None,
    aspect_column: str | None = None,
    stdin_format: Literal["csv", "tsv", "jsonl", "txt"] = "csv",
    separator: str | None = None,
    encoding: str | None = None,
    quoting: Quoting | None = None,
    columns: Sequence[str] | None = None,
    broken_lines: Broken = "refuse",
    prefix: str = "",
    polarity: bool = False,
    spreadsheet_safe: bool = False,
    chunk: Annotated[int, Gt(0)] | None = None,
    overwrite: bool = False,
    quiet: bool = False,
) -> Path:
    """Predict every row of `input` and write it to `output` with prediction, score, p_<label> and unreadable added.

    After an interruption, the same command resumes with the chunks that are missing (standard input: with the first
    row), provided that input, model, settings and package versions are unchanged. <output>.summary.json records the
    provenance of the output and its counts.

    Args:
        input: A file, a glob, or "-" for standard input.
        output: File to write; its suffix determines the format. A folder with a slash at its end is filled with parts,
            Parquet or what its suffix says, and a manifest.
        engine: Classifier that scores the texts.
        text_column: Name of the text column; None selects one with a conventional name.
        aspect_column: Name of the aspect column, for a model that reads each text with one.
        stdin_format: Format of standard input; txt is a text a line.
        separator: Separator of the input; None guesses it from the content (see TableOptions, also for the next three).
        encoding: Name of a Python codec, such as cp1252.
        quoting: double, backslash or none.
        columns: Names of all columns, if the input has no header.
        broken_lines: "keep" turns a malformed line into an empty row, which is rejected; "refuse" raises DataError.
        prefix: Prefix of the added column names.
        polarity: Add the column polarity, between -1 and 1, for models with negative and positive or ordered labels.
        spreadsheet_safe: Keep spreadsheets from evaluating texts as formulas (CSV, TSV, xlsx); CSV and TSV get a BOM.
        chunk: Rows per part; None: 1,024, in a folder up to 32,768, so that there are some 256 parts at least.
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
    target = Output.of(output, spreadsheet_safe=spreadsheet_safe)
    target.check_place()
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
    job = plan_job(source, options, target, engine, prefix=prefix, polarity=polarity, chunk=chunk)
    with job.parts.held():
        made = None if overwrite else job.finished()
        if made is None:
            done = job.reopen(overwrite=overwrite)
            before = sum(part.rows for part in done.values())
            made = job.finish(job.run(engine, done, quiet=quiet), engine, before, clock)
    if made["rejected"]:
        raise RowsRejectedError(
            f"{made['rejected']} of {made['rows']} rows could not be scored; their numbers and reasons are in "
            f"{target.rejects}"
        )
    return as_path(output)
