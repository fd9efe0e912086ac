"""The command `sentiment verify`: check an output against its summary and rescore a sample of its rows."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt

from sentiment.batch.cells import REPLACEMENT, guard, unguard
from sentiment.batch.excel import MOST_UNITS
from sentiment.batch.output import Output
from sentiment.batch.scoring import Cells, Columns, outcomes
from sentiment.config import extras
from sentiment.data.tables import STDIN, Row, TableOptions, open_table
from sentiment.errors import ConfigError, DataError, VerificationError
from sentiment.files import read_json
from sentiment.inference.checksums import file_digest
from sentiment.inference.preprocessing import current_fields
from sentiment.inference.types import Classifier, Identified, Prediction
from sentiment.remote import as_path, info, is_remote

log = logging.getLogger(__name__)

CLOSE = 0.001  # default tolerance of probabilities; rounding depends on the processor and on the batch
BATCH = 64  # texts per predict call
SHOWN = 3  # maximum number of rows in a message


def verify(
    *,
    output: str | Path,
    run: str | Path | None = None,
    sample: Annotated[int, Ge(0)] = 200,
    tolerance: Annotated[float, Gt(0)] = CLOSE,
    server: str | None = None,
    key_file: str | Path | None = None,
) -> None:
    """Check an output against <output>.summary.json and compare a sample of rows with the model's current predictions.

    Args:
        output: File written by sentiment predict.
        run: Run folder of the model; defaults to the recorded one.
        sample: Number of evenly spaced rows to score again; 0 skips this.
        tolerance: Maximum absolute difference of a probability.
        server: Address of the server to query, for an output of engine=rest; defaults to the recorded one.
        key_file: Keys of the server; defaults to the recorded file.

    Raises:
        DataError: The output or its summary is missing, or the summary is of another version.
        ConfigError: `server` or `key_file` does not apply, or the location of the model is unknown.
        VerificationError: The output, an input, the model or a prediction differs from the record. Further differences
            are logged.
    """
    target = Output.of(as_path(output))
    record = read_summary(target)
    faults = [*check_output(target, record), *check_inputs(record)]
    if sample and not faults:
        with engine_of(record, run=run, server=server, key_file=key_file) as engine:
            faults += [*check_model(engine, record), *check_sample(target, record, engine, sample, tolerance)]
    if faults:
        for fault in faults[:-1]:
            log.error("%s", fault)
        raise VerificationError(faults[-1])


def read_summary(target: Output) -> dict[str, Any]:
    if is_remote(target.path):
        info(target.path)
    elif not target.path.is_file():
        raise DataError(f"output={target.path}: no such file")
    if not target.summary.is_file():
        raise DataError(
            f"{target.summary} is missing; it lies beside an output of sentiment predict, and moves with it"
        )
    record = read_json(target.summary)
    if not isinstance(record, dict) or not {"output", "input", "model", "settings", "rows"}.issubset(record):
        raise DataError(f"{target.summary} is no summary of this version of sentiment predict; predict again")
    return record


def check_output(target: Output, record: Mapping[str, Any]) -> Iterator[str]:
    wanted, size = record["output"], target.path.stat().st_size
    if size != wanted["bytes"]:
        yield f"{target.path} has {size:,} bytes, its summary says {wanted['bytes']:,}; it was changed or cut short"
    elif (sha256 := file_digest(target.path)) != wanted["sha256"]:
        yield f"{target.path} was changed: its SHA-256 is {sha256[:12]}..., its summary says {wanted['sha256'][:12]}..."
    else:
        log.info("output: %s is as it was written, %d rows", target.path, record["rows"])


def check_inputs(record: Mapping[str, Any]) -> Iterator[str]:
    for file in record["input"]:
        path = as_path(file["path"])
        if path == STDIN:
            log.info("input: standard input, which cannot be compared")
        elif not path.is_file():
            log.info("input: %s is not there any more, and was not compared", path)
        elif file_digest(path) != file["sha256"]:
            yield f"{path} was changed since it was predicted; predict again"
        else:
            log.info("input: %s is what was predicted", path)


@contextmanager
def engine_of(
    record: Mapping[str, Any], *, run: str | Path | None, server: str | None, key_file: str | Path | None
) -> Iterator[Classifier]:
    """Yield the recorded model with the recorded settings; a given `run` replaces any recorded engine.

    Raises:
        ConfigError: `server` or `key_file` is given without engine=rest, or the location of the model is unknown.
    """
    model = current_fields(record["model"])
    if model.get("engine") == "rest" and run is None:
        from sentiment.client import Client
        from sentiment.client.pinned import ADDRESS

        address = {name: model.get(name) for name in (*ADDRESS, "max_error", "threshold")}
        with Client(
            **address | {"url": server or model["url"], "key_file": key_file or model.get("key_file")}
        ) as client:
            yield client.pinned()
        return
    if server or key_file:
        raise ConfigError("server and key_file are for an output of engine=rest; leave them out")
    if run is None and not model.get("run"):
        raise ConfigError("the summary does not say where the model is; set run=outputs/RUN, or sample=0")
    extras.require("a sample scored by the run", ["sentiment.inference.predictor"])
    from sentiment.inference.predictor import Predictor

    names = ("runtime", "device", "window_step", "max_tokens", "max_error", "default_aspect")
    settings = {name: model[name] for name in names if name in model}
    if "thresholds" in (task := model.get("task") or {}):
        settings["threshold"] = dict(zip(model["labels"], task["thresholds"], strict=True))
    yield Predictor.load(run or model["run"], **settings)


def check_model(engine: Classifier, record: Mapping[str, Any]) -> Iterator[str]:
    now = engine.identity().deciding if isinstance(engine, Identified) else {}
    before = record["model"]
    if now.get("export") != before.get("export"):
        yield (
            f"the model is another one: its export is {str(now.get('export'))[:12]}..., "
            f"the summary says {str(before.get('export'))[:12]}...; name the one that was used with run="
        )
    else:
        log.info("model: export %s..., as recorded", str(now.get("export"))[:12])


@dataclass(slots=True)
class Comparison:
    """Running comparison of an output's rows with the current predictions for their texts."""

    rows: int = 0
    furthest: float = 0.0  # largest absolute difference of a probability
    altered: int = 0  # skipped rows, whose text may have been changed to fit the format
    others: list[str] | None = None  # descriptions of the rows that differ

    def add(self, number: int, row: Row, outcome: Prediction | str, columns: Columns, tolerance: float) -> None:
        label = row[columns.names[0]]
        probabilities = [row[f"{columns.prefix}p_{name}"] for name in columns.labels]
        first = probabilities[0]
        self.rows += 1
        if isinstance(outcome, str) or first in (None, ""):
            if not (isinstance(outcome, str) and first in (None, "")):
                self._differs(number, label or "no prediction", outcome if isinstance(outcome, str) else outcome.label)
            return
        now = [outcome.probabilities.get(name, float("nan")) for name in columns.labels]
        apart = max(abs(float(p) - q) for p, q in zip(probabilities, now, strict=True))
        self.furthest = max(self.furthest, apart)
        if not apart <= tolerance:
            highest = max(map(float, probabilities)) if columns.several else float(row[f"{columns.prefix}score"])
            self._differs(number, f"{label} {highest:.4f}", f"{outcome.label} {outcome.score:.4f}")

    def _differs(self, number: int, before: str, now: str) -> None:
        self.others = [*(self.others or []), f"row {number + 1}: {before} in the output, {now} today"]


