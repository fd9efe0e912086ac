"""Speed on one GPU: training and inference beside transformers, and whether bf16 and packing give the same answers.

python -m benchmarks.gpu [--budget SECONDS] [--out FOLDER] [--only SECTION ...]
python -m benchmarks.gpu --tiny            checks this program on a processor, in seconds

Needs the packages of bert-sentiment[train] (onnx and onnxruntime excepted) and accelerate, which the Trainer of
transformers needs; models and texts are made on the spot. Each job runs in a process forked for its group, so that a
failure costs its own row alone. Rows are printed as they come; the table is printed last and written to gpu.md beside
gpu.json, in FOLDER ($OUT, else .cache/benchmarks).
"""

import os

os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")  # the parent must not start CUDA before it forks
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import argparse
import gc
import importlib.util
import json
import logging
import select
import signal
import statistics
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

import datasets
import torch
from transformers.utils import logging as transformers_logging

from benchmarks import gpu_inference as inference
from benchmarks import gpu_material as material
from benchmarks import gpu_profile as profiling
from benchmarks import gpu_training as training

NOMINAL = 989.4  # TFLOP/s of dense bf16 products on an H100 or H200 SXM, by the datasheet
SECTIONS = ("device", "profile", "check", "train", "infer", "variants")


@dataclass(frozen=True)
class Job:
    section: str
    name: str
    work: Callable[[], dict[str, Any]]
    limit: float = 60.0  # seconds
    group: str = field(default="")  # jobs of one group share a process


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=float, default=280, help="seconds; jobs that no longer fit are left out")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT") or ".cache/benchmarks"))
    parser.add_argument("--only", nargs="+", choices=SECTIONS)
    parser.add_argument("--tiny", action="store_true", help="the same code on a processor, with tiny sizes")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    started, found = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="gpu-") as place:
        jobs = (tiny_jobs if options.tiny else gpu_jobs)(Path(place), options.out)
        waiting = [job for job in jobs if not options.only or job.section in options.only]
        run = run_group if options.tiny or forks() else run_here
        for _, group in groupby(waiting, key=lambda job: job.group):
            for row in run(list(group), until=started + options.budget):
                row["at_s"] = round(time.monotonic() - started, 1)
                found.append(row)
                print(json.dumps({key: value for key, value in row.items() if key != "losses"}), flush=True)
                (options.out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n")
    page = table(found)
    (options.out / "gpu.md").write_text(page)
    print(page, flush=True)


def forks() -> bool:
    """Return True if a forked process can use the GPU: this one must not have started CUDA."""
    if (child := os.fork()) == 0:
        try:
            torch.zeros(1, device="cuda").item()
        except Exception:  # CUDA's errors share no narrower base class
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1] == 0


def run_here(jobs: list[Job], *, until: float) -> Any:
    """Yield a row for each job, worked through in this process."""
    quiet()
    for job in jobs:
        yield result(job, until)
        forget()


def run_group(jobs: list[Job], *, until: float) -> Any:
    """Yield a row for each job; a process that dies or hangs takes its job with it, the next gets a fresh one."""
    left = list(jobs)
    while left:
        if time.monotonic() >= until:
            yield from (row_of(job, error="left out: the budget is spent") for job in left)
            return
        reader, writer = os.pipe()
        if (child := os.fork()) == 0:
            os.close(reader)
            work_through(left, writer, until)
        os.close(writer)
        lines = Lines(reader)
        while left:
            limit = min(left[0].limit, max(5.0, until + 20 - time.monotonic()))
            row = lines.next(limit)
            if row is None:  # it hangs, or has died without a word
                os.kill(child, signal.SIGKILL)
                if not lines.ended:
                    row = row_of(left[0], error=f"stopped after {limit:.0f} s")
            _ = os.waitpid(child, 0) if row is None or lines.ended else None
            if row is None:
                row = row_of(left[0], error="its process died")
            yield row
            left.pop(0)
            if lines.ended or row.get("fatal") or "stopped after" in str(row.get("error")):
                break
        lines.close(child)


