"""Figures of a run's training history and of its data."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiment.evaluation import metrics
from sentiment.evaluation.report.style import DASHES, SERIES, Figure, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SMOOTHED = 25  # points of the training loss after averaging


def read_history(folder: Path) -> list[dict[str, str]]:
    """Read the CSV logger's rows up to the last trained epoch, from one file per start of the run; [] without any."""
    rows: list[dict[str, str]] = []
    for path in sorted(folder.glob("version_*/metrics.csv"), key=lambda path: int(path.parent.name.rpartition("_")[2])):
        with path.open(newline="", encoding="utf-8") as file:
            rows += csv.DictReader(file)
    learned = max((int(row["epoch"]) for row in rows if row.get("train/loss")), default=0)
    return [row for row in rows if int(row["epoch"] or 0) <= learned]


def learning_curves(rows: Sequence[Mapping[str, str]]) -> list[Figure]:
    """Plot the losses by step and, after several validations, the validation scores by step."""
    loss_text = (
        "How wrong the model was as it learned, lower is better. Training loss that falls while validation loss rises "
        "means that it began to learn its texts by heart."
    )
    score_text = "The scores on the validation texts after each epoch."
    loss = {"training": average(points(rows, "train/loss")), "validation": points(rows, "validation/loss")}
    known = {metric.title: points(rows, f"validation/{metric.name}") for metric in metrics.METRICS if metric.headline}
    score = {title: values for title, values in known.items() if values}
    return [
        *([curve("learning_loss", "Loss while learning", loss_text, loss)] if any(loss.values()) else []),
        *(
            [curve("learning_scores", "Validation scores", score_text, score)]
            if any(len(values) > 1 for values in score.values())
            else []
        ),
    ]


def points(rows: Sequence[Mapping[str, str]], name: str) -> list[tuple[int, float]]:
    return [(int(row["step"]), float(row[name])) for row in rows if row.get(name)]


def average(values: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Average neighbouring points, to at most about `SMOOTHED` points."""
    size = -(-len(values) // SMOOTHED) or 1
    parts = [values[i : i + size] for i in range(0, len(values), size)]
    return [(part[-1][0], sum(value for _, value in part) / len(part)) for part in parts]


def curve(name: str, title: str, text: str, series: Mapping[str, list[tuple[int, float]]]) -> Figure:
    def paint(axes: "Axes") -> None:
        for i, (label, values) in enumerate(series.items()):
            if values:
                dots = "o" if len(values) < 20 else ""
                x, y = zip(*values, strict=True)
                axes.plot(x, y, color=SERIES[i], linestyle=DASHES[i], marker=dots, markersize=4, label=label)
        axes.set(xlabel="Step")
        axes.legend()

    return draw(name, title, text, paint)


def length_histogram(report: Mapping[str, Any]) -> Figure:
    """Plot the token lengths of each split, from data_report.json."""
    edges = report["edges"]

    def paint(axes: "Axes") -> None:
        for i, (name, split) in enumerate(report["splits"].items()):
            shares = [count / max(1, split["rows"]) for count in split["tokens"]["counts"]]
            shown = [*edges[:-1], 2 * edges[-2] - edges[-3]]  # the open-ended last bin is drawn as wide as the others
            axes.stairs(shares, shown, color=SERIES[i], linestyle=DASHES[i], linewidth=1.6, label=name)
        if report["max_length"] <= edges[-2]:
            axes.axvline(report["max_length"], color=SERIES[3], linewidth=1.2, linestyle=":", label="longest read")
        axes.set(xlabel="Tokens (last bin: all longer texts)", ylabel="Share of texts", ylim=(0, None))
        axes.legend()

    text = (
        "How long the texts of each split are, before any are cut. Curves that differ mean that the splits hold "
        "different kinds of text, and a score on one says less about another."
    )
    return draw("lengths", "Lengths of the texts", text, paint)
