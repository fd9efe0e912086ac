"""The scores of a classifier, accumulated over a split and never averaged over batches."""

from collections.abc import Sequence
from typing import Any

import torch
from torchmetrics import Metric, MetricCollection
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassAUROC,
    MulticlassConfusionMatrix,
    MulticlassF1Score,
    MulticlassPrecision,
    MulticlassRecall,
)
from torchmetrics.functional.classification import binary_auroc

IGNORED = -100  # the label of no row: no loss and no score counts it, cross-entropy by default


def build(classes: int, *, auroc: bool = True) -> MetricCollection:
    """Metrics that take probabilities (N, classes) and label numbers (N,)."""
    chosen: dict[str, Metric | MetricCollection] = {
        "accuracy": MulticlassAccuracy(classes, average="micro"),
        "f1": MulticlassF1Score(classes, average="macro"),
        "precision": MulticlassPrecision(classes, average=None),
        "recall": MulticlassRecall(classes, average=None),
    }
    if auroc:
        chosen["auroc"] = MulticlassAUROC(classes, average="macro")
    return MetricCollection(chosen)


def flatten(values: dict[str, torch.Tensor], labels: Sequence[str]) -> dict[str, float]:
    """Computed metrics as plain numbers; one with a value for each class becomes `precision/negative` and so on."""
    flat = {}
    for name, value in values.items():
        if value.ndim == 0:
            flat[name] = value.item()
        else:
            flat |= {f"{name}/{label}": number for label, number in zip(labels, value.tolist(), strict=True)}
    return flat


def score(probabilities: torch.Tensor, targets: torch.Tensor, labels: Sequence[str]) -> dict[str, float]:
    """All metrics of one split, and its cross-entropy as `loss`.

    Labels that no row carries are left out of the mean AUROC; without two labels there is none.
    """
    present = sorted(set(targets.tolist()))
    metrics = build(len(labels), auroc=len(present) == len(labels))
    metrics.update(probabilities, targets)
    loss = torch.nn.functional.nll_loss(probabilities.clamp_min(1e-12).log(), targets)
    scores = {"loss": loss.item(), **flatten(metrics.compute(), labels)}
    if 1 < len(present) < len(labels):
        areas = [binary_auroc(probabilities[:, i], (targets == i).long()) for i in present]
        scores["auroc"] = torch.stack(areas).mean().item()
    return scores


def confusion(predicted: torch.Tensor, targets: torch.Tensor, classes: int) -> list[list[int]]:
    """Counts, a row for each true class and a column for each predicted one."""
    matrix: Any = MulticlassConfusionMatrix(classes)(predicted, targets)
    return [list(map(int, row)) for row in matrix.tolist()]
