"""Predicted rows to monitor: those of the input, scored where they are not, or of a history that they are added to."""

import inspect
import json
import logging
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from omegaconf import ListConfig

from sentiment.batch import predict
from sentiment.batch.identity import identity_of
from sentiment.batch.inputs import Inputs
from sentiment.batch.probe import probe
from sentiment.batch.source import Source
from sentiment.data.tables import STDIN, Broken, BrokenRow, TableOptions
from sentiment.data.tables.options import TAKEN_BY
from sentiment.errors import ConfigError, DataError, RowsRejectedError
from sentiment.files import read_json_if_any
from sentiment.inference.exclusive import Single
from sentiment.inference.multilabel import Multi
from sentiment.inference.types import Identity
from sentiment.inference.wording import REASON
from sentiment.monitoring.appending import ASPECT, added_columns, append, write_new
from sentiment.monitoring.dates import is_date, order_of, text_of
from sentiment.monitoring.history import History
from sentiment.monitoring.model import Model
from sentiment.monitoring.predicted import aspect_of, reason_of, run_of, summary_of
from sentiment.monitoring.prepared import Prepared
from sentiment.monitoring.rows import Columns, has_several, labels_of, table_rows
from sentiment.monitoring.times import Clock
from sentiment.remote import as_path, check_folder

log = logging.getLogger(__name__)

