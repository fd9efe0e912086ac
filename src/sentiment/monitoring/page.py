"""monitor.html: one self-contained page, pictures first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from sentiment.evaluation.quantification import AnyQuantifier
from sentiment.evaluation.quantification.methods import described
from sentiment.evaluation.report.page import HERE as REPORT
from sentiment.evaluation.report.page import render
from sentiment.files import write_text
from sentiment.inference.types import numbers_of
from sentiment.monitoring import chart
from sentiment.monitoring.accuracy import Accuracy, mean
from sentiment.monitoring.changes import FALSE_DISCOVERIES, FEWEST, Comparison
from sentiment.monitoring.drift import Drift
from sentiment.monitoring.evidence import Evidence
from sentiment.monitoring.palette import DASHES
from sentiment.monitoring.periods import Every
from sentiment.monitoring.prepared import count as number
from sentiment.monitoring.shares import Estimate, of_all_periods

HERE = Path(__file__).parent
MOST_ROWS = 600  # of the table on the page; shares.csv has all
MOST_CHARTS = 40
MOST_NAMED = 8  # labels in the first sentence, where a text may have several
TOPS = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # ends of the axis where labels that a text may have beside others are rare
MEASURES = {  # of the errors of shares
    "absolute_error": "absolute error",
    "divergence": "KL divergence",
    "earth_movers_distance": "earth mover's distance",
}


@dataclass(frozen=True)
class Result:
    """All that the page shows."""

    title: str
    labels: list[str]
    every: Every
    groups: Mapping[str, Sequence[Estimate]]
    overall: Estimate
    comparisons: Sequence[Comparison]
    evidence: Mapping[int, Evidence]  # by position in `comparisons`
    drift: Drift
    quantifier: AnyQuantifier
    notes: Sequence[str]
    by: str | None
    timed: bool
    sampled: bool
    accuracy: Accuracy | None = None  # where true labels are known
    zone: str = "UTC"  # of the times

    @property
    def changes(self) -> list[tuple[int, Comparison]]:
        return [(i, one) for i, one in enumerate(self.comparisons) if one.is_change]


def write_page(path: Path, result: Result) -> None:
    write_text(path, rendered("page.html", result))


def sections(result: Result) -> str:
    """Render the sections of the page for another page, which has the style; each chart has a button to save it."""
    return rendered("sections.html", result, interactive=True)


def rendered(template: str, result: Result, *, interactive: bool = False) -> str:
    page = variables(result) | {"interactive": interactive}
    return render(HERE, page, template=template, percent=percent, points=points)


def variables(result: Result) -> dict[str, Any]:
    css = (REPORT / "page.css").read_text(encoding="utf-8") + (HERE / "monitor.css").read_text(encoding="utf-8")
    rows = [(one, j) for series in result.groups.values() for one in series for j in range(len(result.labels))]
    return {
        "r": result,
        "css": css,
        "sentences": sentences(result),
        "charts": charts(result),
        "changes": [change(result, i, one) for i, one in result.changes],
        "rows": rows[:MOST_ROWS],
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
    for name, whole in list(result.groups.items())[:MOST_CHARTS]:
        series = [one for one in whole if one.n >= FEWEST]
        if len(series) < 2:
            single.append(of_all_periods(whole, result.quantifier, sampled=result.sampled))
            continue
        marks = marks_of(result, name)
        periods = [result.every.name(one.start) for one in series]
        found.append(
            {
                "title": name,
                "svg": chart.lines(series, labels, periods, marks),
                "text": caption(series, whole, result.every),
            }
        )
    if single:
        text = f"A dot is an estimated share{' of all periods' * result.timed}, the bar its 95 % interval."
        title = "Groups with too few texts for a line" if found else "Shares"
        found.append({"title": title, "svg": chart.dots(single, labels), "text": text})
    return found


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


def caption(series: Sequence[Estimate], whole: Sequence[Estimate], every: Every) -> str:
    counts = [one.n for one in series]
    few, first, last = len(whole) - len(series), series[0].start, series[-1].start
    none = every.number(last) - every.number(first) + 1 - sum(first <= one.start <= last for one in whole)
    left = f"; {number(few, 'period')} with fewer than {FEWEST} texts left out" if few else ""
    left += f"; {number(none, 'period')} without texts, which the lines cross" if none else ""
    return f"{sum(counts):,} texts, {min(counts):,} to {max(counts):,} in a period{left}"


def sentences(result: Result) -> list[str]:
    """Summarise the result for a reader who sees nothing else."""
    one = result.overall
    named = sorted(np.argsort(-one.shares, kind="stable")[:MOST_NAMED]) if one.several else range(len(result.labels))
    colon = ":" if numbers_of(result.labels) else ""
    mix = ", ".join(
        f"{result.labels[j]}{colon} {percent(one.shares[j])} (between {percent(one.low[j])} and {percent(one.high[j])})"
        for j in named
    )
    if rarer := len(result.labels) - len(named):
        mix += f", {rarer} rarer label{'s' * (rarer != 1)}"
    lines = [f"Of {one.n:,} texts: {mix}, with 95 % certainty."]
    if one.several:
        lines.append("A text may have several labels, or none, so the shares need not add up to 100 %.")
    if (mean := one.mean(result.labels)) is not None:
        lines.append(f"The mean label is {mean:+.2f}.")
    if result.timed:
        count = len(result.changes)
        noise = len(result.comparisons) - count
        if count:
            moved = "shares" if one.several else "mix"
            are = "is" if count == 1 else "are"
            lines.append(
                f"{count} change{'s' * (count != 1)} of the {moved} {are} too large for chance; "
                f"{noise} other movement{'s' * (noise != 1)} could be noise."
            )
        elif result.comparisons:
            lines.append(f"No change is larger than chance would make it: all {noise} movements could be noise.")
        else:
            lines.append("There are too few periods with enough texts to look for changes.")
    if result.accuracy is not None:
        lines.append(errors_sentence(result.accuracy))
    lines.append(result.drift.sentence)
    return lines


def errors_sentence(accuracy: Accuracy) -> str:
    """Say how far off the shares were where the true labels are known."""
    found = mean(accuracy.finest)
    sets = "set of texts" if found["sets"] == 1 else "groups and periods" if accuracy.periods else "groups"
    return (
        f"Where the true labels are known ({found['texts']:,} texts, {found['sets']:,} {sets}), a share is off by "
        f"{100 * found['absolute_error']:.1f} points on average, by {100 * found['counted_absolute_error']:.1f} if the "
        f"labels are counted; the 95 % intervals hold {percent(found['covered'])} of the true shares."
    )


def headline(result: Result, one: Comparison) -> str:
    j = one.largest
    verb = "rose" if one.difference[j] > 0 else "fell"
    return (
        f"{one.group}, {result.every.name(one.after.start)}: {result.labels[j]} {verb} from "
        f"{percent(one.before.shares[j])} to {percent(one.after.shares[j])}"
    )


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


def percent(share: float) -> str:
    """Format a share; never 0 % or 100 % for one that is neither."""
    if 0 < share < 0.005:
        return "under 1 %"
    if 0.995 < share < 1:
        return "over 99 %"
    return f"{100 * float(share):.0f} %"


def points(difference: float) -> str:
    return f"{100 * float(difference):+.0f}".replace("-", "−")


def probability(value: float) -> str:
    return "less than 0.001" if value < 0.001 else f"{value:.3f}"
