"""Metrics that torchmetrics has not, or not in the form of the records in `metrics`."""

import warnings
from typing import Any

import torch
import torchmetrics
from torchmetrics.classification import MulticlassAUROC
from torchmetrics.functional.classification import binary_auroc
from torchmetrics.regression import SpearmanCorrCoef
from torchmetrics.utilities import dim_zero_cat
from torchmetrics.wrappers.abstract import WrapperMetric


class Auroc(MulticlassAUROC):
    """Macro AUROC over the labels that have rows; NaN if fewer than two have."""

    def __init__(self, classes: int) -> None:
        super().__init__(classes, average="none", validate_args=False)

    def compute(self) -> torch.Tensor:  # type: ignore[override]
        probabilities, targets = dim_zero_cat(self.preds), dim_zero_cat(self.target)
        present = sorted(set(targets.tolist()))
        if len(present) < 2:
            return torch.tensor(float("nan"))
        areas = [binary_auroc(probabilities[:, label], (targets == label).long()) for label in present]
        return torch.stack(areas).mean()


class NegativeLogLikelihood(torchmetrics.Metric):
    """Mean cross-entropy of probabilities (N, classes), without class weights."""

    total: torch.Tensor
    rows: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("rows", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, probabilities: torch.Tensor, targets: torch.Tensor) -> None:
        logarithms = probabilities.clamp_min(1e-12).log()
        self.total += torch.nn.functional.nll_loss(logarithms, targets, reduction="sum")
        self.rows += len(targets)

    def compute(self) -> torch.Tensor:
        return (self.total / self.rows).float()


class BinaryNegativeLogLikelihood(NegativeLogLikelihood):
    """Mean cross-entropy of the probabilities of several labels (N, labels), over rows and labels."""

    def update(self, probabilities: torch.Tensor, targets: torch.Tensor) -> None:
        rows = probabilities.clamp(1e-12, 1 - 1e-7), targets.to(probabilities)
        self.total += torch.nn.functional.binary_cross_entropy(*rows, reduction="none").mean(dim=-1).sum()
        self.rows += len(targets)


class MacroMeanAbsoluteError(torchmetrics.Metric):
    """Mean absolute error of numbers, averaged over the true numbers that occur (Baccianella et al. 2009)."""

    answered: list[torch.Tensor]
    true: list[torch.Tensor]

    def __init__(self) -> None:
        super().__init__()
        self.add_state("answered", [], dist_reduce_fx="cat")
        self.add_state("true", [], dist_reduce_fx="cat")

    def update(self, answered: torch.Tensor, true: torch.Tensor) -> None:
        self.answered.append(answered)
        self.true.append(true)

    def compute(self) -> torch.Tensor:
        errors, true = (dim_zero_cat(self.answered) - dim_zero_cat(self.true)).abs(), dim_zero_cat(self.true)
        return torch.stack([errors[true == value].mean() for value in torch.unique(true)]).mean()


def spearman(classes: int) -> torchmetrics.Metric:
    """Build torchmetrics' rank correlation, without its warning that it keeps a number for each row."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Metric `SpearmanCorrcoef` will save all targets")
        return SpearmanCorrCoef()


class Decoded(WrapperMetric):
    """Metric of what a task makes of the probabilities: answered labels, or numbers on its scale."""

    def __init__(self, metric: torchmetrics.Metric, decoding: Any, reads: str) -> None:
        super().__init__()
        self.metric, self.decoding, self.reads = metric, decoding, reads

    def update(self, probabilities: torch.Tensor, targets: torch.Tensor) -> None:
        self.metric.update(*metric_inputs(self.decoding, self.reads, probabilities, targets))

    def compute(self) -> Any:
        return self.metric.compute()

    def reset(self) -> None:
        super().reset()
        self.metric.reset()


def metric_inputs(
    decoding: Any, reads: str, probabilities: torch.Tensor, targets: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what a metric that `reads` so is updated with, on the device of the targets."""
    rows = probabilities.detach().cpu().numpy()
    if reads == "answers":
        return torch.from_numpy(decoding.decide(rows)).long().to(targets.device), targets
    numbers = decoding.numbers.astype("float32")
    answered = decoding.expected(rows).astype("float32") if reads == "expected" else numbers[decoding.decide(rows)]
    return torch.from_numpy(answered).to(targets.device), torch.from_numpy(numbers).to(targets.device)[targets]
