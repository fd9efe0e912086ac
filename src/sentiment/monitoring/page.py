"""monitor.html: one self-contained page, pictures first."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.evaluation.quantification.methods import described
from sentiment.evaluation.report.template import css, render
from sentiment.files import write_text
from sentiment.monitoring import chart
from sentiment.monitoring.changes import FALSE_DISCOVERIES, FEWEST, Comparison
from sentiment.monitoring.evidence import Evidence
from sentiment.monitoring.palette import DASHES
from sentiment.monitoring.result import Result
from sentiment.monitoring.sentences import caption, headline, percent, points, probability, sentences
from sentiment.monitoring.shares import Estimate, of_all_periods

HERE = Path(__file__).parent
MOST_ROWS = 600  # of the table on the page; shares.csv has all
MOST_CHARTS = 40
MOST_POINTS = 60  # on a line; more run into each other
TOPS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # ends of the axis where labels that a text may have beside others are rare
MEASURES = {  # of the errors of shares
    "absolute_error": "absolute error",
    "divergence": "KL divergence",
    "earth_movers_distance": "earth mover's distance",
}


def write_page(path: Path, result: Result) -> None:
    write_text(path, rendered("page.html", result))


def sections(result: Result) -> str:
    """Render the sections of the page for another page, which has the style; each chart has a button to save it."""
    return rendered("sections.html", result, interactive=True)


def rendered(template: str, result: Result, *, interactive: bool = False) -> str:
    page = variables(result) | {"interactive": interactive}
    return render(HERE, page, template=template, percent=percent, points=points)


def variables(result: Result) -> dict[str, Any]:
    rows = [(one, j) for series in result.groups.values() for one in series for j in range(len(result.labels))]
    return {
        "r": result,
        "css": css() + (HERE / "monitor.css").read_text(encoding="utf-8"),
        "sentences": sentences(result),
        "charts": charts(result),
        "changes": [change(result, i, one) for i, one in result.changes],
        "rows": rows[:MOST_ROWS],
        "undrawn": max(0, len(result.groups) - MOST_CHARTS),
        "left_out": max(0, len(rows) - MOST_ROWS),
        "estimators": estimators(result),
        "hidden": max(0, len(result.labels) - len(DASHES)),
        "fitted": result.quantifier.fitted,
        "measures": {
            name: words for name, words in MEASURES.items() if result.accuracy and name in result.accuracy.means
        },
        "untested": len(result.comparisons) - len(result.changes),
    }


def estimators(result: Result) -> list[tuple[str, str]]:
    """Return each estimator with its reason, after the labels that it is for where they differ."""
    found: dict[tuple[str, str], list[str]] = {}
    for label, choice in result.quantifier.choices.items():
        found.setdefault((described(choice.method).rstrip(","), choice.reason), []).append(label)
    return [
        (f"{', '.join(labels)}: by {words}" if len(found) > 1 else f"By {words}", reason)
        for (words, reason), labels in found.items()
    ]


def charts(result: Result) -> list[dict[str, str]]:
    """Draw each group over time; groups without two periods of FEWEST texts stand side by side in one chart."""
    found, single, labels = [], [], lines_of(result)
    for name, whole in drawn(result).items():
        series = [one for one in whole if one.n >= FEWEST]
        if len(series) < 2:
            single.append(of_all_periods(whole, result.quantifier, sampled=result.sampled))
            continue
        marks, together = marks_of(result, name), -(-len(series) // MOST_POINTS)
        parts = np.array_split(np.arange(len(series)), -(-len(series) // together))
        points = [
            of_all_periods(series[part[0] : part[-1] + 1], result.quantifier, sampled=result.sampled) for part in parts
        ]
        periods = [result.every.name(one.start) for one in points]
        text = caption(series, whole, result.every)
        text += f"; a point is of up to {together} periods together" * (together > 1)
        found.append({"title": name, "svg": chart.lines(points, labels, periods, marks), "text": text})
    if single:
        text = f"A dot is an estimated share{' of all periods' * result.timed}, the bar its 95 % interval."
        title = "Groups with too few texts for a line" if found else "Shares"
        found.append({"title": title, "svg": chart.dots(single, labels), "text": text})
    return found


def drawn(result: Result) -> dict[str, Sequence[Estimate]]:
    """Return the groups with a chart: all together, those with a change, and those with most texts, in their order."""
    first, changed = next(iter(result.groups)), {one.group for _, one in result.changes}
    texts = {name: sum(one.n for one in series) for name, series in result.groups.items()}
    order = sorted(result.groups, key=lambda name: (name != first, name not in changed, -texts[name]))
    kept = set(order[:MOST_CHARTS])
    return {name: series for name, series in result.groups.items() if name in kept}


def lines_of(result: Result) -> chart.Lines:
    """Choose the labels that the charts have colours for: those of changes, then those with the largest shares."""
    changed = [one.largest for _, one in result.changes]
    usual = np.argsort(-result.overall.shares, kind="stable").tolist()
    shown = sorted(list(dict.fromkeys([*changed, *usual]))[: len(DASHES)])
    ends = [one.high[shown].max() for series in result.groups.values() for one in series if one.n >= FEWEST]
    top = next(top for top in TOPS if top >= max(ends, default=1.0)) if result.overall.several else 1.0
    return chart.Lines([result.labels[j] for j in shown], shown, top)


def marks_of(result: Result, group: str) -> list[chart.Mark]:
    """Return a mark for each period of a group with a change; of several, it leads to the surest."""
    marks: dict[int, chart.Mark] = {}
    for i, one in result.changes:
        if one.group == group:
            mark = chart.Mark(one.after.start, f"change-{i}", headline(result, one))
            first = marks.setdefault(mark.start, mark)
            if first is not mark:
                marks[mark.start] = replace(first, title=f"{first.title}; {mark.title}")
    return list(marks.values())


def change(result: Result, number: int, one: Comparison) -> dict[str, Any]:
    j, every = one.largest, result.every
    since, until = every.name(one.since), every.name(one.before.start)
    return {
        "id": f"change-{number}",
        "title": headline(result, one),
        "text": (
            f"A difference of {points(one.difference[j])} points (95 % interval "
            f"{points(one.difference[j] - one.half_width[j])} to {points(one.difference[j] + one.half_width[j])}): "
            f"{one.after.n:,} texts, beside {one.before.n:,} of {since if since == until else f'{since} to {until}'}. "
            f"The p-value, corrected for all {len(result.comparisons)} comparisons, is {probability(one.corrected)}; "
            f"below {FALSE_DISCOVERIES:g} it counts as a change."
        ),
        "label": result.labels[one.subject],
        "later": one.of_later,
        "evidence": result.evidence.get(number, Evidence()),
    }