class Lines:
    """Rows of JSON from a pipe, each waited for at most so long."""

    def __init__(self, reader: int) -> None:
        self.reader, self.buffer, self.ended = reader, b"", False

    def next(self, seconds: float) -> dict[str, Any] | None:
        end = time.monotonic() + seconds
        while b"\n" not in self.buffer:
            if not select.select([self.reader], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            if not (more := os.read(self.reader, 65536)):
                self.ended = True
                return None
            self.buffer += more
        line, _, self.buffer = self.buffer.partition(b"\n")
        row: dict[str, Any] = json.loads(line)
        return row

    def close(self, child: int) -> None:
        os.close(self.reader)
        try:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        except (ChildProcessError, ProcessLookupError):
            pass  # waited for already


def work_through(jobs: list[Job], writer: int, until: float) -> None:
    """Run jobs in this process, which ends with them."""
    quiet()
    for job in jobs:
        row = result(job, until)
        os.write(writer, json.dumps(row).encode() + b"\n")
        if row.get("fatal"):
            break
        forget()
    os._exit(0)


def result(job: Job, until: float) -> dict[str, Any]:
    """Do one job."""
    if time.monotonic() >= until:
        return row_of(job, error="left out: the budget is spent")
    began = time.monotonic()
    try:
        row = row_of(job, **{key: value for key, value in job.work().items() if key not in ("module", "data")})
    except BaseException as error:  # one job must not cost the others
        where = traceback.format_exc().strip().splitlines()[-8:]
        fatal = "CUDA error" in str(error) or "AcceleratorError" in type(error).__name__
        row = row_of(job, error=f"{type(error).__name__}: {error}"[:600], trace=where, fatal=fatal)
    row["took_s"] = round(time.monotonic() - began, 1)
    return row


def row_of(job: Job, **values: Any) -> dict[str, Any]:
    return {"section": job.section, "name": job.name, **values}


def forget() -> None:
    torch._dynamo.reset()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def quiet() -> None:
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()


def device() -> dict[str, Any]:
    """The card, and the rates it reaches: a large product of random bf16 matrices, and a copy."""
    size, where = (8192, "cuda") if torch.cuda.is_available() else (512, "cpu")
    a, b = (torch.randn(size, size, device=where, dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(25):
        began = training.clock()
        a @ b
        times.append(training.clock() - began)
    few = torch.empty(2**30 if where == "cuda" else 2**20, dtype=torch.uint8, device=where).random_(0, 255)
    other, copies = torch.empty_like(few), []
    for _ in range(8):
        began = training.clock()
        other.copy_(few)
        copies.append(training.clock() - began)
    return {
        "device": torch.cuda.get_device_name() if where == "cuda" else "processor",
        "peak_tflops": round(2 * size**3 / statistics.median(times[5:]) / 1e12, 1),
        "nominal_tflops": NOMINAL if where == "cuda" else None,
        "copy_tb_s": round(2 * few.numel() / statistics.median(copies[2:]) / 1e12, 2),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "vllm": "importable" if importlib.util.find_spec("vllm") else "not installed",
    }


def gpu_jobs(place: Path, out: Path) -> list[Job]:
    """Jobs in the order of their worth."""
    base, small = (partial(material.backbone, place, name) for name in ("bert-base", "minilm"))

    def ours(
        name: str, limit: float = 60, *, group: str = "", arch: Any = base, section: str = "train", **how: Any
    ) -> Job:
        return Job(section, f"ours, {name}", lambda: training.ours(place, arch(), **how), limit, group or name)

    def peer(name: str, limit: float = 60, *, group: str = "", arch: Any = base, **how: Any) -> Job:
        return Job("train", f"Trainer, {name}", lambda: training.peer(place, arch(), **how), limit, group or name)

    def infer(name: str, limit: float = 60, *, arch: Any = base, **how: Any) -> Job:
        return Job("infer", name, lambda: inference.rates(place, arch(), device="cuda", **how), limit, "infer")

    def trace(name: str, train: Any, **how: Any) -> Job:
        return profiled(name, out, lambda **given: train(place, base(), **given), **how)

    free = ("trainer.deterministic=false",)
    long = {"length": material.full(512), "max_length": 512, "batch": 32, "steps": 25}
    short = {"length": material.full(128), "max_length": 128, "batch": 128, "steps": 25}
    large, wide = {**long, "batch": 64, "steps": 20}, {**short, "batch": 256, "steps": 20}
    reviews = {"length": material.like("IMDB"), "max_length": 512, "batch": 32, "steps": 30}
    sentences = {"length": material.like("SST-2"), "max_length": 128, "batch": 128, "steps": 30}
    return [
        Job("device", "device", device, group="device"),
        trace("ours, 512 tokens x 32, eager", training.ours, group="T", overrides=free, **long),
        trace("Trainer, 512 tokens x 32, eager", training.peer, group="TP", **long),
        trace("ours, 512 tokens x 32, compiled", training.ours, group="T", overrides=free, compiled=True, **long),
        trace("ours, 128 tokens x 128, compiled", training.ours, group="T", overrides=free, compiled=True, **short),
        trace("ours, 512 tokens x 32, compiled whole", training.ours, group="T", overrides=free, whole=True, **long),
        Job("check", "check", lambda: inference.check(place, device="cuda", steps=30, compiled=False), 40, "check"),
        ours("512 tokens x 64, packed, compiled", 60, group="A", overrides=free, compiled=True, **large),
        ours("512 tokens x 32, packed, compiled", 60, group="A", overrides=free, compiled=True, **long),
        ours("128 tokens x 256, packed, compiled", 60, group="A", overrides=free, compiled=True, **wide),
        ours("128 tokens x 128, packed, compiled", 60, group="A", overrides=free, compiled=True, **short),
        peer("512 tokens x 64, eager", group="P", **large),
        peer("512 tokens x 32, eager", group="P", **long),
        peer("128 tokens x 256, eager", group="P", **wide),
        peer("128 tokens x 128, eager", group="P", **short),
        infer("bert-base, SST-2", data="SST-2", max_length=128, texts=16_384, peer_texts=4096, repetitions=2),
        infer("bert-base, IMDB", data="IMDB", max_length=512, texts=4096, peer_texts=1024, repetitions=2),
        Job("check", "check, compiled", lambda: inference.check(
            place, device="cuda", steps=60, compiled=True), 60, "check"),
        ours("512 tokens x 32, packed, eager", group="A", overrides=free, **long),
        ours("128 tokens x 128, packed, eager", group="A", overrides=free, **short),
        ours("IMDB x 32, packed, compiled", 90, group="B", overrides=free, compiled=True, **reviews),
        ours("IMDB x 32, packed, eager", group="B", overrides=free, **reviews),
        peer("IMDB x 32, eager", group="P", **reviews),
        ours("SST-2 x 128, packed, compiled", 90, group="B", overrides=free, compiled=True, **sentences),
        ours("SST-2 x 128, packed, eager", group="B", overrides=free, **sentences),
        peer("SST-2 x 128, eager", group="P", **sentences),
        Job("check", "whole run", lambda: inference.whole_run(place, device="cuda"), 90, "whole"),
        ours("512 tokens x 32, packed, eager, deterministic", group="D", section="variants", **long),
        ours("512 tokens x 32, packed, compiled, deterministic", 90, group="D", section="variants",
             compiled=True, **long),
        ours("128 tokens x 128, packed, compiled, deterministic", 90, group="D", section="variants",
             compiled=True, **short),
        infer("minilm, SST-2", arch=small, data="SST-2", max_length=128, texts=16_384, peer_texts=4096, repetitions=2),
        Job("variants", "forward, bert-base, IMDB", lambda: inference.compute_rates(
            place, base(), data="IMDB", max_length=512, texts=4096, device="cuda"), 90, "F"),
        Job("variants", "forward, bert-base, SST-2", lambda: inference.compute_rates(
            place, base(), data="SST-2", max_length=128, texts=16_384, device="cuda"), 90, "F"),
        ours("IMDB x 32, padded, eager", group="V", section="variants", overrides=free, packed=False, **reviews),
        ours("IMDB x 32, padded, compiled", 90, group="V", section="variants", overrides=free, packed=False,
             compiled=True, **reviews),
        ours("512 tokens x 32, packed, compiled, bf16-true", 90, group="V", section="variants", compiled=True,
             overrides=(*free, "trainer.precision=bf16-true"), **long),
        ours("128 tokens x 32, packed, compiled", 90, group="V", section="variants", overrides=free, compiled=True,
             **{**short, "batch": 32}),
        infer("minilm, IMDB", arch=small, data="IMDB", max_length=512, texts=4096, peer_texts=1024, repetitions=2),
        ours("minilm, SST-2 x 128, packed, compiled", 90, group="V", section="variants", arch=small, overrides=free,
             compiled=True, **sentences),
        peer("512 tokens x 32, compiled", 100, group="P", compiled=True, **long),
        peer("512 tokens x 64, compiled", 100, group="P", compiled=True, **large),
        peer("128 tokens x 128, compiled", 100, group="P", compiled=True, **short),
        peer("IMDB x 32, compiled", 120, group="P", compiled=True, **reviews),
        ours("512 tokens x 32, padded, compiled", 90, group="V", section="variants", overrides=free, packed=False,
             compiled=True, **long),
    ]  # fmt: skip


def profiled(name: str, out: Path, train: Callable[..., Any], *, group: str = "", **how: Any) -> Job:
    """A job that profiles some steps of a training, into profile.txt."""

    def work() -> dict[str, Any]:
        profile = profiling.Profile(how.get("warm", training.WARM))
        train(profile=profile, **{**how, "steps": profiling.STEPS})
        return profile.save(name, out)

    return Job("profile", f"profile of {name}", work, 60, group or name)


def tiny_jobs(place: Path, out: Path) -> list[Job]:
    """The same work on a processor."""

    def tiny() -> Path:
        return material.backbone(place, "tiny")

    given = {"length": material.full(24), "max_length": 24, "batch": 4, "steps": 2, "warm": 1}
    infer = {"data": "SST-2", "max_length": 32, "texts": 48, "device": "cpu"}
    return [
        Job("device", "device", device),
        profiled("ours, 24 tokens x 4", out, lambda **how: training.ours(
            place, tiny(), accelerator="cpu", **how), **given),
        profiled("Trainer, 24 tokens x 4", out, lambda **how: training.peer(
            place, tiny(), cpu=True, **how), **given),
        Job("check", "check", lambda: inference.check(place, device="cpu", steps=6, compiled=False), 400),
        Job("train", "ours, 24 tokens x 4, packed", lambda: training.ours(place, tiny(), accelerator="cpu", **given)),
        Job("train", "Trainer, 24 tokens x 4", lambda: training.peer(place, tiny(), cpu=True, **given), group="P"),
        Job("infer", "tiny, SST-2", lambda: inference.rates(
            place, tiny(), peer_texts=16, repetitions=1, pipelines=(8,), **infer), group="infer"),
        Job("variants", "forward, tiny", lambda: inference.compute_rates(place, tiny(), **infer), group="infer"),
    ]  # fmt: skip


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as Markdown, by section."""
    card = next((row for row in rows if row["section"] == "device"), {})
    peak = card.get("peak_tflops") or 0.0
    lines = [
        f"{card.get('device', 'no device')}; torch {card.get('torch')}, transformers {card.get('transformers')}; bf16 "
        f"products of 8192 x 8192: {peak} TFLOP/s measured, {card.get('nominal_tflops')} nominal; copies "
        f"{card.get('copy_tb_s')} TB/s; vLLM: {card.get('vllm')}, so its /classify is not measured.", "",
        "| training | ms a step | texts/s | tokens/s | TFLOP/s | of the peak | computed alone | first step | memory |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        if "tflops_done" in row:
            share = f"{row['tflops'] / peak:.1%} | {row['tflops_done'] / peak:.1%}" if peak else "|"
            lines.append(
                f"| {row['name']} | {row['ms_per_step']} | {row['texts_s']:,} | {row['tokens_s']:,} | "
                f"{row['tflops']} | {share} | {row['first_step_s']} s | {row['peak_gb']} GB |"
            )
    lines += ["", "| inference | texts/s | ours / it |", "|---|---|---|"]
    for row in rows:
        rates = row.get("texts_s")
        if isinstance(rates, dict):
            own = rates.get("ours")
            for name, rate in rates.items():
                times = f"{own / rate:.2f}x" if own and isinstance(rate, float) and name != "ours" else ""
                lines.append(f"| {row['name']} ({row['runtime']}): {name} | {rate} | {times} |")
    lines += ["", "| check | found |", "|---|---|"]
    shown = ("ok", "loss_apart", "agreement", "probability_apart", "logits_apart", "gate", "runtime")
    lines += [f"| {key} | {row[key]} |" for row in rows if row["section"] == "check" for key in shown if key in row]
    lines += [f"| error in {row['name']} | {row['error'][:160]} |" for row in rows if row.get("error")]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
