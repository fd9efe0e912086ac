"""What max_error promises, held against labelled predictions: `python -m benchmarks.promises FILE.csv [OTHER.csv ...]`.

Each file is a run's predictions.csv, or an output of `sentiment predict`, with the true labels in the column that
`label=` names. The promise is made on a random half of the first file and measured on its other half, 200 times; and
made on the whole of it and measured on each other file, as for texts of another kind.
"""

import csv
import sys
from pathlib import Path

import numpy as np

from sentiment.errors import ConfigError
from sentiment.evaluation.abstention import promises
from sentiment.inference.abstention import Abstention

PROMISES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
HALVES = 200


def read(path: str, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores of the texts that have a prediction, and which of those are wrong."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["prediction"]]
    scores = [max(float(value) for name, value in row.items() if name.startswith("p_")) for row in rows]
    return np.array(scores), np.array([row["prediction"] != row[label] for row in rows])


def measure(promise: Abstention, max_error: float, scores: np.ndarray, wrong: np.ndarray) -> tuple[float, float] | None:
    """Return the share answered and its error rate; None where the promise is refused."""
    try:
        answered = scores >= promise.level(max_error).threshold
    except ConfigError:
        return None
    return float(answered.mean()), float(wrong[answered].mean()) if answered.any() else 0.0


def halves(max_error: float, scores: np.ndarray, wrong: np.ndarray) -> str:
    rng, found = np.random.default_rng(0), []
    for _ in range(HALVES):
        order = rng.permutation(len(scores))
        one, other = order[: len(order) // 2], order[len(order) // 2 :]
        found.append(measure(promises(scores[one], wrong[one], texts=len(one)), max_error, scores[other], wrong[other]))
    kept = np.array([some for some in found if some])
    if not len(kept):
        return "refused"
    refused = f", refused {1 - len(kept) / HALVES:.0%}" if len(kept) < HALVES else ""
    broken = np.mean(kept[:, 1] > max_error)
    return f"{kept[:, 0].mean():.1%} at {kept[:, 1].mean():.1%} (above it in {broken:.1%} of the halves{refused})"


def main(paths: list[str], label: str) -> None:
    (scores, wrong), *others = [read(path, label) for path in paths]
    promise = promises(scores, wrong, texts=len(scores))
    print(f"{paths[0]}: {len(scores)} texts, error {wrong.mean():.1%}")
    for path, (_, errors) in zip(paths[1:], others, strict=True):
        print(f"{path}: {len(errors)} texts, error {errors.mean():.1%}")
    for max_error in PROMISES:
        cells = [halves(max_error, scores, wrong)]
        for found in (measure(promise, max_error, *other) for other in others):
            cells.append(f"{found[0]:.1%} at {found[1]:.1%}" if found else "refused")
        print(f"| {max_error} | {' | '.join(cells)} |")


if __name__ == "__main__":
    named = dict(argument.split("=", 1) for argument in sys.argv[1:] if argument.startswith("label="))
    main([argument for argument in sys.argv[1:] if not argument.startswith("label=")], named.get("label", "label"))
