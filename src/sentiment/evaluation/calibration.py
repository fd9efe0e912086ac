"""Temperature scaling and calibration errors (Guo et al. 2017, "On Calibration of Modern Neural Networks").

Probabilities are (N, labels), targets are label indices (N,).
"""

from dataclasses import dataclass

import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import one_hot

BINS = 15  # bins of equal width, as in the paper
COLDEST, HOTTEST = 0.2, 5.0  # bounds of the search
SPREAD = 0.5  # standard deviation of the prior on log T


@dataclass(frozen=True, slots=True)
class Reliability:
    """Reliability diagram: texts binned by the probability of their predicted label, without empty bins."""

    counts: list[int]
    confidence: list[float]  # mean probability of the predicted label
    accuracy: list[float]

    @property
    def ece(self) -> float:
        """Expected calibration error: mean absolute gap between confidence and accuracy, weighted by texts."""
        gaps = (n * abs(c - a) for n, c, a in zip(self.counts, self.confidence, self.accuracy, strict=True))
        return sum(gaps) / sum(self.counts)


def fit_temperature(probabilities: torch.Tensor, targets: torch.Tensor) -> float:
    """Fit the temperature with the highest likelihood of the targets, between 0.2 and 5.

    A Gaussian prior on its logarithm, centred at T = 1, weighs as much as a few texts: it keeps a split of a dozen
    texts, all of them right, from pushing the probabilities to certainty, and has no effect on hundreds.
    """
    scores = probabilities.double().clamp_min(1e-12).log()

    def cost(log_temperature: float) -> float:
        loss = torch.nn.functional.cross_entropy(scores / torch.tensor(log_temperature).exp(), targets, reduction="sum")
        return loss.item() + (log_temperature / SPREAD) ** 2 / 2

    bounds = [torch.tensor(t).log().item() for t in (COLDEST, HOTTEST)]
    found = minimize_scalar(cost, bounds=bounds, method="bounded", options={"xatol": 1e-4})
    return round(float(torch.tensor(found.x).exp()), 4)


def reliability(probabilities: torch.Tensor, targets: torch.Tensor) -> Reliability:
    confidence, predicted = probabilities.double().max(dim=-1)
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1  # (0, 1/15] is the first
    counts = bins.bincount(minlength=BINS)
    used = counts > 0
    sums = (bins.bincount(weights=values, minlength=BINS) for values in (confidence, (predicted == targets).double()))
    means = [(total[used] / counts[used]).tolist() for total in sums]
    return Reliability(counts[used].tolist(), *means)


def errors(probabilities: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """Compute the expected calibration error, the Brier score and the negative log-likelihood.

    The Brier score is summed over labels; both it and the likelihood are means over texts.
    """
    hits = one_hot(targets, probabilities.shape[1])
    return {
        "ece": reliability(probabilities, targets).ece,
        "brier": (probabilities - hits).square().sum(dim=-1).mean().item(),
        "nll": torch.nn.functional.nll_loss(probabilities.clamp_min(1e-12).log(), targets).item(),
    }
