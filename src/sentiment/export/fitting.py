"""Scores of an exported model, and what is fitted on them: calibration, decoding, promises, shares of labels."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch

from sentiment.data.splits import Split
from sentiment.errors import ModelError
from sentiment.evaluation.abstention import write_abstention
from sentiment.evaluation.calibration import fit_platt, fit_temperature
from sentiment.evaluation.quantification.write import write_quantification
from sentiment.evaluation.scoring import Evaluation, evaluate
from sentiment.export.exits import add_exits
from sentiment.export.huggingface import update_preprocessing
from sentiment.inference.multilabel import Multi
from sentiment.inference.predictor import Predictor
from sentiment.inference.tasks import Decoding

log = logging.getLogger(__name__)


class Fits(Protocol):
    """Fit of a decoding, as `sentiment.training.tasks.Task` does it."""

    def fit(self, decoding: Any, validation: Evaluation, metric: str) -> Any: ...


def fit_export(
    exported: Path,
    splits: Mapping[str, Split],
    task: Fits,
    *,
    calibration: bool,
    metric: str,
    score_test: bool,
    quantification: bool = True,
    exits: Sequence[int] = (),
) -> dict[str, Evaluation]:
    """Score a converted export and store in it what is fitted on its validation answers.

    Args:
        exported: The export folder, not calibrated.
        splits: Those of the run: train, validation and perhaps test.
        task: What fits the decoding.
        calibration: Fit the calibration.
        metric: Of validation, by which the decoding is chosen.
        score_test: Score the test split too.
        quantification: Fit the estimators of label shares.
        exits: Layers after which sure texts may be answered.

    Returns:
        The evaluations of validation and, if asked for and present, test.

    Raises:
        ModelError: A probability is NaN or infinite.
    """
    evaluations = score_export(exported, splits, score_test=score_test)
    if calibration:
        evaluations = calibrate(exported, evaluations)
    evaluations = fit_decoding(exported, evaluations, task, metric=metric)
    if exits and add_exits(exported, exits, train=splits["train"].inputs, validation=splits["validation"]):
        evaluations = score_export(exported, splits, score_test=score_test)
    validation = evaluations["validation"]
    write_abstention(exported, validation)
    if quantification:  # last, since it records the hash of the export
        write_quantification(exported, validation, splits["train"].labels)
    return evaluations


def score_export(exported: Path, splits: Mapping[str, Split], *, score_test: bool) -> dict[str, Evaluation]:
    """Score the export, as served, on validation and test if asked for. Raises ModelError for answers not finite."""
    predictor = Predictor.load(exported)
    names = ["validation", *(["test"] if score_test and "test" in splits else [])]
    for name in names:
        log.info("scoring %d %s texts", len(splits[name]), name)
    own = predictor.preprocessing.temperature
    results = {name: evaluate(predictor, splits[name], predictor.labels, temperature=own) for name in names}
    for name, result in results.items():
        if not result.probabilities.isfinite().all():
            raise ModelError(f"the {name} scores are not numbers; the training diverged, lower model.lr")
    return results


def calibrate(exported: Path, evaluations: Mapping[str, Evaluation]) -> dict[str, Evaluation]:
    """Fit the temperature on validation, store it in the export, and return the evaluations rescaled by it.

    Several labels are calibrated one by one.
    """
    validation = evaluations["validation"]
    if isinstance(validation.decoding, Multi):
        slopes, biases = fit_platt(validation.probabilities, validation.targets)
        decoding = replace(validation.decoding, slopes=tuple(slopes), biases=tuple(biases))
        update_preprocessing(exported, task=decoding.to_json())
        log.info("%d labels calibrated on %d validation texts", len(slopes), len(validation.split))
        return {name: apply_calibration(result, decoding) for name, result in evaluations.items()}
    temperature = fit_temperature(validation.probabilities, validation.targets)
    update_preprocessing(exported, temperature=temperature)
    log.info("temperature %.3f, fitted on %d validation texts", temperature, len(validation.split))
    return {name: result.at(temperature) for name, result in evaluations.items()}


def apply_calibration(result: Evaluation, decoding: Decoding) -> Evaluation:
    """Return an evaluation with its probabilities calibrated as `decoding` does."""
    probabilities = torch.from_numpy(decoding.calibrated(result.probabilities.numpy(), 1.0))
    return replace(result, probabilities=probabilities, decoding=decoding)


def fit_decoding(
    exported: Path, evaluations: Mapping[str, Evaluation], task: Fits, *, metric: str
) -> dict[str, Evaluation]:
    """Fit the decoding on validation, store it in the export, and return the evaluations decoded by it."""
    former = evaluations["validation"].decoding
    decoding = task.fit(former, evaluations["validation"], metric)
    if decoding != former:
        update_preprocessing(exported, task=decoding.to_json())
    return {name: replace(result, decoding=decoding) for name, result in evaluations.items()}
