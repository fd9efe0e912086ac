"""Training losses. `SentimentClassifier` averages them over the rows of all ranks."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import torch
from annotated_types import Ge, Lt
from torch.nn.functional import cross_entropy, nll_loss

from sentiment.data.labels import ClassWeights, read_class_weights
from sentiment.errors import ConfigError
from sentiment.inference.tasks import corn_log_probabilities


class Loss:
    """Base class of losses that need more than logits and targets; a plain function does without."""

    link = "softmax"  # how a decoding turns the logits that this loss trains into probabilities

    def prepare(self, labels: Sequence[str], counts: Mapping[str, int]) -> None:
        """Set up the loss before training, given the labels in the order of the logits and their train rows."""

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return the loss of each row (B,), or their sum, from logits (B, labels) and label indices (B,)."""
        raise NotImplementedError

    def row_weights(self, targets: torch.Tensor) -> torch.Tensor:
        """Return the weight of each row in the mean over the global batch, (B,)."""
        return torch.ones(len(targets), device=targets.device)


class FunctionLoss(Loss):
    """Loss made of a function of logits (B, labels) and label indices (B,) that returns the loss of each row (B,)."""

    def __init__(self, function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> None:
        self.function = function

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        losses = self.function(logits, targets)
        if not isinstance(losses, torch.Tensor) or losses.shape != targets.shape:
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

    def __init__(self, *, weights: Any = None) -> None:
        super().__init__(weights)

    def __call__(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        places = torch.arange(logits.shape[-1], device=logits.device)
        cumulative = logits.softmax(dim=-1).cumsum(dim=-1)
        distances = (cumulative - (targets[:, None] <= places).to(cumulative)).square().sum(dim=-1)
        return distances * self.row_weights(targets)


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
