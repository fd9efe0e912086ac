"""Where a training step's time goes, for benchmarks.gpu: wall and GPU time, kernels, waits, Python functions.

Steps after the warm ones are timed alone, then watched for synchronizations, then traced by torch.profiler, then by
cProfile, each for a few steps.
"""

import cProfile
import io
import pstats
import traceback
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity

from benchmarks.gpu_training import clock

TIMED, WATCHED, TRACED, PYTHON = 8, 2, 4, 4  # steps of each kind, in this order
STEPS = TIMED + WATCHED + TRACED + PYTHON + 2
SHOWN = 25


class Profile:
    """Told of the end of each step by a callback; `text` is the report."""

    def __init__(self, warm: int) -> None:
        self.edges = [warm]
        for steps in (TIMED, WATCHED, TRACED, PYTHON):
            self.edges.append(self.edges[-1] + steps)
        self.found: dict[str, Any] = {}
        self.lines: list[str] = []
        self._syncs: Counter[str] = Counter()
        self._started = 0.0

    def step(self, done: int) -> None:
        """Note that so many steps are done."""
        if done not in self.edges:
            return
        phase = self.edges.index(done)
        [self._start_timing, self._watch, self._trace, self._trace_python, self._finish][phase]()

    def _start_timing(self) -> None:
        self._started = clock()

    def _watch(self) -> None:
        self.found["ms_per_step"] = round((clock() - self._started) / TIMED * 1000, 2)
        self._former = warnings.showwarning, list(warnings.filters)
        warnings.simplefilter("always")
        warnings.showwarning = lambda *_, **__: self._syncs.update([stack()])
        if torch.cuda.is_available():
            torch.cuda.set_sync_debug_mode("warn")

    def _trace(self) -> None:
        if torch.cuda.is_available():
            torch.cuda.set_sync_debug_mode("default")
        warnings.showwarning, warnings.filters[:] = self._former  # type: ignore[index]
        clock()
        kinds = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * torch.cuda.is_available()
        self._profiler = torch.profiler.profile(activities=kinds)
        self._profiler.__enter__()
        self._started = clock()

    def _trace_python(self) -> None:
        wall = clock() - self._started
        self._profiler.__exit__(None, None, None)
        self._read(wall * 1e9)
        self._python = cProfile.Profile()
        self._python.enable()

    def _finish(self) -> None:
        self._python.disable()
        for order in ("tottime", "cumulative"):
            out = io.StringIO()
            pstats.Stats(self._python, stream=out).sort_stats(order).print_stats(30)
            rows = [row for row in out.getvalue().splitlines() if row.strip()]
            self.lines += [f"-- Python functions by {order}, {PYTHON} steps", *(row[-150:] for row in rows[4:])]

    def _read(self, wall: float) -> None:
        events = self._profiler.profiler.kineto_results.events()  # type: ignore[union-attr]
        on_gpu = [e for e in events if "CPU" not in str(e.device_type()) and "#" not in e.name()]  # # : an annotation
        on_host = [e for e in events if "CPU" in str(e.device_type())]
        spans = sorted((e.start_ns(), e.start_ns() + e.duration_ns(), e.name()) for e in on_gpu)
        gaps, end, busy, before = [], 0, 0, ""
        for start, stop, name in spans:
            if end and start > end:
                gaps.append((start - end, before, name))
            busy += max(0, stop - max(start, end))
            end, before = max(end, stop), name if stop >= end else before
        calls = Counter(e.name() for e in on_host if e.name().startswith(("cuda", "cu")))
        self.found |= {
            "traced_ms": round(wall / TRACED / 1e6, 2),
            "gpu_busy_ms": round(busy / TRACED / 1e6, 2),
            "kernels": len(on_gpu) // TRACED,
            "launches": sum(count for name, count in calls.items() if "Launch" in name) // TRACED,
            "operations": sum(e.name().startswith("aten::") for e in on_host) // TRACED,
            "synchronizations": sum(self._syncs.values()) / WATCHED,
        }
        self.lines += ["-- GPU kernels: ms a step, count a step", *totals(on_gpu)]
        self.lines += ["-- CUDA calls: ms a step, count a step", *totals(e for e in on_host if e.name() in calls)]
        others = (e for e in on_host if e.name() not in calls)
        self.lines += ["-- host operations, nested ones too: ms a step, count a step", *totals(others)]
        self.lines += ["-- longest gaps of the GPU: ms, after, before"]
        self.lines += [f"{gap / 1e6:8.3f} {a[:55]:55} {b[:55]}" for gap, a, b in sorted(gaps, reverse=True)[:20]]
        self.lines += [f"-- synchronizations in {WATCHED} steps"]
        self.lines += [f"{count} {where}" for where, count in self._syncs.most_common(12)]

    def save(self, name: str, folder: Path) -> dict[str, Any]:
        with (folder / "profile.txt").open("a") as file:
            file.write("\n".join([f"==== {name}", str(self.found), *self.lines, "", ""]))
        return self.found


def totals(events: Iterable[Any]) -> list[str]:
    time: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for event in events:
        time[event.name()] += event.duration_ns()
        count[event.name()] += 1
    lines = [
        f"{ns / TRACED / 1e6:8.3f} {count[name] / TRACED:7.1f} {name[:110]}" for name, ns in time.most_common(SHOWN)
    ]
    return [f"{sum(time.values()) / TRACED / 1e6:8.3f} {sum(count.values()) / TRACED:7.1f} all", *lines]


def stack() -> str:
    frames = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_stack()[:-2]]
    return " < ".join(reversed(frames[-7:]))
