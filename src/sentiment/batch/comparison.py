"""Comparison of a sample of an output's rows with the current predictions for their texts."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sentiment.batch.cells import REPLACEMENT, guard, unguard
from sentiment.batch.excel import MOST_UNITS
from sentiment.batch.output import Output
from sentiment.batch.scoring import Cells, Columns, outcomes
from sentiment.data.tables import Row, TableOptions, expanded, open_table
from sentiment.inference.types import Classifier, Prediction

log = logging.getLogger(__name__)

BATCH = 64  # texts per predict call
SHOWN = 3  # maximum number of rows in a message


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
    return (row for path in expanded(target.path) for row in open_table(path, options).rows())
