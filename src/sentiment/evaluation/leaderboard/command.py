"""`sentiment sweep-report`: the leaderboard of a sweep, or of any folder that contains runs."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.measure import Measurement
from rich.table import Table

from sentiment.console import console
from sentiment.data.csv_output import write_csv
from sentiment.errors import ConfigError
from sentiment.evaluation.leaderboard.groups import Group, groups
from sentiment.evaluation.leaderboard.page import render
from sentiment.evaluation.leaderboard.study import figures
from sentiment.evaluation.leaderboard.trials import Trial, find, keys
from sentiment.files import write_text
from sentiment.remote import check_folder

log = logging.getLogger(__name__)

SHOWN = 30  # rows in the terminal
FEW = 4  # settings that it shows, however narrow it is


def sweep_report(*, folder: Path, metric: str | None = None, output: Path | None = None) -> list[Group]:
    """Print the leaderboard of the runs below `folder` and write leaderboard.csv and leaderboard.html.

    Args:
        folder: a sweep folder, or any other folder that contains runs.
        metric: the metric to rank by; default the one that most of the runs were selected by (`optimized_metric`).
        output: the folder to write to; default `folder`.

    Returns:
        One group of runs per combination of settings, best first.

    Raises:
        ConfigError: there is no run in the folder, or no finished run has the metric.
    """
    folder = Path(folder)
    check_folder(target := Path(output or folder))
    trials = find(folder)
    if not trials:
        raise ConfigError(f"folder={folder}: there is no run below it; name a sweep, outputs/sweeps/<name>, or outputs")
    metric, names = metric or usual_metric(trials), keys(trials)
    rows = groups(trials, names, metric)
    if all(row.validation is None for row in rows) and (done := [t for t in trials if t.outcome.state == "finished"]):
        raise ConfigError(f"metric={metric}: a run has {', '.join(done[0].scores('validation'))}")
    console.print(fitting_table(rows, names, metric, folder))
    for trial in unfinished_trials(trials):
        line = f"{trial.outcome.state}  {trial.folder}  {trial.outcome.reason}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    write_csv(target / "leaderboard.csv", csv_rows(rows, names, metric))
    write_text(
        target / "leaderboard.html", render(folder, rows, names, metric, unfinished_trials(trials), figures(folder))
    )
    log.info("written to %s and leaderboard.csv", target / "leaderboard.html")
    return rows


def usual_metric(trials: Sequence[Trial]) -> str:
    return Counter(trial.value("optimized_metric") or "accuracy" for trial in trials).most_common(1)[0][0]


def unfinished_trials(trials: Sequence[Trial]) -> list[Trial]:
    return [trial for trial in trials if trial.outcome.state != "finished"]


def fitting_table(rows: Sequence[Group], names: Sequence[str], metric: str, folder: Path) -> Table:
    """Build the terminal table of the best rows, with the settings that fit, FEW at least."""
    count, wide = len(names), console.options.update_width(10_000)  # a measure is at most the console's width
    shown = table(rows, names, metric, folder)
    while count > FEW and Measurement.get(console, wide, shown).minimum > console.width:
        count -= 1
        shown = table(rows, names[:count], metric, folder)
    return shown


def table(rows: Sequence[Group], names: Sequence[str], metric: str, folder: Path) -> Table:
    shown = Table("", *names, "n", f"validation {metric}", "test", "time", "best epoch", "runs", title=str(folder))
    for place, row in enumerate(rows[:SHOWN], start=1):
        shown.add_row(str(place), *row.settings[: len(names)], *cells(row), paths(row, folder))
    notes = [f"{len(rows) - SHOWN} more in leaderboard.csv"] if len(rows) > SHOWN else []
    if lacking := len(rows[0].settings) - len(names):
        notes.append(f"{lacking} more settings that differ are in leaderboard.csv")
    if any(row.validation and row.validation.count == 2 for row in rows):
        notes.append("two runs are too few for an interval: both values are shown")
    shown.caption = "; ".join(notes) or None
    return shown


def cells(row: Group) -> list[str]:
    """Format the columns between a row's settings and its paths, for terminal and page."""
    return [
        str(row.count),
        str(row.validation or ", ".join(row.states)),
        str(row.test or "") + (f" (n={row.test.count})" if row.test and row.test.count != len(row.trials) else ""),
        "" if row.seconds is None else f"{row.seconds:.0f} s",
        ", ".join(map(str, row.best_epochs)),
    ]


def paths(row: Group, folder: Path) -> str:
    return ", ".join(str(trial.folder.relative_to(folder)) for trial in row.trials)


def csv_rows(rows: Sequence[Group], names: Sequence[str], metric: str) -> Iterator[list[Any]]:
    """Yield the CSV header and a line for each row, with means and interval bounds as numbers."""
    ends = [f"{split}_{metric}{end}" for split in ("validation", "test") for end in ("", "_low", "_high")]
    yield [*names, "n", "seeds", *ends, "seconds", "best_epochs", "states", "paths"]
    for row in rows:
        means = [number for mean in (row.validation, row.test) for number in (mean.numbers if mean else [None] * 3)]
        settled = [row.count, " ".join(row.seeds), *means, row.seconds, " ".join(map(str, row.best_epochs))]
        places = [str(trial.folder) for trial in row.trials]
        yield [*row.settings, *settled, " ".join(row.states), ";".join(places)]
