"""Score a classifier on labelled texts: metrics, and a row of predictions for each text."""

import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from hydra.utils import instantiate
from omegaconf import OmegaConf

from sentiment import metrics
from sentiment.console import console, scores_table
from sentiment.data import SentimentData
from sentiment.data.splits import Split
from sentiment.errors import ConfigError, DataError
from sentiment.files import replacing, write_json
from sentiment.predictor import Predictor
from sentiment.schema import Classifier, Prediction

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Evaluation:
    labels: list[str]
    split: Split
    predictions: list[Prediction]
    scores: dict[str, float]

    @property
    def confusion(self) -> list[list[int]]:
        """Counts, a row for each true class and a column for each predicted one."""
        predicted = numbers([prediction.label for prediction in self.predictions], self.labels)
        return metrics.confusion(predicted, numbers(self.split.labels, self.labels), len(self.labels))


def evaluate(classifier: Classifier, split: Split, labels: Sequence[str]) -> Evaluation:
    """Metrics of `classifier` on `split`; DataError where the split has a label the model does not know."""
    unknown = sorted(set(split.labels) - set(labels))
    if unknown:
        raise DataError(f"the data has the label {unknown[0]!r}, the model knows {', '.join(labels)}; check the labels")
    predictions = classifier.predict(split.texts)
    probabilities = torch.tensor([[p.probabilities[label] for label in labels] for p in predictions])
    scores = metrics.score(probabilities, numbers(split.labels, labels), labels)
    return Evaluation(list(labels), split, predictions, scores)


def numbers(names: Sequence[str], labels: Sequence[str]) -> torch.Tensor:
    """Label names as their places in `labels`, (N,) int64."""
    index = {label: i for i, label in enumerate(labels)}
    return torch.tensor([index[name] for name in names])


def write_predictions(evaluation: Evaluation, target: Path) -> None:
    """CSV with text, label, prediction, and a probability for each label."""
    with replacing(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "label", "prediction", *(f"p_{label}" for label in evaluation.labels)])
        rows = zip(evaluation.split.texts, evaluation.split.labels, evaluation.predictions, strict=True)
        for text, label, prediction in rows:
            values = (f"{p:.6f}" for p in prediction.probabilities.values())
            writer.writerow([text, label, prediction.label, *values])


def evaluate_run(*, run: Path, split: str, output: Path | None = None, data: SentimentData | None = None) -> Evaluation:
    """Score a run's exported model on a split of its own data, or of `data`, with the run's own preprocessing."""
    folder = Path(run)
    predictor = Predictor.load(folder)
    source = data or run_data(folder)
    splits = source.read(labels=predictor.labels)
    if split not in splits:
        raise ConfigError(f"split={split}: the data has {', '.join(splits)}")
    log.info("scoring %d %s texts", len(splits[split]), split)
    result = evaluate(predictor, splits[split], predictor.labels)
    target = Path(output) if output else folder / "evaluation" / split
    write_predictions(result, target / "predictions.csv")
    write_json(target / "metrics.json", {split: result.scores})
    console.print(scores_table({split: result.scores}))
    log.info("written to %s", target)
    return result


def run_data(run: Path) -> SentimentData:
    """The data module of a run, from its own saved config."""
    saved = run / ".hydra" / "config.yaml"
    if not saved.is_file():
        raise ConfigError(f"{run} has no .hydra/config.yaml; name a run directory, outputs/<run>, or give data=...")
    module: SentimentData = instantiate(OmegaConf.load(saved).data)
    return module
