"""Tables of the report, computed here and laid out by page.html."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment.evaluation import metrics
from sentiment.evaluation.calibration import errors as calibration_errors
from sentiment.evaluation.calibration import reliability
from sentiment.evaluation.report.formats import SHOWN, percent, percent_span, shorten, span
from sentiment.inference.multilabel import Multi
from sentiment.inference.pairs import display
from sentiment.inference.types import join_labels

if TYPE_CHECKING:
    from sentiment.evaluation.behaviour import Outcome
    from sentiment.evaluation.comparison import Comparison
    from sentiment.evaluation.scoring import Evaluation

ERRORS = 12  # misclassified texts shown
MANY = 20  # labels above which what each of them has is folded away, or left out
PAIRS = 25  # of confused labels shown in place of a matrix


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    score: str
    interval: str
    baseline: str = ""
    baseline_interval: str = ""
    of_label: bool = False


@dataclass(frozen=True, slots=True)
class Tile:
    name: str
    value: str
    below: str


@dataclass(frozen=True, slots=True)
class LabelRow:
    name: str
    texts: int  # that have the label
    given: int  # that it was given to
    threshold: str
    precision: str
    recall: str
    f1: str
    average_precision: str
    interval: str  # of the F1
    ece: str


@dataclass(frozen=True, slots=True)
class Cell:
    count: int
    share: float  # fraction of its row
    right: bool


@dataclass(frozen=True, slots=True)
class Confused:
    label: str
    given: str
    count: int
    share: float  # fraction of the label's texts


@dataclass(frozen=True, slots=True)
class Error:
    text: str
    label: str
    predicted: str
    probability: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    name: str
    cases: int
    rate: str
    interval: str
    examples: list[str]


def behaviour(outcomes: "list[Outcome]") -> list[Behaviour]:
    """Return the failure rate of each capability, and some failed cases."""
    return [
        Behaviour(
            one.name,
            len(one.cases),
            percent(one.rate),
            percent_span(one.interval),
            [" / ".join(texts)[:SHOWN] for texts in one.to_json()["examples"]],
        )
        for one in outcomes
    ]


def tiles(result: "Evaluation") -> list[Tile]:
    shown = [
        metric for metric in metrics.of_task(result.decoding.kind) if metric.headline and metric.name in result.scores
    ]
    ece = reliability(result.probabilities, result.targets).ece
    return [
        *(Tile(one.title, f"{result.scores[one.name]:.3f}", span(result.intervals.get(one.name))) for one in shown),
        Tile("calibration error", f"{ece:.3f}", "0 is perfect"),
    ]


def scores(result: "Evaluation", baseline: "Comparison | None") -> list[Row]:
    rows = []
    for name in metrics.sort_scores(list(result.scores)):
        if result.decoding.kind == "multi" and "/" in name:
            continue  # they have a table of labels
        row = (metrics.title(name), f"{result.scores[name]:.4f}", span(result.intervals.get(name)))
        known = baseline is not None and name in baseline.scores
        beside = (
            (f"{baseline.scores[name]:.4f}", span(baseline.intervals.get(name))) if baseline and known else ("", "")
        )
        rows.append(Row(*row, *beside, "/" in name))
    return rows


def labels(result: "Evaluation") -> list[LabelRow]:
    """List the scores of each label of a model that gives several, with its threshold; else nothing."""
    if not isinstance(result.decoding, Multi):
        return []
    return [label_row(result, i, label, result.decoding.thresholds[i]) for i, label in enumerate(result.labels)]


def label_row(result: "Evaluation", i: int, label: str, threshold: float) -> LabelRow:
    def score(name: str) -> str:
        value = result.scores.get(f"{name}/{label}")
        return "" if value is None else f"{value:.3f}"

    return LabelRow(
        label,
        texts=int(result.targets[:, i].sum()),
        given=int(result.predicted[:, i].sum()),
        threshold=f"{threshold:.3f}",
        precision=score("precision"),
        recall=score("recall"),
        f1=score("label_f1"),
        interval=span(result.intervals.get(f"label_f1/{label}")),
        average_precision=score("label_ap"),
        ece=f"{reliability(result.probabilities[:, [i]], result.targets[:, [i]]).ece:.3f}",
    )


def confusion(result: "Evaluation") -> list[tuple[str, list[Cell]]]:
    """Build the confusion matrix: a row for each true label, a cell for each predicted one.

    There is none of several labels, nor of more than MANY, whose columns no page is wide enough for.
    """
    table: list[tuple[str, list[Cell]]] = []
    if isinstance(result.decoding, Multi) or len(result.labels) > MANY:
        return table
    for i, (label, counts) in enumerate(zip(result.labels, result.confusion, strict=True)):
        whole = max(1, sum(counts))
        table.append((label, [Cell(count, count / whole, i == j) for j, count in enumerate(counts)]))
    return table


def confused(result: "Evaluation") -> list[Confused]:
    """List the pairs of a true and a given label with most texts, of more labels than a matrix can show."""
    if isinstance(result.decoding, Multi) or len(result.labels) <= MANY:
        return []
    pairs = [
        Confused(label, given, count, count / sum(counts))
        for label, counts in zip(result.labels, result.confusion, strict=True)
        for given, count in zip(result.labels, counts, strict=True)
        if count and given != label
    ]
    return sorted(pairs, key=lambda pair: (-pair.count, -pair.share))[:PAIRS]


def calibration(result: "Evaluation") -> list[tuple[str, str, str]]:
    """List the calibration errors: name, value without and value with the temperature."""
    before = calibration_errors(result.uncalibrated.probabilities, result.targets)
    after = calibration_errors(result.probabilities, result.targets)
    names = {"ece": "expected calibration error", "brier": "Brier score", "nll": "negative log likelihood"}
    return [(shown, f"{before[name]:.4f}", f"{after[name]:.4f}") for name, shown in names.items()]


def errors(result: "Evaluation") -> list[Error]:
    """List the misclassified texts by the probability of the answered label, the highest first."""
    if isinstance(result.decoding, Multi):
        return errors_of_several(result)
    predicted, inputs = result.predicted, result.split.inputs
    confidence = result.probabilities.gather(1, predicted[:, None]).flatten()
    wrong = (predicted != result.targets).nonzero().flatten().tolist()
    surest = sorted(wrong, key=lambda i: -confidence[i].item())[:ERRORS]
    return [
        Error(
            shorten(display(inputs[i])),
            join_labels(result.split.labels[i]),
            result.labels[int(predicted[i])],
            f"{confidence[i].item():.3f}",
        )
        for i in surest
    ]


def errors_of_several(result: "Evaluation") -> list[Error]:
    """List the texts with a wrong label given or a right one left out, the one farthest from its threshold first."""
    sure = (result.probabilities - result.targets).abs()
    sure[result.predicted == result.targets.bool()] = 0.0
    farthest, which = sure.max(dim=-1)
    answered, inputs, found = result.answered, result.split.inputs, list[Error]()
    for i in farthest.argsort(descending=True, stable=True).tolist()[:ERRORS]:
        if farthest[i] > 0:
            label = result.labels[int(which[i])]
            probability = f"{result.probabilities[i, which[i]].item():.3f} of {label}"
            right, given = (join_labels(one) or "no label" for one in (result.split.labels[i], answered[i]))
            found.append(Error(shorten(display(inputs[i])), right, given, probability))
    return found
