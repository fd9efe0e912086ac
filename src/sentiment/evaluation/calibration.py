"""Temperature scaling and calibration errors (Guo et al. 2017, "On Calibration of Modern Neural Networks").

Probabilities are (N, labels), targets are label indices (N,); of several labels 0 or 1 for each, (N, labels), which
are calibrated one by one (Platt 1999).
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from scipy.optimize import minimize, minimize_scalar
from torch.nn.functional import binary_cross_entropy_with_logits, one_hot

from sentiment.inference.arithmetic import with_temperature

BINS = 15  # bins of equal width, as in the paper
COLDEST, HOTTEST = 0.2, 5.0  # bounds of the search
SPREAD = 0.5  # standard deviation of the prior on log T, and on the logarithm of a slope
BIAS_SPREAD = 2.0  # standard deviation of the prior on a bias


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


def fit_platt(probabilities: torch.Tensor, targets: torch.Tensor) -> tuple[list[float], list[float]]:
    """Fit a slope and a bias of each label's log-odds, with the highest likelihood of the targets (N, labels).

    A Gaussian prior on the slope's logarithm and on the bias, centred at no change, weighs as much as a few texts, as
    in `fit_temperature`. A label that no text has, or all have, is left as it is.
    """
    slopes, biases = [], []
    for column, own in zip(probabilities.T, targets.T, strict=True):
        slope, bias = (0.0, 0.0) if own.min() == own.max() else platt(column, own)
        slopes.append(round(math.exp(slope), 4))
        biases.append(round(bias, 4))
    return slopes, biases


def platt(probabilities: torch.Tensor, targets: torch.Tensor) -> tuple[float, float]:
    """Return the logarithm of the slope, and the bias, of one label (N,)."""
    scores = torch.logit(probabilities.double(), eps=1e-6)

    def cost(at: Any) -> tuple[float, Any]:
        own = torch.tensor(at, requires_grad=True)
        losses = binary_cross_entropy_with_logits(own[0].exp() * scores + own[1], targets.double(), reduction="sum")
        (losses + ((own[0] / SPREAD) ** 2 + (own[1] / BIAS_SPREAD) ** 2) / 2).backward()  # type: ignore[no-untyped-call]
        prior = ((at[0] / SPREAD) ** 2 + (at[1] / BIAS_SPREAD) ** 2) / 2
        return losses.item() + float(prior), own.grad.numpy()  # type: ignore[union-attr]

    reach = [(math.log(1 / HOTTEST), math.log(1 / COLDEST)), (-10.0, 10.0)]
    found = minimize(cost, [0.0, 0.0], jac=True, bounds=reach, method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])


def reliability(probabilities: torch.Tensor, targets: torch.Tensor) -> Reliability:
    """Bin the texts by the probability of their most probable label; with several labels, bin all their pairs."""
    confidence, predicted = probabilities.double().max(dim=-1)
    if targets.ndim == 2:  # a pair is right where the text has the label
        confidence, predicted, targets = probabilities.double().flatten(), torch.ones(1), targets.flatten()
    bins = (confidence * BINS).ceil().long().clamp(1, BINS) - 1  # (0, 1/15] is the first
    counts = bins.bincount(minlength=BINS)
    used = counts > 0
    sums = (bins.bincount(weights=values, minlength=BINS) for values in (confidence, (predicted == targets).double()))
    means = [(total[used] / counts[used]).tolist() for total in sums]
    return Reliability(counts[used].tolist(), *means)


def errors(probabilities: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
    """Compute the expected calibration error, the Brier score and the negative log-likelihood.

    The Brier score is summed over labels; both it and the likelihood are means over texts. With several labels the
    calibration error is that of all pairs of a text and a label, and the likelihood a mean over the labels too.
    """
    if targets.ndim == 2:
        rows = probabilities.double().clamp(1e-12, 1 - 1e-7), targets.double()
        return {
            "ece": reliability(probabilities, targets).ece,
            "brier": (rows[0] - rows[1]).square().sum(dim=-1).mean().item(),
            "nll": torch.nn.functional.binary_cross_entropy(*rows).item(),
        }
    hits = one_hot(targets, probabilities.shape[1])
    return {
        "ece": reliability(probabilities, targets).ece,
        "brier": (probabilities - hits).square().sum(dim=-1).mean().item(),
        "nll": torch.nn.functional.nll_loss(probabilities.clamp_min(1e-12).log(), targets).item(),
    }


def apply_temperature(probabilities: torch.Tensor, temperature: float) -> torch.Tensor:
    """Apply a temperature to probabilities (N, labels): softmax(log p / temperature)."""
    return torch.from_numpy(with_temperature(probabilities.numpy(), temperature))
