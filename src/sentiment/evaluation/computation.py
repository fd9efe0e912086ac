"""Computation of the metrics from probabilities and label indices."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import torch
import torchmetrics
from torchmetrics import MetricCollection
from torchmetrics.classification import MulticlassConfusionMatrix

from sentiment.evaluation.metric import Metric
from sentiment.evaluation.metrics import of_score, of_task, sort_scores
from sentiment.evaluation.torch_metrics import Decoded
from sentiment.inference.tasks import SINGLE, Decoding


def build(classes: int, decoding: Decoding = SINGLE) -> MetricCollection:
    """Build the metrics of a task, to be accumulated over a split and not averaged over batches."""
    records = of_task(decoding.kind)
    if decoding == SINGLE:
        return MetricCollection({metric.name: metric.build(classes) for metric in records})
    return MetricCollection({metric.name: built(metric, classes, decoding) for metric in records}, compute_groups=False)


def built(metric: Metric, classes: int, decoding: Decoding) -> torchmetrics.Metric:
    """Build a metric to be updated with probabilities and label indices."""
    build = metric.multilabel if decoding.kind == "multi" and metric.multilabel else metric.build
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*will save all targets")
        plain = build(classes)
    return plain if decoding == SINGLE or metric.reads == "probabilities" else Decoded(plain, decoding, metric.reads)


def flatten(values: dict[str, torch.Tensor], labels: Sequence[str]) -> dict[str, float]:
    """Convert computed metrics to plain numbers, per-class values under names such as `precision/negative`."""
    flat = {}
    for name, value in values.items():
        if value.ndim == 0:
            flat[name] = value.item()
        else:
            flat |= {f"{name}/{label}": number for label, number in zip(labels, value.tolist(), strict=True)}
    return {name: flat[name] for name in sort_scores(list(flat))}


def score(
    probabilities: torch.Tensor, targets: torch.Tensor, labels: Sequence[str], decoding: Decoding = SINGLE
) -> dict[str, float]:
    """Compute all metrics of one split, leaving out those that are undefined.

    They are NaN, such as AUROC if all rows have one label, or 0 of 0, such as the recall of a label that no row has.
    """
    metrics = build(len(labels), decoding)
    metrics.update(probabilities, targets)
    found = flatten(metrics.compute(), labels)
    if targets.ndim == 1:
        answered = decoding.decide(probabilities.numpy())
        for i, label in enumerate(labels):
            if not (targets == i).any():
                found.pop(f"recall/{label}", None)
                if not (answered == i).any():
                    found.pop(f"precision/{label}", None)
    return {name: value for name, value in found.items() if not math.isnan(value)}


def score_one(name: str, probabilities: Any, targets: Any, labels: Sequence[str], decoding: Decoding) -> float:
    """Compute one score, such as f1 or recall/joy, from arrays."""
    record = of_score(name)
    metric = built(record, len(labels), decoding)
    metric.update(torch.from_numpy(probabilities), torch.from_numpy(targets))
    return flatten({record.name: metric.compute()}, labels)[name]


def confusion(predicted: torch.Tensor, targets: torch.Tensor, classes: int) -> list[list[int]]:
    """Count the texts by true class (rows) and predicted class (columns)."""
    matrix: Any = MulticlassConfusionMatrix(classes)(predicted, targets)
    return [list(map(int, row)) for row in matrix.tolist()]
