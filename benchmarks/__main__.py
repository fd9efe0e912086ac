"""Everything that is measured, in one table.

python -m benchmarks [--quick] [--only SECTION ...] [--rows N] [--run RUN] [--long-run RUN]

Mosec and Infinity are measured where `make bench-peers` has installed them, else named as not installed.
Without runs of your own it trains two small models first and keeps them in .cache/benchmarks. The table is written to
benchmarks/RESULTS.md, above the notes there, or with --quick only printed.
"""

import argparse
import logging
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from transformers.utils import logging as transformers_logging

from benchmarks import batch, material, rest, training
from benchmarks.measuring import Row
from sentiment.errors import SentimentError
from sentiment.files import write_text
from sentiment.training.provenance import git_commit

PACKAGES = ("torch", "transformers", "onnxruntime", "pytorch-lightning", "torchserve", "fastapi", "uvicorn")
RESULTS = material.ROOT / "benchmarks" / "RESULTS.md"
SECTIONS = ("rest", "batch", "training", "memory", "long", "start")
QUICK = ("rest", "batch", "training", "start")
FEATURES = ("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_bf16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="three minutes: fewer texts in a repetition, some rows left out"
    )
    parser.add_argument("--run", type=Path, help="a run of short texts")
    parser.add_argument("--long-run", type=Path, help="a run with 256 tokens")
    parser.add_argument("--rows", type=int, default=10_000, help="of the batch job whose memory is measured")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, help="some sections, printed only")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    before = os.getloadavg()[0]
    started, found, console = time.monotonic(), list[Row](), Console(width=170)
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        try:
            for row in sections(options, Path(folder)):
                found.append(row)
                console.print(
                    f"[dim]{time.monotonic() - started:5.0f} s[/] {row.work}: {row.ours} / {row.peer} {row.ratio}"
                )
        except SentimentError as error:
            sys.exit(f"error: {error}")
    minutes = (time.monotonic() - started) / 60
    console.print(table(found))
    if not options.quick and not options.only:
        write_text(RESULTS, page(found, minutes, before) + notes(RESULTS))


def sections(options: argparse.Namespace, folder: Path) -> Iterator[Row]:
    """The rows of all sections, or of those that are asked for; a quick run leaves the long texts and memory out."""
    quick, kept = options.quick, Path(".cache") / "benchmarks"
    only = options.only or [*(SECTIONS if not quick else QUICK)]
    short = material.short(kept / ("quick" if quick else "full"), options.run, texts=1000 if quick else None)
    if "rest" in only:
        seconds, alone = (1.0, 0.7) if quick else (3.0, 1.5)
        yield from rest.measure(short, folder, seconds=seconds, alone=alone, repetitions=5)
    if "batch" in only:
        yield batch.measure(short, texts=64 if quick else 300, repetitions=5, target=6)
        yield from batch.fidelity(short, texts=200 if quick else len(short.test))
    if "training" in only:
        texts = 64 if quick else 960
        yield from training.measure(short, folder, texts=texts, repetitions=5, targets=targets(3.5, 2.2))
    if "memory" in only:
        yield batch.memory(short, folder, rows=options.rows)
    if "long" in only:
        long = material.long(kept / "full", options.long_run, texts=640)
        yield batch.measure(long, texts=32, repetitions=5, target=4)
        yield from batch.fidelity(long, texts=1000)
        yield from training.measure(long, folder, texts=64, repetitions=5, targets=targets(3.0, 1.5))
    if "start" in only:
        yield from batch.starts(short, folder, helps=5, serves=1 if quick else 5)


def targets(fp32: float, bf16_target: float) -> dict[str, float]:
    """Of each precision of the peer that the processor has."""
    return {"fp32": fp32, "bf16": bf16_target} if bf16() else {"fp32": fp32}


def bf16() -> bool:
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def table(rows: list[Row]) -> Table:
    shown = Table("work", "ours", "peer", "ratio", "target", "met")
    for row in rows:
        shown.add_row(row.work, row.ours, row.peer, row.ratio, row.target, met(row))
    return shown


def met(row: Row) -> str:
    return {True: "yes", False: "no", None: ""}[row.met]


def page(rows: list[Row], minutes: float, before: float) -> str:
    lines = [f"| {r.work} | {r.ours} | {r.peer} | {r.ratio} | {r.target} | {met(r)} |" for r in rows]
    versions = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    absent = "" if bf16() else " It multiplies no bf16 matrices, so the rows of bf16 are missing."
    return f"""\
# Speed beside the peers

One run of `make bench` ({minutes:.0f} minutes) at commit `{str(git_commit())[:9]}`. Rates are medians of 5 repetitions
in which the sides take turns, ratios medians of the ratios of each repetition, latencies quantiles of all requests.

The load average was {before:.1f} before and {os.getloadavg()[0]:.1f} at the end; on a busy machine the
side with more threads gets more of it.

{processor()}{absent}

Python {platform.python_version()}, {versions}.

| work | ours | peer | ratio | target | met |
|---|---|---|---|---|---|
{chr(10).join(lines)}
"""


def notes(path: Path) -> str:
    """What a page says below its table, from its first section on: a new table leaves it there."""
    _, found, rest = path.read_text(encoding="utf-8").partition("\n## ") if path.is_file() else ("", "", "")
    return found + rest


def processor() -> str:
    """What /proc/cpuinfo says, where there is one."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.is_file() else []
    facts = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = facts.get("flags", "").split()
    has = ", ".join(name for name in FEATURES if name in flags) or "none"
    lacks = ", ".join(name for name in FEATURES if name not in flags) or "none"
    name = facts.get("model name", platform.processor() or platform.machine())
    return f"{name}, {torch.get_num_threads()} threads; of its vector instructions {has} are there, {lacks} are not."


if __name__ == "__main__":
    main()
