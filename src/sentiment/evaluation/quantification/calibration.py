"""Calibration of probabilities for estimates of label shares: one scale of all log-probabilities, an offset for each.

Class weights in training move the probabilities of a label by a constant factor. A temperature alone cannot undo that,
and averages of probabilities inherit it.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

Floats = Any  # numpy arrays of float64

SMALLEST = 1e-9  # probability, so that no logarithm is of 0
PENALTY = 1e-3  # of the squared coefficients, so that a label without texts has a finite offset


@dataclass(frozen=True)
class Calibration:
    """Platt scaling of several classes with one slope (Platt 1999; Guo, Pleiss, Sun and Weinberger 2017, section 4.2).

    Args:
        scale: Factor of the log-probabilities.
        offsets: (k,) added to them.
        prior: (k,) label shares of the texts that it was fitted on.
    """

    scale: float
    offsets: Floats
    prior: Floats

    @classmethod
    def fit(cls, probabilities: Floats, targets: Floats) -> "Calibration":
        """Minimise the cross-entropy of the targets (n,) under probabilities (n, k)."""
        logs = np.log(np.maximum(probabilities, SMALLEST))
        k, true = logs.shape[1], np.eye(logs.shape[1])[targets]

        def loss(coefficients: Floats) -> tuple[float, Floats]:
            found = softmax(coefficients[0] * logs + coefficients[1:])
            wrong = (found - true) / len(true)
            away = coefficients - identity
            value = -np.log(np.maximum((found * true).sum(axis=1), SMALLEST)).mean() + PENALTY * float(away @ away)
            return float(value), np.append((wrong * logs).sum(), wrong.sum(axis=0)) + 2 * PENALTY * away

        identity = np.append(1.0, np.zeros(k))
        fitted = minimize(loss, identity, jac=True, method="L-BFGS-B").x
        return cls(float(fitted[0]), fitted[1:], true.mean(axis=0))

    @classmethod
    def none(cls, prior: Floats) -> "Calibration":
        """Return a calibration that changes no probability."""
        return cls(1.0, np.zeros(len(prior)), np.asarray(prior, dtype=float))

    def __call__(self, probabilities: Floats) -> Floats:
        return softmax(self.scale * np.log(np.maximum(probabilities, SMALLEST)) + self.offsets)

    def to_json(self) -> dict[str, Any]:
        named = {"offsets": self.offsets, "prior": self.prior}
        return {"scale": round(self.scale, 6), **{name: [round(float(x), 6) for x in named[name]] for name in named}}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Calibration":
        return cls(float(value["scale"]), *(np.array(value[name], dtype=float) for name in ("offsets", "prior")))


def softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
