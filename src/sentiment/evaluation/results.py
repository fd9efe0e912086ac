"""Result files of an evaluation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from sentiment.data.csv_output import write_csv
from sentiment.evaluation.behaviour import Outcome
from sentiment.evaluation.bootstrap import RESAMPLES, SEED
from sentiment.evaluation.calibration import BINS, errors
from sentiment.evaluation.comparison import BASELINE, Comparison, baseline_json
from sentiment.evaluation.proportions import LEVEL
from sentiment.evaluation.scoring import Evaluation
from sentiment.files import write_json
from sentiment.inference.types import join_labels
from sentiment.run_dir import BEHAVIOUR


@dataclass(frozen=True, slots=True)
class Results:
    """Evaluations of one model by split, the most important split last, with the baseline if it was asked for."""

    evaluations: dict[str, Evaluation]
    baseline: dict[str, Comparison] = field(default_factory=dict)
    behaviour: list[Outcome] = field(default_factory=list)

    @property
    def scores(self) -> dict[str, dict[str, float]]:
        return {name: result.scores for name, result in self.evaluations.items()}

    @property
    def last(self) -> tuple[str, Evaluation]:
        return list(self.evaluations.items())[-1]

    def write(self, folder: Path) -> None:
        """Write the result files, and metrics.json last: its presence marks the others as complete.

        The others are predictions.csv of the last split, intervals.json, calibration.json and, with a baseline,
        baseline.json; behaviour.json where there are behaviour tests.
        """
        write_predictions(self.last[1], folder / "predictions.csv")
        write_json(folder / "intervals.json", intervals_json(self.evaluations))
        write_json(folder / "calibration.json", calibration_json(self.evaluations))
        if self.baseline:
            write_json(folder / BASELINE, baseline_json(self.baseline))
        if self.behaviour:
            write_json(folder / BEHAVIOUR, {outcome.name: outcome.to_json() for outcome in self.behaviour})
        write_json(folder / "metrics.json", self.scores)


def intervals_json(results: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Build intervals.json: [low, high] for each score of metrics.json, and the bootstrap settings."""
    method = {"method": "percentile bootstrap", "level": LEVEL, "resamples": RESAMPLES, "seed": SEED}
    return {name: result.intervals for name, result in results.items()} | {"how": method}


def calibration_json(results: Mapping[str, Evaluation]) -> dict[str, Any]:
    """Build calibration.json: the temperature, and the calibration errors without and with it."""
    return {"temperature": next(iter(results.values())).temperature, "bins": BINS} | {
        name: {
            "before": errors(result.uncalibrated.probabilities, result.targets),
            "after": errors(result.probabilities, result.targets),
        }
        for name, result in results.items()
    }


def write_predictions(evaluation: Evaluation, target: Path) -> None:
    """Write a CSV with text, aspect if there is one, label, prediction, and a probability for each label.

    Several labels are joined, "joy|surprise".
    """
    split = evaluation.split
    aspects = {} if split.aspects is None else {"aspect": split.aspects}
    labels, predicted = map(join_labels, split.labels), map(join_labels, evaluation.answered)
    columns = {"text": split.texts, **aspects, "label": labels, "prediction": predicted}
    rows = zip(*columns.values(), evaluation.probabilities, strict=True)
    header = [*columns, *(f"p_{label}" for label in evaluation.labels)]
    write_csv(target, chain([header], ([*row, *(f"{p:.6f}" for p in own.tolist())] for *row, own in rows)))
