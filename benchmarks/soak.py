"""Steady load on a real server for minutes: errors, latency, and whether its memory stays flat.

python benchmarks/soak.py [run] [--minutes 10] [--rate 20] [--connections 4]

Exit status 1 where a request failed, an answer was wrong, or memory grew by more than --max-slope after the warm-up.
"""

import argparse
import itertools
import logging
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sentiment.client import Client
from sentiment.errors import ClientError
from sentiment.packaging import package
from sentiment.predictor import Predictor
from sentiment.resources import bundled
from sentiment.schema import Prediction
from sentiment.serving import TorchServe
from sentiment.tables import open_table

WARM_UP = 0.2  # of the time, left out of the slope: Java grows its heap, torch its buffers
EVERY = 5.0  # s between two looks at the memory
MB = 1e6
SHOWN = (
    "{task.fields[requests]} requests, {task.fields[faults]} faults, "
    "Java {task.fields[java]:.0f} MB, workers {task.fields[workers]:.0f} MB"
)


@dataclass
class Load:
    """One text in each request, at most `rate` requests a second, over so many connections."""

    texts: Sequence[str]
    expected: Sequence[Prediction]
    rate: float
    connections: int
    latencies: list[float] = field(default_factory=list)  # s
    faults: Counter[str] = field(default_factory=Counter)

    def start(self, server: TorchServe, seconds: float) -> list[threading.Thread]:
        until = time.monotonic() + seconds
        threads = [
            threading.Thread(target=self._connection, args=(server, until, number), daemon=True)
            for number in range(self.connections)
        ]
        for thread in threads:
            thread.start()
        return threads

    def _connection(self, server: TorchServe, until: float, number: int) -> None:
        """Asks anew once answered, so that a slow machine gets fewer requests and no backlog."""
        with server.client(pauses=()) as client:
            for index in itertools.cycle(range(number, len(self.texts), self.connections)):
                began = time.monotonic()
                if began > until:
                    return
                self._ask(client, index)
                self.latencies.append(time.monotonic() - began)
                time.sleep(max(0.0, began + self.connections / self.rate - time.monotonic()))

    def _ask(self, client: Client, index: int) -> None:
        try:
            [answer] = client.predict([self.texts[index]])
        except ClientError as error:
            self.faults[type(error).__name__] += 1
            return
        if answer.label != self.expected[index].label or abs(answer.score - self.expected[index].score) > 1e-3:
            self.faults["wrong answer"] += 1


@dataclass
class Memory:
    """Resident megabytes of Java and of the workers, over time."""

    minutes: list[float] = field(default_factory=list)
    java: list[float] = field(default_factory=list)
    workers: list[float] = field(default_factory=list)

    def look(self, server: TorchServe, minute: float) -> None:
        sizes = {"java": 0.0, "worker": 0.0}
        for process in server.processes():
            kind = "java" if process.name() == "java" else "worker"
            if kind == "java" or any("model_service_worker" in part for part in process.cmdline()):
                sizes[kind] += process.memory_info().rss / MB
        self.minutes.append(minute)
        self.java.append(sizes["java"])
        self.workers.append(sizes["worker"])

    def slope(self, sizes: Sequence[float]) -> float:
        """Megabytes a minute after the warm-up, by least squares."""
        first = self.warm
        return statistics.linear_regression(self.minutes[first:], sizes[first:]).slope

    @property
    def warm(self) -> int:
        return next(i for i, minute in enumerate(self.minutes) if minute >= WARM_UP * self.minutes[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, help="a run directory; default: the newest of outputs/")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second at most")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--max-slope", type=float, default=2.0, help="MB a minute, of Java and the workers together")
    parser.add_argument("--port", type=int, default=18080, help="the first of three")
    options = parser.parse_args()
    logging.disable(logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped too
    run = options.run or newest(Path("outputs"))
    texts = [row["text"] for row in open_table(bundled("data/demo") / "test.csv").rows(["text"])]
    load = Load(texts, Predictor.load(run).predict(texts), options.rate, options.connections)
    with tempfile.TemporaryDirectory() as folder:
        package(run=run, store=Path(folder))
        ports = {f"{api}_port": options.port + i for i, api in enumerate(("inference", "management", "metrics"))}
        with TorchServe(store=Path(folder), folder=Path(folder) / "serve", startup_timeout=600, **ports) as server:
            memory = soak(server, load, options.minutes)
    Console().print(report(load, memory, f"{options.minutes:g} minutes at most {options.rate:g} requests/s"))
    growth = memory.slope([a + b for a, b in zip(memory.java, memory.workers, strict=True)])
    if load.faults or growth > options.max_slope:
        sys.exit(
            f"not flat: faults {dict(load.faults)}, memory {growth:+.1f} MB a minute (at most {options.max_slope})"
        )


def newest(outputs: Path) -> Path:
    runs = sorted(outputs.glob("*/metrics.json"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise SystemExit(f"{outputs} holds no finished run; make one with: python train.py")
    return runs[-1].parent


def soak(server: TorchServe, load: Load, minutes: float) -> Memory:
    memory, started = Memory(), time.monotonic()
    memory.look(server, 0.0)
    threads = load.start(server, minutes * 60)
    with Progress(BarColumn(), TextColumn(SHOWN), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("soak", total=minutes, requests=0, faults=0, java=memory.java[0], workers=memory.workers[0])
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(EVERY / len(threads))
            minute = (time.monotonic() - started) / 60
            memory.look(server, minute)
            fields = {"java": memory.java[-1], "workers": memory.workers[-1]}
            bar.update(task, completed=minute, requests=len(load.latencies), faults=load.faults.total(), **fields)
    return memory


def report(load: Load, memory: Memory, title: str) -> Table:
    cuts = statistics.quantiles(load.latencies, n=100)
    table = Table("figure", "value", title=f"{title}, {load.connections} connections", title_justify="left")
    count, seconds = len(load.latencies), memory.minutes[-1] * 60
    table.add_row("requests", f"{count}, {count / seconds:.1f} a second")
    table.add_row("errors and wrong answers", ", ".join(f"{n} {kind}" for kind, n in load.faults.items()) or "0")
    table.add_row("latency p50, p99", f"{cuts[49] * 1000:.0f} ms, {cuts[98] * 1000:.0f} ms")
    for name, sizes in (("Java", memory.java), ("workers", memory.workers)):
        table.add_row(
            f"{name}: start, warm, end",
            f"{sizes[0]:.0f}, {sizes[memory.warm]:.0f}, {sizes[-1]:.0f} MB; {memory.slope(sizes):+.2f} MB/min",
        )
    return table


if __name__ == "__main__":
    main()
