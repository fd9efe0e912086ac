"""Steps from the exported model to its scores, each switched by a key of `after_training`."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from sentiment.data.module import SentimentData
from sentiment.errors import ModelError
from sentiment.evaluation.calibration import fit_platt, fit_temperature
from sentiment.evaluation.comparison import Comparison, compare
from sentiment.evaluation.scoring import Evaluation, evaluate
from sentiment.export.huggingface import update_preprocessing
from sentiment.inference.multilabel import Multi
from sentiment.inference.predictor import Predictor
from sentiment.inference.tasks import Decoding
from sentiment.training.tasks import Task

log = logging.getLogger(__name__)


def convert_export(exported: Path, data: SentimentData, convert: Callable[..., str]) -> str:
    """Convert the exported model and return the runtime that serves it; PyTorch if the conversion fails."""
    train, validation = data.splits["train"], data.splits["validation"]
    try:
        return convert(exported, train=train.inputs, texts=validation.inputs)
    except ModelError as error:  # a runtime requested by name failed; the trained model is kept
        log.error("%s; the run goes on with PyTorch", error)
        return "torch"


def score_export(exported: Path, data: SentimentData, *, score_test: bool) -> dict[str, Evaluation]:
    """Score the exported model on validation and, if asked for and present, test, with the predictor used in serving.

    Raises:
        ModelError: a probability is NaN or infinite.
    """
    predictor = Predictor.load(exported)
    names = ["validation", *(["test"] if score_test and "test" in data.splits else [])]
    for name in names:
        log.info("scoring %d %s texts", len(data.splits[name]), name)
    results = {name: evaluate(predictor, data.splits[name], data.labels) for name in names}
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
        return {name: calibrated(result, decoding) for name, result in evaluations.items()}
    temperature = fit_temperature(validation.probabilities, validation.targets)
    update_preprocessing(exported, temperature=temperature)
    log.info("temperature %.3f, fitted on %d validation texts", temperature, len(validation.split))
    return {name: result.at(temperature) for name, result in evaluations.items()}


def calibrated(result: Evaluation, decoding: Decoding) -> Evaluation:
    """Return an evaluation with its probabilities calibrated as `decoding` does."""
    probabilities = torch.from_numpy(decoding.calibrated(result.probabilities.numpy(), 1.0))
    return replace(result, probabilities=probabilities, decoding=decoding)


def fit_decoding(
    exported: Path, evaluations: Mapping[str, Evaluation], task: Task, *, metric: str
) -> dict[str, Evaluation]:
    """Fit the decoding on validation, store it in the export, and return the evaluations decoded by it."""
    former = evaluations["validation"].decoding
    decoding = task.fit(former, evaluations["validation"], metric)
    if decoding != former:
        update_preprocessing(exported, task=decoding.to_json())
    return {name: replace(result, decoding=decoding) for name, result in evaluations.items()}


def compare_with_baseline(evaluations: Mapping[str, Evaluation], data: SentimentData) -> dict[str, Comparison]:
    log.info("training the baseline on %d texts", len(data.splits["train"]))
    return compare(evaluations, data.splits["train"], data.preprocessing.cleaning)
