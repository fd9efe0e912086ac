"""Training losses. `SentimentClassifier` averages them over the rows of all ranks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import torch
from annotated_types import Ge, Lt
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, kl_div, nll_loss

from sentiment.data.labels import ClassWeights, read_class_weights
from sentiment.errors import ConfigError
from sentiment.inference.arithmetic import corn_log_probabilities
from sentiment.inference.types import Label, names_of


class Loss:
    """Base class of losses that need more than logits and targets; a plain function does without."""

    link = "softmax"  # how a decoding turns the logits that this loss trains into probabilities; "": as its task does

    def prepare(self, labels: Sequence[str], counts: Mapping[Any, int]) -> None:
        """Set up the loss before training.

        Args:
            labels: The labels in the order of the logits.
            counts: Their train rows; where a text may have several labels, those of each combination of labels.
        """

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of each row (B,), or their sum, from logits (B, labels) and label indices (B,).

        Where a text may have several labels, the targets are 0 or 1 for each label, (B, labels).
        """
        raise NotImplementedError

    def row_weights(self, targets: torch.Tensor) -> torch.Tensor:
        """Return the weight of each row in the mean over the global batch, (B,)."""
        return torch.ones(len(targets), device=targets.device)


class FunctionLoss(Loss):
    """Loss made of a function of logits (B, labels) and label indices (B,) that returns the loss of each row (B,)."""

    link = ""

    def __init__(self, function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        self.function = function

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        losses = self.function(logits, targets)
        if not isinstance(losses, torch.Tensor) or losses.shape != targets.shape[:1]:
            got = tuple(losses.shape) if isinstance(losses, torch.Tensor) else type(losses).__name__
            raise ConfigError(f"model.loss: expected one loss for each of {len(targets)} rows, got {got}")
        return losses


class WeightedLoss(Loss):
    """Base class of losses with a weight for each label.

    Args:
        weights: A number above 0 for each label, or "balanced": inverse to its count. None is 1 for each.
    """

    def __init__(self, weights: Any = None) -> None:
        self.given: ClassWeights | None = read_class_weights(weights)
        self.weights: torch.Tensor | None = None  # (labels,), set by `prepare`

    def prepare(self, labels: Sequence[str], counts: Mapping[str, int]) -> None:
        if self.given is not None:
            self.weights = torch.tensor(label_weights(read_class_weights(self.given, labels), labels, counts))

    def row_weights(self, targets: torch.Tensor) -> torch.Tensor:
        if self.weights is None:
            return super().row_weights(targets)
        return self.weights.to(targets.device)[targets]


class CrossEntropy(WeightedLoss):
    """Cross-entropy of the softmax.

    Args:
        weights: As for `WeightedLoss`.
        label_smoothing: Probability spread over all labels (Szegedy et al. 2016).
    """

    def __init__(self, *, weights: Any = None, label_smoothing: Annotated[float, Ge(0), Lt(1)] = 0.0) -> None:
        super().__init__(weights)
        self.label_smoothing = label_smoothing

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        weights = None if self.weights is None else self.weights.to(logits)
        return cross_entropy(logits, targets, weights, reduction="sum", label_smoothing=self.label_smoothing)


class Focal(WeightedLoss):
    """Cross-entropy times (1 - p)^gamma, which turns to the rows that are still wrong (Lin et al. 2017).

    Args:
        gamma: 0 is cross-entropy.
        weights: As for `WeightedLoss`.
    """

    def __init__(self, *, gamma: Annotated[float, Ge(0)] = 2.0, weights: Any = None) -> None:
        super().__init__(weights)
        self.gamma = gamma

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        losses = cross_entropy(logits, targets, reduction="none")
        focused = (-torch.expm1(-losses)).clamp_min(torch.finfo(losses.dtype).tiny) ** self.gamma * losses
        return focused * self.row_weights(targets)


class Corn(WeightedLoss):
    """Negative log-likelihood of CORN's chain of ordered labels: is it above the first, if so above the second, ...

    Shi, Cao and Raschka 2023, "Deep neural networks for rank-consistent ordinal regression based on conditional
    probabilities".

    Args:
        weights: As for `WeightedLoss`.
    """

    link = "corn"

    def __init__(self, *, weights: Any = None) -> None:
        super().__init__(weights)

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return nll_loss(corn_log_probabilities(logits), targets, reduction="none") * self.row_weights(targets)


class Squared(WeightedLoss):
    """Squared distance of the cumulative distribution over ordered labels from the right label's.

    It is the ranked probability score (Epstein 1969), and the squared earth mover's distance (Hou et al. 2016).

    Args:
        weights: As for `WeightedLoss`.
    """

    link = "ordered softmax"

    def __init__(self, *, weights: Any = None) -> None:
        super().__init__(weights)

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        places = torch.arange(logits.shape[-1], device=logits.device)
        cumulative = logits.softmax(dim=-1).cumsum(dim=-1)
        distances = (cumulative - (targets[:, None] <= places).to(cumulative)).square().sum(dim=-1)
        return distances * self.row_weights(targets)


class BinaryCrossEntropy(Loss):
    """Cross-entropy of the sigmoid of each label, averaged over the labels, for texts with several labels.

    Args:
        pos_weight: Weight of the rows that have a label against those that do not, by label; or "balanced": the rows
            without it divided by the rows with it. None is 1 for each.
    """

    link = "sigmoid"

    def __init__(self, *, pos_weight: Any = None) -> None:
        self.given: ClassWeights | None = read_class_weights(pos_weight, key="model.loss.pos_weight")
        self.pos_weight: torch.Tensor | None = None  # (labels,), set by `prepare`

    def prepare(self, labels: Sequence[str], counts: Mapping[Label, int]) -> None:
        if self.given is None:
            return
        weights = read_class_weights(self.given, labels, key="model.loss.pos_weight")
        if isinstance(weights, str):
            rows = sum(counts.values())
            own = {label: sum(count for names, count in counts.items() if label in names_of(names)) for label in labels}
            weights = {label: max(rows - own[label], 1) / max(own[label], 1) for label in labels}
        self.pos_weight = torch.tensor([float((weights or {})[label]) for label in labels])

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return self.cells(logits, targets.to(logits)).mean(dim=-1)

    def cells(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of each row and label, (B, labels)."""
        weight = None if self.pos_weight is None else self.pos_weight.to(logits)
        return binary_cross_entropy_with_logits(logits, targets, pos_weight=weight, reduction="none")


class BinaryFocal(BinaryCrossEntropy):
    """Cross-entropy of each label times (1 - p)^gamma, which turns to what is still wrong (Lin et al. 2017).

    Args:
        gamma: 0 is cross-entropy.
        pos_weight: As for `BinaryCrossEntropy`.
    """

    def __init__(self, *, gamma: Annotated[float, Ge(0)] = 2.0, pos_weight: Any = None) -> None:
        super().__init__(pos_weight=pos_weight)
        self.gamma = gamma

    def cells(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        plain = binary_cross_entropy_with_logits(logits, targets, reduction="none")
        missed = (-torch.expm1(-plain)).clamp_min(torch.finfo(plain.dtype).tiny)
        return missed**self.gamma * super().cells(logits, targets)


def distillation_loss(log_scores: torch.Tensor, answers: torch.Tensor, temperature: float) -> torch.Tensor:
    """Compute the divergence of a student from its teacher's answers, (B,), by Hinton et al. 2015.

    Args:
        log_scores: The student's log-probabilities up to a constant per row, (B, labels).
        answers: The teacher's probabilities at the same temperature, (B, labels); rows of zeros count nothing.
        temperature: What the student's are softened by; its square keeps the size of the gradients.
    """
    student = (log_scores / temperature).log_softmax(dim=-1)
    return temperature**2 * kl_div(student, answers, reduction="none").sum(dim=-1)


def symmetric_divergence(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the mean of the two Kullback-Leibler divergences between log-scores (B, labels), (B,)."""
    a, b = first.log_softmax(dim=-1), second.log_softmax(dim=-1)
    return ((a.exp() - b.exp()) * (a - b)).sum(dim=-1) / 2


def as_loss(loss: Any) -> Loss:
    """Return a loss as configured, a function wrapped. Raises ConfigError for what is neither."""
    if isinstance(loss, Loss):
        return loss
    if not callable(loss):
        raise ConfigError(f"model.loss: {type(loss).__name__} is no loss; name a function with _partial_: true")
    return FunctionLoss(loss)


def label_weights(weights: ClassWeights | None, labels: Sequence[str], counts: Mapping[str, int]) -> list[float]:
    """Return the weight of each label; balanced ones sum to the number of rows over all rows."""
    if isinstance(weights, str):
        return [sum(counts.values()) / (len(labels) * max(counts[label], 1)) for label in labels]
    return [float((weights or {}).get(label, 1.0)) for label in labels]
