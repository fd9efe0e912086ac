"""Fine-tuning beside the Trainer of transformers: the same texts, batch size, peak rate, schedule and processor.

Ours has the precision it takes by default on this processor; the Trainer its default, fp32, and where the processor
multiplies bf16 matrices that too.

Each side lives in a process of its own, so that its peak memory is its own, and works when it is told to.
"""

import json
import statistics
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.material import ENVIRONMENT, ROOT, Material
from benchmarks.measuring import Row, alternate, faster

LOSS = 0.05  # how far apart the two losses may be and still count as equal


class Worker:
    """A process of benchmarks.worker: one line of JSON in, one out."""

    def __init__(self, side: str, material: Material, folder: Path, *, precision: str, texts: int) -> None:
        command = [sys.executable, "-m", "benchmarks.worker", side, precision, str(material.max_length), str(texts)]
        self.process = subprocess.Popen(
            [*command, str(folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            stderr=subprocess.DEVNULL, env=ENVIRONMENT,
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


def measure(material: Material, folder: Path, *, texts: int, repetitions: int, targets: dict[str, float]) -> list[Row]:
    """Each repetition fine-tunes on `texts` texts it has not seen, in batches of 32; `targets` by precision."""
    folder = folder / f"training-{material.max_length}"
    folder.mkdir(parents=True, exist_ok=True)
    material.train.head(texts * (repetitions + 1)).to_csv(folder / "train.csv", index=False)
    material.test.head(256 if material.max_length < 128 else 64).to_csv(folder / "held-out.csv", index=False)
    best = "bf16" if "bf16" in targets else "fp32"  # what ours takes by default
    with ExitStack() as stack:

        def start(side: str, precision: str) -> Worker:
            return stack.enter_context(Worker(side, material, folder, precision=precision, texts=texts))

        workers = {"ours": start("ours", best), **{f"Trainer, {name}": start("Trainer", name) for name in targets}}
        work: list[dict[str, Any]] = []

        def run(side: str, repetition: int) -> float:
            answer = workers[side].ask(f"train {repetition}")
            if side == "ours":
                work.append(answer)
            return texts / float(answer["seconds"])

        ways = {side: lambda repetition, side=side: run(side, repetition) for side in workers}
        found = alternate(ways, repetitions)
        ends = {side: worker.ask("end") for side, worker in workers.items()}
    title = f"fine-tune, {material.name} at {material.max_length} tokens"
    ours, rows = ends["ours"], list[Row]()
    for precision, target in targets.items():
        side = f"Trainer, {precision}"
        peer, name = ends[side], f"{title}, {side}"
        rows.append(faster(name, found, "ours", side, target=target, unit="texts/s"))
        gap = ours["loss"] - peer["loss"]
        rows.append(
            Row(f"{name}: loss on held-out texts", f"{ours['loss']:.3f}", f"{peer['loss']:.3f}", f"{gap:+.3f}",
                f"at most {LOSS} above", gap <= LOSS)
        )  # fmt: skip
        memory = ours["peak_mb"] / peer["peak_mb"]
        rows.append(
            Row(f"{name}: peak memory", f"{ours['peak_mb']:,.0f} MB", f"{peer['peak_mb']:,.0f} MB", f"{memory:.2f}x",
                "at most 1x", memory <= 1)
        )  # fmt: skip
    used, peak = statistics.median(one["flops"] / one["seconds"] for one in work[1:]) / 1e9, ours["peak_gflops"]
    rows.append(
        Row(f"{title}: share of the matrix-product peak, {best}", f"{used:.0f} GFLOP/s", f"{peak:.0f} GFLOP/s",
            f"{used / peak:.0%}", "at least 45 %", used / peak >= 0.45)
    )  # fmt: skip
    return rows
