"""Leaderboard as one self-contained HTML page, in the style of a run's report."""

from collections.abc import Sequence
from pathlib import Path

from sentiment.evaluation.leaderboard.groups import Group
from sentiment.evaluation.leaderboard.trials import Trial
from sentiment.evaluation.report import template
from sentiment.evaluation.report.style import Figure


def render(
    folder: Path, rows: Sequence[Group], names: Sequence[str], metric: str, others: Sequence[Trial], drawn: list[Figure]
) -> str:
    page = {
        "title": folder.name or str(folder),
        "folder": folder,
        "rows": rows,
        "names": names,
        "metric": metric,
        "others": others,
        "figures": drawn,
        "runs": sum(len(row.trials) for row in rows),
        "css": template.css(),
    }
    return template.render(Path(__file__).parent, page)