PREDICTIONS, NEW = "predictions.parquet", "new.parquet"
ADDRESS = ("run", "url", "key_file", "management_url")  # of an engine: set by the keys of the command
FIRST = 1000  # rows whose times tell the form of the column


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Settings by which the rows of an input are read and counted; the arguments of `sentiment.monitoring.monitor`."""

    input: str
    output: Path
    time: str | None
    by: tuple[str, ...]
    text_column: str | None
    aspect_column: str | None = None
    true_column: str | None = None
    prefix: str = ""
    history: Path | None = None
    unique: bool = False
    time_format: str | None = None
    time_zone: str = "UTC"
    options: TableOptions = field(default_factory=TableOptions)
    broken: Broken = "refuse"
    quiet: bool = True


def prepare(reading: Reading, model: Model) -> Prepared:
    """Open the input, score it where it has no predictions, and add it to the history if there is one."""
    input, time, by, prefix, history = reading.input, reading.time, reading.by, reading.prefix, reading.history
    true, aspect_column, form = reading.true_column, reading.aspect_column, reading.time_format
    if input == str(STDIN):
        raise ConfigError("input=-: the monitor reads its rows twice; write them to a file first")
    if time is None and (form or history):
        raise ConfigError(f"{'time_format' if form else 'history'} needs the column of times; set time=COLUMN")
    if history is not None:
        check_folder(as_path(history), f"history={history}")
    source = Source.open(
        input,
        text_column=reading.text_column,
        aspect_column=aspect_column,
        options=reading.options,
        broken=reading.broken,
    )
    if true is not None and history is not None:
        raise ConfigError("true_column: a history keeps no labels; leave one of the two out")
    for name, key in ((time, "time"), *((name, "by") for name in by), (true, "true_column")):
        if name is not None and name not in source.columns:
            raise DataError(f"{key}={name}: {input} has no such column, only {', '.join(source.columns[:20])}")
    if source.rows == 0:
        raise DataError(f"{input} has no rows to monitor")
    clock = clock_of(source, time, form, reading.time_zone) if time else None
    labels = labels_of(source.columns, prefix)
    if labels is not None and model.labelled is None:
        check_unscored(model.engine, None if aspect_column in by else aspect_column)
    if history is not None:
        assert clock is not None
        return with_history(reading, source, model, clock, labels, as_path(history))
    if labels is None:
        source, labels, _ = score(reading, source, model)
    else:
        model.take(run_of(source))
    reason = reason_of(source, prefix)
    columns = Columns(source.text, labels, prefix, time, by, true, has_several(source.columns, prefix), reason=reason)
    return Prepared(source, columns, clock, reading.unique, by=by, aspect=aspect_column or aspect_of(source))


def check_unscored(engine: Any, aspect_column: str | None) -> None:
    """Raise ConfigError for a key that is of the scoring of texts, where the input has predictions."""
    parameters = inspect.signature(engine.func).parameters if isinstance(engine, partial) else {}
    keys = [
        f"engine.{key}"
        for key, value in (engine.keywords.items() if parameters else ())
        if key in parameters and key not in ADDRESS and plain(value) != plain(parameters[key].default)
    ]
    if keys := [*keys, *(["aspect_column"] if aspect_column else [])]:
        raise ConfigError(f"{keys[0]} does nothing: the input has predictions, so that no text is scored; leave it out")


def plain(value: Any) -> Any:
    return [*value] if isinstance(value, tuple | ListConfig) else value


def clock_of(source: Source, time: str, time_format: str | None, zone: str) -> Clock:
    times = (None if isinstance(row, BrokenRow) else row.get(time) for row in table_rows(source, Columns(time, [])))
    first = list(islice(times, FIRST))
    if not time_format and any(map(is_date, first)):  # all rows, to see both orders of day and month before any work
        known = {order_of(text): text for value in times if is_date(value) and (text := text_of(value))}
        first += known.values()
    return Clock.of(time, first, time_format=time_format, zone=zone)


def score(reading: Reading, source: Source, model: Model) -> tuple[Source, list[str], Identity]:
    """Predict the input into the output folder, unless that was done before with the same model, input and settings.

    Returns:
        The predicted rows, their labels, and the model.
    """
    target, options = reading.output / PREDICTIONS, reading.options
    made = read_json_if_any(reading.output / f"{PREDICTIONS}.summary.json") or {}
    inputs = Inputs.of(source.paths)
    canary, _ = probe(model.classifier, source)
    model.check_labelled([*canary.probabilities], several=canary.labels is not None)
    current = identity_of(model.classifier, canary)
    settings = {"text_column": source.text, "aspect_column": source.aspect, "prefix": reading.prefix}
    settings |= {"broken_lines": source.broken, **{name: getattr(options, name) for name in TAKEN_BY}}
    parts = {"model": current.deciding, "settings": json.loads(json.dumps(settings))}
    same = made.get("input") == inputs.to_json() and all(
        made.get(part, {}).get(key) == value for part, values in parts.items() for key, value in values.items()
    )
    if not (same and target.is_file()):
        try:
            predict(
                input=reading.input, output=target, engine=model.classifier, text_column=source.text,
                aspect_column=source.aspect, prefix=reading.prefix,
                separator=options.separator, encoding=options.encoding, quoting=options.quoting,
                columns=options.columns, broken_lines=source.broken, overwrite=True,
                quiet=reading.quiet,
            )  # fmt: skip
        except RowsRejectedError as error:
            log.warning("%s", error)
    else:
        log.info("%s holds the predictions already", target)
    scored = Source.open(str(target), text_column=source.text)
    return scored, labels_of(scored.columns, reading.prefix) or [], current


def with_history(
    reading: Reading, source: Source, model: Model, clock: Clock, labels: list[str] | None, folder: Path
) -> Prepared:
    """Add the rows that the history lacks, scored where they are not, and return the rows of the whole history."""
    by, prefix = reading.by, reading.prefix
    store = History(folder, labels or [], clock.zone)
    with store.held():
        if labels is None:
            added = add_scored(reading, source, model, clock, store)
        else:
            model.take(run_of(source))
            columns = Columns(
                source.text,
                labels,
                prefix,
                clock.column,
                by,
                several=has_several(source.columns, prefix),
                reason=reason_of(source, prefix),
            )
            export = summary_of(source, "model").get("export")
            made = {"model": "predicted before", "labels": labels, **({"export": export} if export else {})}
            store.check(made | read_as(source, columns, clock))
            added = append(source, columns, clock, store, key_column=None)
    rows = source.rows or 0
    rest = f"; the others are in {folder} already, or have no time or prediction" if added < rows else ""
    about = [f"{added:,} of {rows:,} rows are new{rest}."]
    log.info("%s", about[0])
    if not added and store.is_empty():
        raise DataError(f"history={folder} is empty, and no row of {reading.input} has a time and a prediction to add")
    whole = Source.open(store.pattern, text_column="text", optional=REASON)
    labels = labels_of(whole.columns, "") or []
    columns = Columns("text", labels, "", "time", several=store.several, group="group", reason=reason_of(whole, ""))
    aspect = source.aspect or aspect_of(source)
    return Prepared(whole, columns, Clock("time", clock.zone), reading.unique, about, by=by, aspect=aspect)


def add_scored(reading: Reading, source: Source, model: Model, clock: Clock, store: History) -> int:
    """Score the rows that the history lacks, add them, and return their number."""
    by, fresh = reading.by, reading.output / NEW
    canary, _ = probe(model.classifier, source)
    store.labels, several = list(canary.probabilities), canary.labels is not None
    given = Columns(source.text, store.labels, reading.prefix, clock.column, by, several=several)
    made = {"model": dict(identity_of(model.classifier, canary).deciding)}
    store.check(made | read_as(source, given, clock))
    if not write_new(source, clock, by, store, fresh):
        return 0
    new = Source.open(str(fresh), text_column="text", aspect_column=ASPECT if source.aspect else None)
    scored, labels, _ = score(replace(reading, input=str(fresh), options=TableOptions()), new, model)
    store.keys = {}
    reason = reason_of(scored, reading.prefix)
    columns = Columns("text", labels, reading.prefix, "time", several=several, group="group", reason=reason)
    return append(scored, columns, Clock("time", clock.zone), store, key_column="key")


def read_as(source: Source, columns: Columns, clock: Clock) -> dict[str, Any]:
    """Return how a history reads its inputs: read otherwise, a row is taken for a new one, or lands in another group.

    The columns tell rows apart; those of JSON may be missing from a row.
    """
    own = sorted(set(source.columns).difference(added_columns(columns)))
    return {
        "time": clock.column,
        "time_zone": clock.zone,
        "times_stored_in": "UTC",
        "time_format": clock.time_format,
        **({"dates_have_first": order_of(clock.dated)} if clock.dated else {}),
        "by": columns.by[0] if len(columns.by) == 1 else [*columns.by] or None,
        "text_column": columns.text,
        "format": source.kind,
        "columns": None if source.kind == "jsonl" else own,
        "task": Multi.kind if columns.several else Single.kind,
    }
