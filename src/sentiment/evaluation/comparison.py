"""Comparison of a run with the baseline on the same texts."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sentiment.data.splits import Split
from sentiment.evaluation.baseline import NAME, Baseline
from sentiment.evaluation.bootstrap import Interval, mean_interval, paired_resamples, percentiles
from sentiment.evaluation.resampling import Answers
from sentiment.evaluation.scoring import Evaluation
from sentiment.files import damaged
from sentiment.inference.multilabel import Multi
from sentiment.inference.preprocessing import Cleaning
from sentiment.run_dir import read_result

BASELINE = "baseline.json"


@dataclass(frozen=True, slots=True)
class Comparison:
    """Baseline scores on a split, and the model's lead over the baseline in accuracy.

    The lead is in macro MAE on a scale, and in macro F1 with several labels.
    """

    sha256: str  # fingerprint of the split
    scores: dict[str, float]
    intervals: dict[str, Interval]
    lead: float
    lead_interval: Interval  # bootstrap interval of the paired difference, model minus baseline


def compare(results: Mapping[str, Evaluation], train: Split, cleaning: Cleaning) -> dict[str, Comparison]:
    """Train the baseline on `train` alone and score it on each evaluated split."""
    baseline = Baseline(train.inputs, train.labels, cleaning=cleaning)
    return {name: compare_one(result, baseline) for name, result in results.items()}


def compare_one(result: Evaluation, baseline: Baseline) -> Comparison:
    probabilities = baseline.probabilities(result.split.inputs, result.labels)
    several = isinstance(result.decoding, Multi)
    decoding = baseline.decoding(result.labels) if several else result.decoding
    own = Evaluation(result.labels, result.split, probabilities, decoding=decoding)
    if several:
        lead_in_f1 = result.scores["f1"] - own.scores["f1"], paired_interval("f1", result, own)
        return Comparison(result.split.fingerprint(), own.scores, own.intervals, *lead_in_f1)
    lead = result.row_scores - own.row_scores
    interval = mean_interval(lead.numpy())
    return Comparison(result.split.fingerprint(), own.scores, own.intervals, lead.mean().item(), interval)


def paired_interval(metric: str, one: Evaluation, other: Evaluation) -> Interval:
    """Compute the bootstrap interval of the difference of a metric on the same resamples of the texts."""
    sides = [Answers.of(own.probabilities.numpy(), own.targets.numpy(), own.decoding) for own in (one, other)]
    ours, theirs = paired_resamples(metric, sides)
    return percentiles(ours - theirs)


def baseline_json(comparisons: Mapping[str, Comparison]) -> dict[str, Any]:
    return {"name": NAME} | {name: asdict(found) for name, found in comparisons.items()}


def read_comparison(run: Path, split: Split) -> Comparison | None:
    """Return the comparison in a run's baseline.json for this split, matched by fingerprint; None if there is none."""
    path = run / BASELINE
    if not path.is_file():
        return None
    known = read_result(run, BASELINE)
    try:
        entries = [Comparison(**entry) for name, entry in known.items() if name != "name"]
    except TypeError as error:
        raise damaged(path, str(error).removeprefix("Comparison.__init__() ")) from error
    return next((entry for entry in entries if entry.sha256 == split.fingerprint()), None)
