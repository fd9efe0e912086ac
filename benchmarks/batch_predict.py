"""Texts per second of Predictor beside the transformers pipeline: same model, same texts, alternating, one run.

python benchmarks/batch_predict.py [run] [--rounds N]
"""

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from transformers import logging, pipeline

from sentiment.data.sources import read_file
from sentiment.predictor import Predictor, export_folder
from sentiment.resources import bundled


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", type=Path, help="a run directory; default: the newest of outputs/")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    run = options.run or newest(Path("outputs"))
    logging.set_verbosity_error()
    texts = read_file(bundled("data/demo") / "test.csv")["text"][:]
    predictor = Predictor.load(run)
    classify = pipeline("text-classification", model=str(export_folder(run)))
    ways = {
        "transformers pipeline, batch 32": lambda: classify(texts, batch_size=32),
        "Predictor": lambda: predictor.predict(texts),
    }
    rates = {name: statistics.median(rounds) for name, rounds in alternate(ways, len(texts), options.rounds).items()}
    peer = next(iter(rates.values()))
    table = Table("way", "texts/s", "ratio", title=f"{run}, {len(texts)} texts, median of {options.rounds}")
    for name, rate in rates.items():
        table.add_row(name, f"{rate:.0f}", f"{rate / peer:.2f}")
    Console().print(table)


def newest(outputs: Path) -> Path:
    runs = sorted(outputs.glob("*/metrics.json"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise SystemExit(f"{outputs} holds no finished run; make one with: python train.py")
    return runs[-1].parent


def alternate(ways: dict[str, Callable[[], Sequence[object]]], count: int, rounds: int) -> dict[str, list[float]]:
    """Rates in texts per second, the ways taking turns so that a noisy machine troubles all alike."""
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for work in ways.values():
        work()  # warm-up
    for _ in range(rounds):
        for name, work in ways.items():
            started = time.perf_counter()
            work()
            rates[name].append(count / (time.perf_counter() - started))
    return rates


if __name__ == "__main__":
    main()
