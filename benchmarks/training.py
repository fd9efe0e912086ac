"""Fine-tuning beside the Trainer of transformers: the same texts, batch size, peak rate, schedule and processor.

Each side lives in a process of its own, so that its peak memory is its own, and works when it is told to.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.material import ROOT, Material
from benchmarks.measuring import Row, alternate, faster

SIDES = ("ours", "Trainer")
LOSS = 0.05  # how far apart the two losses may be and still count as equal


class Worker:
    """A process of benchmarks.worker: one line of JSON in, one out."""

    def __init__(self, side: str, material: Material, folder: Path, *, precision: str, texts: int) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", side, precision, str(material.max_length), str(texts)]
        self.process = subprocess.Popen(
            [*command, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"},
        )  # fmt: skip

    def ask(self, what: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{what}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith('{"'):  # the Trainer prints dicts of its own
                answer: dict[str, Any] = json.loads(line)
                return answer
        raise SystemExit(f"the worker ended with status {self.process.wait()}: {self.process.args}")

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


def measure(
    material: Material, folder: Path, *, texts: int, repetitions: int, target: float, precision: str = "fp32"
) -> list[Row]:
    """Each repetition fine-tunes on `texts` texts it has not seen, in batches of 32."""
    folder = folder / f"training-{material.max_length}"
    folder.mkdir(parents=True, exist_ok=True)
    material.train.head(texts * (repetitions + 1)).to_csv(folder / "train.csv", index=False)
    material.test.head(256 if material.max_length < 128 else 64).to_csv(folder / "held-out.csv", index=False)
    title = f"fine-tune, {material.name} at {material.max_length} tokens, {precision}"
    given = {"precision": precision, "texts": texts}
    with Worker("ours", material, folder, **given) as ours, Worker("Trainer", material, folder, **given) as peer:
        workers = dict(zip(SIDES, (ours, peer), strict=True))
        tokens: list[dict[str, Any]] = []

        def run(side: str, repetition: int) -> float:
            answer = workers[side].ask(f"train {repetition}")
            if side == "ours":
                tokens.append(answer)
            return texts / float(answer["seconds"])

        ways = {side: lambda repetition, side=side: run(side, repetition) for side in SIDES}
        found = alternate(ways, repetitions)
        ends = {side: worker.ask("end") for side, worker in workers.items()}
    rows = [faster(title, found, "ours", "Trainer", target=target, unit="texts/s")]
    losses = [ends[side]["loss"] for side in SIDES]
    gap = losses[0] - losses[1]
    rows.append(
        Row(f"{title}: loss on held-out texts", f"{losses[0]:.3f}", f"{losses[1]:.3f}", f"{gap:+.3f}",
            f"at most {LOSS} above", gap <= LOSS)
    )  # fmt: skip
    memory = [ends[side]["peak_mb"] for side in SIDES]
    rows.append(
        Row(f"{title}: peak memory", f"{memory[0]:,.0f} MB", f"{memory[1]:,.0f} MB", f"{memory[0] / memory[1]:.2f}x",
            "at most 1x", memory[0] <= memory[1])
    )  # fmt: skip
    used = statistics.median(one["flops"] / one["seconds"] for one in tokens[1:]) / 1e9
    peak = ends["ours"]["peak_gflops"]
    rows.append(
        Row(f"{title}: share of the matrix-product peak", f"{used:.0f} GFLOP/s", f"{peak:.0f} GFLOP/s",
            f"{used / peak:.0%}", "at least 45 %", used / peak >= 0.45)
    )  # fmt: skip
    return rows
