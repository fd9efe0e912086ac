"""Predicted rows to monitor: those of the input, scored where they are not, or of a history that they are added to."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentiment.batch import predict
from sentiment.batch.identity import identity_of
from sentiment.batch.inputs import Inputs
from sentiment.batch.job import probe
from sentiment.batch.progress import progress
from sentiment.batch.source import Source
from sentiment.data.duplicates import normalised
from sentiment.data.tables import STDIN, Broken, BrokenRow, TableOptions
from sentiment.errors import ConfigError, DataError, RowsRejectedError
from sentiment.evaluation.quantification.words import CLEANING
from sentiment.files import read_json_if_any
from sentiment.inference.pairs import Pair
from sentiment.monitoring.appending import ASPECT, append, write_new
from sentiment.monitoring.history import History
from sentiment.monitoring.model import Model
from sentiment.monitoring.periods import Clock
from sentiment.monitoring.rows import SEVERAL, Chunk, Columns, Skipped, chunks, labels_of, table_rows

log = logging.getLogger(__name__)

PREDICTIONS, NEW = "predictions.parquet", "new.parquet"
RETWEET = re.compile(r"RT @\w+:?\s*")
FIRST = 1000  # rows whose times tell the form of the column


@dataclass
class Prepared:
    """Predicted rows, which can be read again and again.

    Args:
        source: The table.
        columns: Its columns.
        clock: Reader of its times; None without a time column.
        unique: Count equal texts once.
        about: Sentences on what was done before.
        skipped: Rows that the last reading did not count.
        apart: The groups are aspects, so that equal texts of two groups are two texts.
    """

    source: Source
    columns: Columns
    clock: Clock | None
    unique: bool = False
    about: list[str] = field(default_factory=list)
    skipped: Skipped = field(default_factory=Skipped)
    apart: bool = False

    @property
    def labels(self) -> list[str]:
        return list(self.columns.labels)

    @property
    def timed(self) -> bool:
        return self.clock is not None

    def rows(self, task: str, *, quiet: bool) -> Iterator[Chunk]:
        """Yield the rows in chunks, with a progress bar."""
        self.skipped = Skipped()
        seen = set[int]()
        with progress(quiet=quiet) as bar:
            shown = bar.add_task(task, total=self.source.rows)
            for chunk in chunks(self.source, self.columns, self.clock, self.skipped):
                bar.advance(shown, len(chunk))
                kept = distinct(chunk, seen, self.skipped, apart=self.apart) if self.unique else chunk
                if len(kept):
                    yield kept

    def check_any(self, found: Any) -> None:
        if not found:
            raise DataError(
                f"no row can be counted: of {self.source.rows or 0}, {self.skipped.unpredicted} have no prediction and "
                f"{self.skipped.untimed} no readable time"
            )

    def notes(self) -> list[str]:
        """Return sentences on the rows that are not counted."""
        lines = [*self.about, *([self.clock.said] if self.clock and self.clock.said else [])]
        if self.skipped.unpredicted:
            lines.append(f"{self.skipped.unpredicted:,} rows have no prediction and are not counted.")
        if self.skipped.untimed and self.clock:
            lines.append(f"{self.skipped.untimed:,} rows have no readable time in {self.clock.column!r}; not counted.")
        if self.unique:
            lines.append(
                f"{self.skipped.repeated:,} texts repeat an earlier one, retweets included, and are not counted."
            )
        return lines


def prepare(
    input: str,
    output: Path,
    model: Model,
    options: TableOptions,
    *,
    text_column: str | None,
    aspect_column: str | None,
    prefix: str,
    time: str | None,
    by: str | None,
    history: Path | None,
    unique: bool,
    time_format: str | None,
    time_zone: str,
    broken: Broken,
    quiet: bool,
) -> Prepared:
    """Open the input, score it where it has no predictions, and add it to the history if there is one."""
    if input == str(STDIN):
        raise ConfigError("input=-: the monitor reads its rows twice; write them to a file first")
    if time is None and (time_format or history):
        raise ConfigError(f"{'time_format' if time_format else 'history'} needs the column of times; set time=COLUMN")
    source = Source.open(input, text_column=text_column, aspect_column=aspect_column, options=options, broken=broken)
    for name, key in ((time, "time"), (by, "by")):
        if name is not None and name not in source.columns:
            raise DataError(f"{key}={name}: {input} has no such column, only {', '.join(source.columns[:20])}")
    clock = clock_of(source, time, time_format, time_zone) if time else None
    labels = labels_of(source.columns, prefix)
    if history is not None:
        assert clock is not None
        return with_history(source, output, model, clock, labels, prefix, by, Path(history), unique, quiet)
    if labels is None:
        source, labels = score(source, input, output, model, options, prefix, quiet)
    else:
        model.run = model.run or run_of(source)
    apart = by is not None and by == (aspect_column or aspect_of(source))
    return Prepared(source, Columns(source.text, labels, prefix, time, by), clock, unique, apart=apart)


def clock_of(source: Source, time: str, time_format: str | None, zone: str) -> Clock:
    values = []
    for row in table_rows(source, Columns(time, [])):
        values.append(None if isinstance(row, BrokenRow) else row.get(time))
        if len(values) == FIRST:
            break
    return Clock.of(time, values, time_format=time_format, zone=zone)


def summary_of(source: Source, part: str) -> dict[str, Any]:
    """Return a part of the summary beside a predicted file; empty if there is none."""
    path = source.paths[0]
    return dict((read_json_if_any(path.with_name(f"{path.name}.summary.json")) or {}).get(part) or {})


def aspect_of(source: Source) -> str | None:
    """Return the aspect column that a file was predicted with."""
    return summary_of(source, "settings").get("aspect_column")


def run_of(source: Source) -> str:
    """Return the run that the summary beside a predicted file names, if it is still there; else an empty string."""
    found = summary_of(source, "model").get("run")
    return str(found) if found and Path(found).is_dir() else ""


def score(
    source: Source, input: str, output: Path, model: Model, options: TableOptions, prefix: str, quiet: bool
) -> tuple[Source, list[str]]:
    """Predict the input into the output folder, unless that was done before with the same model and input."""
    target = output / PREDICTIONS
    made = read_json_if_any(output / f"{PREDICTIONS}.summary.json") or {}
    inputs = Inputs.of(source.paths)
    canary, _ = probe(model.classifier, source)
    if canary.labels is not None:
        raise DataError(SEVERAL)
    current = identity_of(model.classifier, canary)
    same = made.get("input") == inputs.to_json() and all(
        made.get("model", {}).get(key) == value for key, value in current.deciding.items()
    )
    if not (same and target.is_file()):
        try:
            predict(
                input=input, output=target, engine=model.classifier, text_column=source.text,
                aspect_column=source.aspect, prefix=prefix,
                separator=options.separator, encoding=options.encoding, quoting=options.quoting,
                columns=options.columns, broken_lines=source.broken, quiet=quiet,
            )  # fmt: skip
        except RowsRejectedError as error:
            log.warning("%s", error)
    else:
        log.info("%s holds the predictions already", target)
    scored = Source.open(str(target), text_column=source.text)
    labels = labels_of(scored.columns, prefix) or []
    return scored, labels


def distinct(chunk: Chunk, seen: set[int], skipped: Skipped, *, apart: bool = False) -> Chunk:
    """Keep the first of equal texts: without case, markup, punctuation and the "RT @name:" of a retweet.

    With `apart`, for groups that are aspects, a text of another group is another text.
    """
    kept = []
    for i, text in enumerate(chunk.texts):
        plain = RETWEET.sub("", text)
        own = Pair(plain, str(chunk.groups[i])) if apart else plain
        key = int.from_bytes(normalised(own, CLEANING)[:8], "little")
        if key not in seen:
            seen.add(key)
            kept.append(i)
    skipped.repeated += len(chunk) - len(kept)
    return chunk if len(kept) == len(chunk) else chunk.take(kept)


def with_history(
    source: Source,
    output: Path,
    model: Model,
    clock: Clock,
    labels: list[str] | None,
    prefix: str,
    by: str | None,
    folder: Path,
    unique: bool,
    quiet: bool,
) -> Prepared:
    """Add the rows that the history lacks, scored where they are not, and return the rows of the whole history."""
    store = History(folder, labels or [])
    if labels is None:
        fresh = output / NEW
        count = write_new(source, clock, by, store, fresh)
        own = {"time": "time", "by": "group" if by else None}
        if count:
            scored, labels = score(
                opened := Source.open(str(fresh), text_column="text", aspect_column=ASPECT if source.aspect else None),
                str(fresh), output, model, TableOptions(), prefix, quiet,
            )  # fmt: skip
            columns = Columns("text", labels, prefix, own["time"], own["by"])
            store.labels, store.keys = labels, {}
            store.check({"model": dict(identity_of(model.classifier, probe(model.classifier, opened)[0]).deciding)})
            added = append(scored, columns, Clock("time", "value"), store, key_column="key")
        else:
            added = 0
    else:
        model.run = model.run or run_of(source)
        store.check({"model": "predicted before", "labels": labels})
        added = append(source, Columns(source.text, labels, prefix, clock.column, by), clock, store, key_column=None)
    about = [f"{added:,} of {source.rows or 0:,} rows are new; the others are in {folder} already."]
    log.info("%s", about[0])
    whole = Source.open(store.pattern, text_column="text")
    labels = labels_of(whole.columns, "") or []
    apart = by is not None and by == (source.aspect or aspect_of(source))
    rows = Columns("text", labels, "", "time", "group")
    return Prepared(whole, rows, Clock("time", "value"), unique, about, apart=apart)
