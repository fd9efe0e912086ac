"""A bias for each label beside the temperature: `python -m benchmarks.label_bias predictions.csv ...`.

Both are fitted on a random half of a run's predictions and measured on the other half, 100 times.
"""

import csv
import sys
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import minimize

from sentiment.evaluation.calibration import apply_temperature, errors, fit_temperature

HALVES = 100
COLUMNS = ("nll", "brier", "ece", "shares", "accuracy", "macro recall")


def read(path: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the probabilities (N, labels) and the label indices (N,)."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    labels = [name.removeprefix("p_") for name in rows[0] if name.startswith("p_")]
    probabilities = torch.tensor([[float(row[f"p_{label}"]) for label in labels] for row in rows])
    return probabilities, torch.tensor([labels.index(row["label"]) for row in rows])


def fit_bias(probabilities: torch.Tensor, targets: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Fit temperature and biases with the highest likelihood, under wide Gaussian priors (vector scaling)."""
    scores = probabilities.double().clamp_min(1e-12).log()

    def cost(at: np.ndarray) -> tuple[float, np.ndarray]:
        own = torch.tensor(at, requires_grad=True)
        loss = torch.nn.functional.cross_entropy(scores / own[0].exp() + own[1:], targets, reduction="sum")
        loss = loss + (own[0] / 0.5) ** 2 / 2 + ((own[1:] / 2) ** 2).sum() / 2
        loss.backward()  # type: ignore[no-untyped-call]
        assert own.grad is not None
        return loss.item(), own.grad.numpy()

    found = minimize(cost, np.zeros(1 + probabilities.shape[1]), jac=True, method="L-BFGS-B").x
    return float(np.exp(found[0])), torch.tensor(found[1:])


def measure(probabilities: torch.Tensor, targets: torch.Tensor) -> list[float]:
    found, predicted = errors(probabilities, targets), probabilities.argmax(dim=1)
    labels = range(probabilities.shape[1])
    shares = targets.bincount(minlength=len(labels)) / len(targets)
    recalls = [(predicted[targets == label] == label).double().mean().item() for label in labels]
    apart = (probabilities.mean(dim=0) - shares).abs().sum().item() / 2
    accuracy = (predicted == targets).double().mean().item()
    return [found["nll"], found["brier"], found["ece"], apart, accuracy, float(np.mean(recalls))]


def main(paths: list[str]) -> None:
    print(f"{'':16}{''.join(f'{column:>14}' for column in COLUMNS)}")
    for path in paths:
        probabilities, targets = read(path)
        print(f"{path}: {len(targets)} texts")
        rng = np.random.default_rng(0)
        rows: dict[str, list[list[float]]] = {"temperature": [], "and biases": []}
        for _ in range(HALVES):
            one, other = np.array_split(rng.permutation(len(targets)), 2)
            plain = apply_temperature(probabilities[other], fit_temperature(probabilities[one], targets[one]))
            temperature, bias = fit_bias(probabilities[one], targets[one])
            bent = (probabilities[other].double().clamp_min(1e-12).log() / temperature + bias).softmax(dim=1)
            rows["temperature"].append(measure(plain, targets[other]))
            rows["and biases"].append(measure(bent, targets[other]))
        for name, found in rows.items():
            print(f"{name:16}{''.join(f'{value:14.4f}' for value in np.mean(found, axis=0))}")


if __name__ == "__main__":
    main(sys.argv[1:])
