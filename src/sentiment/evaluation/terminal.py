"""Scores as a table on the terminal."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table

from sentiment.evaluation.results import Results

if TYPE_CHECKING:
    from sentiment.evaluation.behaviour import Outcome

WIDTH = 13  # characters of "(0.869-0.899)"


def behaviour_table(outcomes: "Sequence[Outcome]") -> Table:
    """Build a table of failure rates with 95 % intervals."""
    table = Table(title="behaviour tests, failures with 95 % intervals")
    for name in ("behaviour", "cases", "failed"):
        table.add_column(name, justify="left" if name == "behaviour" else "right", no_wrap=True)
    for one in outcomes:
        low, high = one.interval
        table.add_row(one.name, str(len(one.cases)), f"{one.rate:.1%} ({low:.1%}-{high:.1%})")
    return table


def scores_table(results: Results) -> Table:
    """Build a table of scores with 95 % intervals; the baseline is shown for the last split only, to fit 80 columns."""
    from sentiment.evaluation.bootstrap import interval_text  # imports torch, which HTTP commands do not need

    table = Table(title="scores with 95 % intervals")
    table.add_column("metric", overflow="fold")
    columns: list[tuple[Mapping[str, float], Mapping[str, tuple[float, float]]]] = []
    for name, result in results.evaluations.items():
        table.add_column(name, justify="right", min_width=WIDTH)
        columns.append((result.scores, result.intervals))
    if found := results.baseline.get(results.last[0]):
        table.add_column("baseline", justify="right", style="dim", min_width=WIDTH)
        columns.append((found.scores, found.intervals))
    for metric in dict.fromkeys(name for scores, _ in columns for name in scores):
        table.add_row(metric, *(interval_text(metric, scores, intervals) for scores, intervals in columns))
    return table
