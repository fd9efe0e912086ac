"""Analysis of a table of predictions: shares by period and group, changes with their evidence, and drift."""

import logging
from collections.abc import Callable
from typing import Literal

from sentiment.errors import InterruptedRunError
from sentiment.monitoring.accuracy import Accuracy, LabelledCells
from sentiment.monitoring.cells import Cells, pooled
from sentiment.monitoring.changes import compare
from sentiment.monitoring.drift import MOST_TEXTS, measure
from sentiment.monitoring.evidence import Evidence, collect
from sentiment.monitoring.groups import alike
from sentiment.monitoring.model import Model
from sentiment.monitoring.periods import Every
from sentiment.monitoring.prepare import Reading, prepare
from sentiment.monitoring.prepared import Prepared
from sentiment.monitoring.reservoir import Reservoir
from sentiment.monitoring.result import Result
from sentiment.monitoring.shares import all_name, estimate, estimates
from sentiment.monitoring.spool import Spool

log = logging.getLogger(__name__)

Estimator = Literal[
    "auto", "counts", "mean_probability", "adjusted_counts", "adjusted_probability", "em", "calibrated_probability",
    "calibrated_em", "averaged", "serving",
]  # fmt: skip
MOST_EVIDENCE = 30  # changes whose words and texts are looked up
MOST_ALIKE = 5  # sets of groups with names alike that are named


def examine(
    reading: Reading,
    model: Model,
    *,
    title: str,
    every: str,
    estimator: Estimator = "auto",
    sampled: bool = True,
    window: int = 7,
    scored: Callable[[], object] = lambda: None,
) -> Result:
    """Return what the monitor finds in a table, with nothing written but the predictions that the input lacks.

    `scored` is called once all rows have predictions. Other arguments and the exceptions are those of
    `sentiment.monitoring.command.monitor`.
    """
    spell, by, quiet = Every.of(every, reading.time_zone), reading.by, reading.quiet
    try:
        prepared = prepare(reading, model)
        scored()
        model.fit(prepared.labels, several=prepared.columns.several, by=by)
        model.choose(estimator)
        for note in model.notes:
            log.info("%s", note)
        with Spool() as spool:
            return analyse(
                prepared, model, spell, spool, title=title, by=by, sampled=sampled, window=window, quiet=quiet
            )
    except KeyboardInterrupt as error:
        raise InterruptedRunError(
            "stopped; predictions made so far are kept, the same command goes on from there"
        ) from error


def analyse(
    prepared: Prepared,
    model: Model,
    every: Every,
    spool: Spool,
    *,
    title: str,
    by: tuple[str, ...],
    sampled: bool,
    window: int,
    quiet: bool,
) -> Result:
    """Go over the rows twice: for the sums, and for the words and texts of the changes that the sums show."""
    several, reservoir = prepared.columns.several, Reservoir(MOST_TEXTS)
    cells = Cells(prepared.labels, every, several=several)
    labelled = LabelledCells(prepared.labels, every, several=several)
    otherwise = 0
    for chunk in prepared.rows("count", quiet=quiet):
        reservoir.add(len(chunk), chunk.text_and_probabilities)
        if len(decided := chunk.decided):
            otherwise += model.decided_otherwise(decided)
            cells.add(decided)
            labelled.add(decided)
            spool.add(decided)
    predictions = cells.predictions()
    prepared.check_any(predictions)
    everything = pooled(list(predictions.values()))
    drift = measure(reservoir.items, model.reference, model.export, model.quantifier.shares(everything))
    model.allow_for(drift)
    quantifier = model.quantifier
    groups = estimates(predictions, quantifier, sampled=sampled)
    overall = estimate("", 0, everything, quantifier, sampled=sampled)
    comparisons = compare(groups, quantifier, window=window, sampled=sampled) if prepared.timed else []
    changed = [(i, one) for i, one in enumerate(comparisons) if one.is_change][:MOST_EVIDENCE]
    evidence: dict[int, Evidence] = {}
    if changed:
        all_groups = all_name(set(cells.groups)) if len(cells.groups) > 1 else None
        again = (chunk.decided for chunk in prepared.rows("look up changes", quiet=quiet))
        rows = spool.chunks() if spool.complete else again
        found = collect(rows, [one for _, one in changed], every, everything=all_groups)
        evidence = {i: one for (i, _), one in zip(changed, found, strict=True)}
    model.note_decisions(otherwise, reservoir.seen)
    errors = labelled.errors(quantifier, timed=prepared.timed)
    for note in (about := prepared.notes(labelled=bool(errors), hourly=every.hourly))[len(prepared.about) :]:
        log.info("%s", note)
    notes = [*model.notes, *about]
    if pairs := alike(cells.groups):
        shown = "; ".join(" and ".join(own) for own in pairs[:MOST_ALIKE])
        notes.append(f"Groups whose names differ in capitals or emoji style alone are counted apart: {shown}.")
    if prepared.timed and every.begins_later(last := max(start for _, start in predictions)):
        notes.append(f"The latest period, {every.name(last)}, begins in the future: some times may be wrong.")
    return Result(
        title, prepared.labels, every, groups, overall, comparisons, evidence, drift, quantifier,
        notes, by, prepared.timed, sampled,
        Accuracy(errors) if errors else None,
    )  # fmt: skip
