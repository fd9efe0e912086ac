"""Files of texts beside the transformers pipeline, answers beside those of fp32 PyTorch, and memory over rows."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from transformers import pipeline

from benchmarks.material import ENVIRONMENT, ROOT, Material
from benchmarks.measuring import Row, alternate, faster
from sentiment.inference.predictor import Predictor

MEMORY = """
import json, sys
from benchmarks.measuring import peak_memory
from sentiment.cli import main
main(["predict", f"run={sys.argv[1]}", f"input={sys.argv[2]}", f"output={sys.argv[3]}", "quiet=true"])
print(json.dumps(peak_memory()))
"""
FLAT = 1.05  # of the peak with a fifth of the rows


def measure(material: Material, *, texts: int, repetitions: int, target: float) -> Row:
    """Texts a second of Predictor and of the pipeline in batches of 32."""
    some = list(material.test["text"].head(texts))
    predictor = Predictor.load(material.run)
    classify: Any = pipeline("text-classification", model=str(material.export))
    cut = {"truncation": True, "max_length": material.max_length}

    def rate(work: Callable[[], Sequence[object]]) -> float:
        started = time.perf_counter()
        work()
        return texts / (time.perf_counter() - started)

    ways = {
        "ours": lambda _: rate(lambda: predictor.predict(some)),
        "pipeline": lambda _: rate(lambda: classify(some, batch_size=32, **cut)),
    }
    work = f"batch predict, {material.name} at {material.max_length} tokens ({predictor.preprocessing.runtime})"
    return faster(work, alternate(ways, repetitions), "ours", "pipeline", target=target, unit="texts/s")


def fidelity(material: Material, *, texts: int) -> list[Row]:
    """Accuracy and agreement of what serves with PyTorch in fp32."""
    rows = material.test.head(texts)
    served, exact = Predictor.load(material.run), Predictor.load(material.run, runtime="torch")
    ours, theirs = ([one.label for one in side.predict(list(rows["text"]))] for side in (served, exact))
    right = [sum(a == b for a, b in zip(side, rows["label"].astype(str), strict=True)) for side in (ours, theirs)]
    gap = (right[0] - right[1]) / len(rows)
    agreement = sum(a == b for a, b in zip(ours, theirs, strict=True)) / len(rows)
    title = f"{material.name}, {len(rows):,} texts, {served.preprocessing.runtime}"
    accuracies = [f"{count / len(rows):.4f}" for count in right]
    return [
        Row(f"accuracy served, {title}", *accuracies, f"{gap:+.4f}", "within 0.003", abs(gap) <= 0.003),
        Row(f"agreement with PyTorch, {title}", "", "", f"{agreement:.2%}", "at least 99 %", agreement >= 0.99),
    ]


def memory(material: Material, folder: Path, *, rows: int) -> Row:
    """The peak of the batch job over `rows` rows, and over a fifth of them."""
    words = [" ".join(text.split()[:4]) for text in material.test["text"]]
    peaks = []
    for count in (rows // 5, rows):
        source = folder / f"{count}.csv"
        pd.DataFrame({"text": [words[i % len(words)] for i in range(count)]}).to_csv(source, index=False)
        command = [sys.executable, "-c", MEMORY, str(material.run), str(source), str(folder / f"{count}.out.csv")]
        done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, check=True)
        peaks.append(float(json.loads(done.stdout.strip().splitlines()[-1])))
    growth = peaks[1] / peaks[0]
    work = f"batch job, peak memory, {rows:,} rows beside {rows // 5:,}"
    return Row(work, *(f"{peak:.0f} MB" for peak in reversed(peaks)), f"{growth:.2f}x", "flat", growth <= FLAT)


def starts(material: Material, folder: Path, *, helps: int, serves: int) -> list[Row]:
    """Seconds until --help is printed, and until a server has answered its first text."""
    from benchmarks.rest import ours

    help_seconds = [timed([sys.executable, "-m", "sentiment", "--help"]) for _ in range(helps)]
    ready_seconds = []
    for number in range(serves):
        with ours(material, folder / f"start-{number}") as server:
            ready_seconds.append(server.ready_after)
    middle = statistics.median(help_seconds), statistics.median(ready_seconds)
    return [
        Row("start: sentiment --help", f"{middle[0]:.2f} s", "", "", "at most 3 s", middle[0] <= 3),
        Row("start: serve to READY", f"{middle[1]:.1f} s", "", "", "at most 15 s", middle[1] <= 15),
    ]


def timed(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, check=True)
    return time.perf_counter() - started
