"""Numbers and sentences of the report, computed here and laid out by page.html."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sentiment.evaluation import metrics
from sentiment.evaluation.bootstrap import Interval
from sentiment.evaluation.calibration import errors as calibration_errors
from sentiment.inference.multilabel import Multi
from sentiment.inference.pairs import displayed
from sentiment.inference.types import joined

if TYPE_CHECKING:
    from sentiment.evaluation.behaviour import Outcome
    from sentiment.evaluation.comparison import Comparison
    from sentiment.evaluation.scoring import Evaluation

ERRORS = 12
SHOWN = 400  # characters shown of a text
FEW = 200  # texts


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    score: str
    interval: str
    baseline: str = ""
    baseline_interval: str = ""


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


def verdict(split: str, result: "Evaluation", baseline: "Comparison | None") -> list[str]:
    """Summarize the result in a few sentences for the reader."""
    rows = len(result.split)
    if result.decoding.kind == "scale":
        lines = scale_verdict(split, result, baseline)
    elif result.decoding.kind == "multi":
        lines = several_verdict(split, result, baseline)
    else:
        lines = accuracy_verdict(split, result, baseline)
    if rows < FEW:
        lines.append(
            f"{rows} texts are few: the intervals are wide, and with fewer than about 100 they are narrower than they "
            "should be."
        )
    return lines


def scale_verdict(split: str, result: "Evaluation", baseline: "Comparison | None") -> list[str]:
    """Summarize how far the answers are from the right labels on the scale."""
    low, high = result.intervals["macro_mae"]
    lines = [
        f"On {len(result.split):,} {split} texts the answers are {result.scores['macro_mae']:.2f} from the right label "
        f"on the scale, each label counting alike (macro MAE, 95 % interval {low:.2f} to {high:.2f}); "
        f"{percent(result.scores['accuracy'])} are the very label."
    ]
    if baseline:
        low, high = baseline.lead_interval
        found = f"The baseline, which only counts words, is {baseline.scores['macro_mae']:.2f} off"
        lead = f"{abs(baseline.lead):.2f} ({low:+.2f} to {high:+.2f})"
        lines.append(f"{found}: {standing(baseline, lead, better='nearer', worse='farther off')}.")
    return lines


def several_verdict(split: str, result: "Evaluation", baseline: "Comparison | None") -> list[str]:
    """Summarize how well several labels are given."""
    low, high = result.intervals["f1"]
    lines = [
        f"On {len(result.split):,} {split} texts the macro F1 of {len(result.labels)} labels is "
        f"{result.scores['f1']:.3f} (95 % interval {low:.3f} to {high:.3f}), the micro F1 "
        f"{result.scores['micro_f1']:.3f}; {percent(result.scores['subset_accuracy'])} of the texts get exactly their "
        "labels."
    ]
    if baseline:
        low, high = baseline.lead_interval
        found = f"The baseline, which only counts words, has a macro F1 of {baseline.scores['f1']:.3f}"
        lead = f"{abs(baseline.lead):.3f} ({low:+.3f} to {high:+.3f})"
        lines.append(f"{found}: {standing(baseline, lead, better='ahead', worse='behind')}.")
    return lines


def accuracy_verdict(split: str, result: "Evaluation", baseline: "Comparison | None") -> list[str]:
    """Summarize how many answers are right."""
    accuracy, rows = result.scores["accuracy"], len(result.split)
    lines = [
        f"On {rows:,} {split} texts the model gives the right label to {percent(accuracy)} "
        f"(95 % interval {percent_span(result.intervals['accuracy'])})."
    ]
    if baseline:
        low, high = baseline.lead_interval
        lead = f"{abs(100 * baseline.lead):.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
        found = f"The baseline, which only counts words, gets {percent(baseline.scores['accuracy'])}"
        lines.append(f"{found}: {standing(baseline, lead, better='ahead', worse='behind')}.")
    return lines


def standing(baseline: "Comparison", lead: str, *, better: str, worse: str) -> str:
    """Say on which side of the baseline the model stands, where the interval of its lead tells."""
    low, high = baseline.lead_interval
    if low > 0:
        return f"the model is {better} by {lead}"
    if high < 0:
        return f"the model is {worse} by {lead}"
    return f"a difference of {lead}, too small to tell apart on this many texts"


def tiles(result: "Evaluation") -> list[Tile]:
    shown = [
        metric for metric in metrics.of_task(result.decoding.kind) if metric.headline and metric.name in result.scores
    ]
    ece = calibration_errors(result.probabilities, result.targets)["ece"]
    return [
        *(Tile(one.title, f"{result.scores[one.name]:.3f}", span(result.intervals.get(one.name))) for one in shown),
        Tile("calibration error", f"{ece:.3f}", "0 is perfect"),
    ]


def scores(result: "Evaluation", baseline: "Comparison | None") -> list[Row]:
    rows = []
    for name in metrics.ordered(list(result.scores)):
        if result.decoding.kind == "multi" and "/" in name:
            continue  # they have a table of labels
        row = (metrics.title(name), f"{result.scores[name]:.4f}", span(result.intervals.get(name)))
        known = baseline is not None and name in baseline.scores
        beside = (f"{baseline.scores[name]:.4f}", span(baseline.intervals.get(name))) if baseline and known else ()
        rows.append(Row(*row, *beside))
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
        ece=f"{calibration_errors(result.probabilities[:, [i]], result.targets[:, [i]])['ece']:.3f}",
    )


def confusion(result: "Evaluation") -> list[tuple[str, list[Cell]]]:
    """Build the confusion matrix: a row for each true label, a cell for each predicted one; none of several labels."""
    table: list[tuple[str, list[Cell]]] = []
    if isinstance(result.decoding, Multi):
        return table
    for i, (label, counts) in enumerate(zip(result.labels, result.confusion, strict=True)):
        whole = max(1, sum(counts))
        table.append((label, [Cell(count, count / whole, i == j) for j, count in enumerate(counts)]))
    return table


def calibration(result: "Evaluation") -> list[tuple[str, str, str]]:
    """List the calibration errors: name, value without and value with the temperature."""
    before = calibration_errors(result.uncalibrated.probabilities, result.targets)
    after = calibration_errors(result.probabilities, result.targets)
    names = {"ece": "expected calibration error", "brier": "Brier score", "nll": "negative log likelihood"}
    return [(shown, f"{before[name]:.4f}", f"{after[name]:.4f}") for name, shown in names.items()]


def errors(result: "Evaluation") -> list[Error]:
    """List the misclassified texts with the highest confidence."""
    if isinstance(result.decoding, Multi):
        return errors_of_several(result)
    confidence, predicted = result.probabilities.max(dim=-1)
    wrong = (predicted != result.targets).nonzero().flatten().tolist()
    inputs = result.split.inputs
    surest = sorted(wrong, key=lambda i: -confidence[i].item())[:ERRORS]
    return [
        Error(
            shortened(displayed(inputs[i])),
            joined(result.split.labels[i]),
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
            right, given = (joined(one) or "no label" for one in (result.split.labels[i], answered[i]))
            found.append(Error(shortened(displayed(inputs[i])), right, given, probability))
    return found


def shortened(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN].rstrip() + " …"


def span(interval: Interval | None) -> str:
    return "" if interval is None else "{:.3f} – {:.3f}".format(*interval)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def percent_span(interval: Interval) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f}"
