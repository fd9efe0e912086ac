"""Figures of a classifier's predictions on a split."""

from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binomtest

from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.calibration import reliability
from sentiment.evaluation.report.style import DASHES, MUTED, SERIES, Figure, draw
from sentiment.inference.exclusive import Scale
from sentiment.inference.types import list_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sentiment.evaluation.scoring import Evaluation

POINTS = 300  # points per curve; more are not visible
BINS = 6  # bins of text length
FEW = 10  # texts
LONG = 30  # characters of a label whose legend needs more room than the axes give
WIDTH, LINES = 40, 2  # of a label in a legend: characters of a line, lines


def roc(result: "Evaluation") -> Figure | None:
    """Plot the ROC curve of each label against the rest; None if all texts have one label."""
    if not curves(result):
        return None
    from sklearn.metrics import roc_curve

    def paint(axes: "Axes") -> None:
        for n, (i, label) in enumerate(curves(result)):
            wrong, right, _ = roc_curve(positive(result, i), result.probabilities[:, i])
            line(axes, wrong, right, label, n)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":", label="by chance")
        axes.set(xlabel="False positive rate", ylabel="True positive rate", xlim=(0, 1), ylim=(0, 1.01))
        axes.legend(loc="lower right")

    text = (
        "Each point is one threshold on the probability. Horizontal axis: the false positive rate, the share of other "
        "labels' texts that are given this label. Vertical axis: the true positive rate (recall), the share of this "
        "label's texts that are given it. The nearer a curve is to the top left corner, the better the model ranks a "
        "label's texts above the others; AUROC is the area under the curve." + few_curves(result)
    )
    return draw("roc", "ROC curve", text, paint, fitted=long_legend(result))


def precision_recall(result: "Evaluation") -> Figure | None:
    """Plot the precision-recall curve of each label against the rest; None if all texts have one label."""
    if not curves(result):
        return None
    from sklearn.metrics import precision_recall_curve

    def paint(axes: "Axes") -> None:
        for n, (i, label) in enumerate(curves(result)):
            precision, recall, _ = precision_recall_curve(positive(result, i), result.probabilities[:, i])
            line(axes, recall, precision, label, n)
        axes.set(xlabel="Recall", ylabel="Precision")
        axes.set(xlim=(0, 1), ylim=(0, 1.01))
        axes.legend(loc="lower left")

    text = (
        "Precision is the share of the texts called by a label that are of it, recall the share of its texts that are "
        "found: how pure the answers stay as more are asked for. A curve that stays high to the right "
        "end finds nearly all of them with few false alarms." + few_curves(result)
    )
    return draw("precision_recall", "Precision and recall", text, paint, fitted=long_legend(result))


def calibration(result: "Evaluation") -> Figure:
    """Plot the reliability diagram without and with the temperature."""

    def paint(axes: "Axes") -> None:
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=":", label="perfect")
        calibrated = result.temperature != 1 or result.decoding.kind == "multi"
        sides = [("as trained", result.uncalibrated, 1)] if calibrated else []
        for name, side, colour in [*sides, ("as exported", result, 0)]:
            found = reliability(side.probabilities, side.targets)
            label = f"{name}, ECE {found.ece:.3f}"
            axes.plot(found.confidence, found.accuracy, DASHES[colour], color=SERIES[colour], linewidth=1.2)
            sizes = [8 + 140 * count / sum(found.counts) for count in found.counts]
            axes.scatter(found.confidence, found.accuracy, sizes, color=SERIES[colour], label=label, zorder=3)
        lowest = 0.0 if result.decoding.kind == "multi" else 1 / len(result.labels)
        axes.set(xlabel="Confidence (mean predicted probability)", ylabel="Accuracy", xlim=(lowest - 0.02, 1.02))
        axes.set(ylim=(0, 1.03))
        axes.legend(loc="lower right")

    text = (
        "Texts are grouped by how sure the model was; larger dots hold more texts. On the dotted line, 80 % sure means "
        "right 8 times of 10. Below it the model is too sure of itself, above it too modest."
    )
    if isinstance(result.decoding, Scale) and not result.decoding.takes_the_most_probable:
        text += " Confidence and accuracy are those of the most probable label, which is not always the answered one."
    return draw("reliability", "Can the probabilities be taken at their word?", text, paint)


