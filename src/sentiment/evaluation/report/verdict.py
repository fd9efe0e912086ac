"""Sentences that summarize the result at the top of the report."""

from typing import TYPE_CHECKING

from sentiment.evaluation.report.formats import percent, percent_span

if TYPE_CHECKING:
    from sentiment.evaluation.comparison import Comparison
    from sentiment.evaluation.scoring import Evaluation

FEW = 200  # texts


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
    lines = [
        f"On {len(result.split):,} {split} texts the answers are {result.scores['macro_mae']:.2f} from the right label "
        f"on the scale, each label counting alike (macro MAE{interval(result, 'macro_mae', digits=2)}); "
        f"{percent(result.scores['accuracy'])} are the very label."
    ]
    if baseline:
        score = f"is {baseline.scores['macro_mae']:.2f} off"
        lines.append(baseline_sentence(baseline, score, digits=2, better="nearer", worse="farther off"))
    return lines


def several_verdict(split: str, result: "Evaluation", baseline: "Comparison | None") -> list[str]:
    """Summarize how well several labels are given."""
    lines = [
        f"On {len(result.split):,} {split} texts the macro F1 of {len(result.labels)} labels is "
        f"{result.scores['f1']:.3f}{interval(result, 'f1', digits=3)}, the micro F1 "
        f"{result.scores['micro_f1']:.3f}; {percent(result.scores['subset_accuracy'])} of the texts get exactly their "
        "labels."
    ]
    if baseline:
        lines.append(baseline_sentence(baseline, f"has a macro F1 of {baseline.scores['f1']:.3f}", digits=3))
    return lines


def interval(result: "Evaluation", score: str, *, digits: int) -> str:
    """Give the interval of a score; nothing where resampling the texts could not tell one."""
    if score not in result.intervals:
        return ""
    low, high = result.intervals[score]
    return f", 95 % interval {low:.{digits}f} to {high:.{digits}f}"


def accuracy_verdict(split: str, result: "Evaluation", baseline: "Comparison | None") -> list[str]:
    """Summarize how many answers are right."""
    lines = [
        f"On {len(result.split):,} {split} texts the model gives the right label to "
        f"{percent(result.scores['accuracy'])} (95 % interval {percent_span(result.intervals['accuracy'])})."
    ]
    if baseline:
        score = f"gets {percent(baseline.scores['accuracy'])}"
        lines.append(baseline_sentence(baseline, score, digits=1, points=True))
    return lines


def baseline_sentence(
    baseline: "Comparison",
    score: str,
    *,
    digits: int,
    points: bool = False,
    better: str = "ahead",
    worse: str = "behind",
) -> str:
    """Give the baseline's score, and the side of it on which the model stands where the interval of its lead tells."""
    times, unit = (100, " points") if points else (1, "")
    lead, low, high = (times * value for value in (baseline.lead, *baseline.lead_interval))
    if low > 0:
        side = f"the model is {better} by {lead:.{digits}f}{unit} ({low:.{digits}f} to {high:.{digits}f})"
    elif high < 0:
        side = f"the model is {worse} by {-lead:.{digits}f}{unit} ({-high:.{digits}f} to {-low:.{digits}f})"
    else:
        shown = f"{lead:+.{digits}f}{unit} ({low:+.{digits}f} to {high:+.{digits}f})"
        side = f"a lead of {shown}, too small to tell apart on this many texts"
    return f"The baseline, which only counts words, {score}: {side}."