def check_sample(
    target: Output, record: Mapping[str, Any], engine: Classifier, sample: int, tolerance: float
) -> Iterator[str]:
    settings = record["settings"]
    flags = {name: settings.get(name, False) for name in ("promise", "several")}
    columns = Columns(list(record["labels"]), settings["prefix"], **flags)
    comparison = Comparison()
    chosen = spread(rows_of(target), record["rows"], sample)
    while some := list(islice(chosen, BATCH)):
        compare(some, record, engine, columns, tolerance, comparison)
    if comparison.altered:
        log.info("left out: %d rows, whose texts the format could not hold as they were", comparison.altered)
    if comparison.others:
        named = "; ".join(comparison.others[:SHOWN])
        yield f"{len(comparison.others)} of {comparison.rows} rows scored again differ: {named}"
    else:
        log.info("sample: %d rows scored again agree (furthest %.6f)", comparison.rows, comparison.furthest)


def compare(
    some: Sequence[tuple[int, Row]],
    record: Mapping[str, Any],
    engine: Classifier,
    columns: Columns,
    tolerance: float,
    comparison: Comparison,
) -> None:
    settings = record["settings"]
    cells = Cells(settings["text_column"], settings.get("aspect_column"), default=True)
    guarded = settings["spreadsheet_safe"] and not settings["output"].startswith("xlsx")
    usable = []
    for number, row in some:
        row = row | {name: as_predicted(row, name, guarded=guarded) for name in cells.names}
        if any(altered(row.get(name), settings["output"]) for name in cells.names):
            comparison.altered += 1
        else:
            usable.append((number, row))
    reasons = [cells.reason(row) for _, row in usable]
    scored = iter(outcomes(engine, [cells.of(row) for (_, row), why in zip(usable, reasons, strict=True) if not why]))
    for (number, row), why in zip(usable, reasons, strict=True):
        comparison.add(number, row, why or next(scored), columns, tolerance)


def as_predicted(row: Row, column: str, *, guarded: bool) -> Any:
    """Restore the text of a row as it was predicted; the column name may have lost outer spaces or gained a '."""
    names = (column, column.strip(), guard(column))
    value = next((row[name] for name in names if name in row), None)
    return unguard(value) if guarded and isinstance(value, str) else value


def altered(text: Any, kind: str) -> bool:
    """Return True if the text may differ from the predicted one, by replaced characters or by truncation in xlsx."""
    if not isinstance(text, str):
        return False
    return REPLACEMENT in text or (kind == "xlsx" and len(text.encode("utf-16-le")) >= 2 * MOST_UNITS - 2)


def spread(rows: Iterator[Row], count: int, most: int) -> Iterator[tuple[int, Row]]:
    """Select at most `most` of `count` rows, evenly spaced, with their numbers from 0."""
    wanted = {i * count // most for i in range(most)} if count > most else range(count)
    return ((number, row) for number, row in enumerate(rows) if number in wanted)


def rows_of(target: Output) -> Iterator[Row]:
    """Read the rows of an output with the options with which it was written."""
    options = TableOptions()
    if target.kind in ("csv", "tsv"):
        options = TableOptions(separator="comma" if target.kind == "csv" else "tab", encoding="utf-8", quoting="double")
    return open_table(target.path, options).rows()