def length(result: "Evaluation") -> Figure | None:
    """Plot accuracy by number of tokens read; None if tokens were not counted or all texts fall into one bin."""
    bins = length_bins(result)
    if len(bins) < 2:
        return None

    def paint(axes: "Axes") -> None:
        names, counts, rights = zip(*bins, strict=True)
        shares = [right / count for right, count in zip(rights, counts, strict=True)]
        spans = [wilson(right, count) for right, count in zip(rights, counts, strict=True)]
        bars = [[max(0.0, s - low) for s, (low, _) in zip(shares, spans, strict=True)]]
        bars += [[max(0.0, high - s) for s, (_, high) in zip(shares, spans, strict=True)]]
        axes.errorbar(range(len(bins)), shares, yerr=bars, fmt="o", color=SERIES[0], capsize=3, markersize=6)
        axes.axhline(result.right.double().mean().item(), color=MUTED, linewidth=1, linestyle=":")
        ticks = [f"{name}\n{count:,}" for name, count in zip(names, counts, strict=True)]
        axes.set_xticks(range(len(bins)), ticks)
        axes.set(xlabel="Tokens, and number of texts", ylabel="Accuracy", xlim=(-0.5, len(bins) - 0.5))
        axes.set(ylim=(max(0.0, min(low for low, _ in spans) - 0.05), min(1.01, max(high for _, high in spans) + 0.05)))
        axes.grid(visible=False, axis="x")

    text = (
        "Whether short or long texts are harder. A token is a word or a piece of one; the bars are 95 % intervals "
        "(Wilson), and where they overlap widely a difference means little. The dotted line is the accuracy over all."
    )
    title = "Subset accuracy by length of text" if result.decoding.kind == "multi" else "Accuracy by length of text"
    return draw("length", title, text, paint, tick_lines=2)


def length_bins(result: "Evaluation") -> list[tuple[str, int, int]]:
    """Bin the texts by length into about equally full bins, and truncated texts, if enough, into a separate bin.

    Returns:
        Name, number of texts, and number of correct predictions of each bin.
    """
    if not result.tokens:
        return []
    tokens = np.array(result.tokens)
    right = result.right.numpy()
    cut = np.array(result.truncated) if result.truncated else np.zeros(len(tokens), dtype=bool)
    if cut.sum() < FEW:
        cut[:] = False  # too few for a separate bin
    edges = np.unique(np.quantile(tokens[~cut], np.linspace(0, 1, BINS + 1)).round()) if (~cut).any() else np.array([])
    bins: list[tuple[str, int, int]] = []
    for i, (low, high) in enumerate(zip(edges, edges[1:], strict=False)):
        last = i == len(edges) - 2
        inside = ~cut & (tokens >= low) & ((tokens <= high) if last else (tokens < high))
        if inside.any():
            end = high if last else high - 1
            name = f"{low:.0f}–{end:.0f}" if end > low else f"{low:.0f}"
            bins.append((name, int(inside.sum()), int(right[inside].sum())))
    return [*bins, ("cut", int(cut.sum()), int(right[cut].sum()))] if cut.any() else bins


def wilson(right: int, count: int) -> Interval:
    """Compute the 95 % Wilson score interval of a proportion (Wilson 1927); its width is not 0 at a share of 0 or 1."""
    low, high = binomtest(right, count).proportion_ci(method="wilson")
    return low, high


def curves(result: "Evaluation") -> list[tuple[int, str]]:
    """List index and name of the labels to plot, of two only the second, of many those that are ranked worst."""
    numbered = ranked(result)
    if len(result.labels) == 2 and result.decoding.kind != "multi":
        return numbered[-1:]
    if len(numbered) <= len(SERIES):
        return numbered
    from sklearn.metrics import average_precision_score

    def precision(pair: tuple[int, str]) -> float:
        return float(average_precision_score(positive(result, pair[0]), result.probabilities[:, pair[0]]))

    return sorted(sorted(numbered, key=precision)[: len(SERIES)])


def ranked(result: "Evaluation") -> list[tuple[int, str]]:
    """List index and name of the labels that some texts have and others lack."""
    return [(i, label) for i, label in enumerate(result.labels) if 0 < positive(result, i).sum() < len(result.split)]


def positive(result: "Evaluation", i: int) -> Any:
    """Return which texts have a label (N,)."""
    return result.targets == i if result.targets.ndim == 1 else result.targets[:, i] == 1


def long_legend(result: "Evaluation") -> bool:
    """Say whether a plotted label is too long for a legend within the axes."""
    return any(len(label) > LONG for _, label in curves(result))


def few_curves(result: "Evaluation") -> str:
    """Say which labels are drawn, where they are not all."""
    drawn = ranked(result)
    few = len(drawn) > len(SERIES)
    said = f" Of {len(drawn)} labels the {len(SERIES)} with the lowest average precision are drawn." if few else ""
    if lacking := [label for i, label in enumerate(result.labels) if (i, label) not in drawn]:
        names = list_labels(lacking) if len(lacking) <= len(SERIES) else f"{len(lacking)} other labels"
        said += f" There is no curve for {names}: either all texts have that label, or none does."
    return said


def line(axes: "Axes", x: Any, y: Any, label: str, n: int) -> None:
    keep = thin(x, y)
    axes.plot(
        x[keep], y[keep], label=legend_name(label), color=SERIES[n % len(SERIES)], linestyle=DASHES[n % len(DASHES)]
    )


def legend_name(label: str) -> str:
    """Return a label in lines that the axes have room for, without the middle of a long one."""
    room = WIDTH * LINES - WIDTH // 2  # words may leave a line half empty
    kept = label if len(label) <= room else f"{label[: room // 2]}…{label[-(room // 2) + 1 :]}"
    return "\n".join(wrap(kept, WIDTH))


def thin(x: Any, y: Any) -> Any:
    """Return the indices of at most about `POINTS` points, evenly spaced along a curve in the unit square."""
    way = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    return np.unique(np.searchsorted(way, np.linspace(0, way[-1], POINTS)).clip(0, len(x) - 1))
