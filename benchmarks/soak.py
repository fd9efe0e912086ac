"""Mixed load on a real server for minutes, some of it hostile, while its worker is killed now and then.

python -m benchmarks.soak [run] [--minutes 20] [--rate 20] [--connections 4] [--hostile 0.05] [--kill-every 2] [--proxy]

A tenth of the time passes before that without the hostile part, for comparison. Exit status 1 where a good request
failed in spite of the client's retries, an answer was wrong, an attack got a 500, the 99th percentile of single texts
is over --max-slowdown times that of the quiet server, Java and the workers grew by more than --max-slope in the second
half of their lives (benchmarks/resident.py), or a process is left.
"""

import argparse
import logging
import os
import random
import shutil
import signal
import socket
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from benchmarks.hostile import ANSWERED, Attack, attacks, half_open
from benchmarks.proxy import Proxy, proxy
from benchmarks.resident import EVERY, WARM_UP, Resident
from sentiment.client import Client, read_key
from sentiment.config.resources import bundled
from sentiment.data.tables import open_table
from sentiment.errors import ClientError
from sentiment.inference.predictor import Predictor
from sentiment.inference.types import Prediction
from sentiment.serving import TorchServe
from sentiment.serving.archive import package
from sentiment.serving.processes import is_worker
from sentiment.worker.admission import MAX_SECONDS

QUIET = 0.1  # share of the time without attacks, before the rest
AGES = (15, 30, 75, 150, 225)  # attacks, after which the table tells what a worker holds
SHAPES = (1, 1, 1, 1, 1, 1, 1, 16, 64)  # texts of a good request, drawn at random
PAUSES = (0.1, 0.3, 1.0, 3.0, 5.0, 5.0, 5.0)  # s; our client's, and some more for a worker that was killed
SHOWN = (
    "{task.fields[requests]} requests, {task.fields[faults]} faults, {task.fields[attacks]} attacks, "
    "Java {task.fields[Java]:.0f} MB, workers {task.fields[worker]:.0f} MB"
)


@dataclass(frozen=True)
class Target:
    """The address that is asked, and how."""

    server: TorchServe
    proxy: Proxy | None = None

    def client(self) -> Client:
        if self.proxy is None:
            return self.server.client(pauses=PAUSES)
        secrets = self.proxy.folder / "secrets"
        return Client(
            url=self.proxy.url,
            model=self.server.models[0],
            key_file=self.proxy.folder / "app.key",
            ca_file=secrets / "tls" / "tls.crt",
            pauses=PAUSES,
        )

    def http(self) -> httpx.Client:
        if self.proxy is not None:
            return self.proxy.client()
        token = read_key(self.server.key_file, "inference") if self.server.key_file else ""
        return httpx.Client(base_url=self.server.url, headers={"Authorization": f"Bearer {token}"}, timeout=130)

    def half_open(self) -> socket.socket:
        port = self.proxy.port if self.proxy else self.server.ports["inference"]
        return half_open("127.0.0.1", port)


@dataclass
class Load:
    """Good requests, at most `rate` a second over so many connections, and `hostile` of all requests beside them."""

    texts: Sequence[str]
    expected: Sequence[Prediction]
    rate: float
    connections: int
    hostile: float = 0.0
    single: list[float] = field(default_factory=list)  # s, of each good request of one text
    good: int = 0
    seconds: float = 0.0  # until the last answer
    faults: Counter[str] = field(default_factory=Counter)
    attacked: Counter[tuple[str, str]] = field(default_factory=Counter)  # kind and status
    attack_seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))  # until it was answered

    def start(self, target: Target, seconds: float) -> list[threading.Thread]:
        until = time.monotonic() + seconds
        jobs = [(self._connection, (target, until, number)) for number in range(self.connections)]
        jobs += [(self._attacks, (target, until, number)) for number in range(2 if self.hostile else 0)]
        threads = [threading.Thread(target=job, args=arguments, daemon=True) for job, arguments in jobs]
        for thread in threads:
            thread.start()
        return threads

    def _connection(self, target: Target, until: float, number: int) -> None:
        """Ask anew once answered, so that a slow machine gets fewer requests and no backlog."""
        rng = random.Random(number)
        with target.client() as client:
            while (began := time.monotonic()) < until:
                chosen = rng.sample(range(len(self.texts)), min(rng.choice(SHAPES), len(self.texts)))
                self._ask(client, chosen)
                if len(chosen) == 1:
                    self.single.append(time.monotonic() - began)
                time.sleep(max(0.0, began + self.connections / self.rate - time.monotonic()))

    def _ask(self, client: Client, chosen: Sequence[int]) -> None:
        self.good += 1
        try:
            answers = client.predict([self.texts[i] for i in chosen])
        except ClientError as error:
            self.faults[f"{type(error).__name__}: {str(error)[-80:]}"] += 1
            return
        for i, answer in zip(chosen, answers, strict=True):
            if answer.label != self.expected[i].label or abs(answer.score - self.expected[i].score) > 1e-3:
                self.faults["wrong answer"] += 1

    def _attacks(self, target: Target, until: float, number: int) -> None:
        rng, requests, held = random.Random(100 + number), attacks(number), list[socket.socket]()
        pause = 2 / (self.rate * self.hostile)  # two threads
        kinds = [*requests, "half-open connection"]
        with target.http() as http:
            while (began := time.monotonic()) < until:
                kind = rng.choice(kinds)
                if kind == "half-open connection":
                    held = [*held[-20:], target.half_open()]
                    self.attacked[kind, "open"] += 1
                else:
                    self._attack(http, requests[kind])
                time.sleep(max(0.0, min(until, began + pause) - time.monotonic()))
        for connection in held:
            connection.close()

    def _attack(self, http: httpx.Client, attack: Attack) -> None:
        headers, began = {"Content-Type": attack.content_type}, time.monotonic()
        try:
            answer = http.post(f"/{attack.api}/sentiment", content=attack.body, headers=headers)
        except httpx.TransportError as error:
            self.attacked[attack.kind, type(error).__name__] += 1
            return
        self.attack_seconds[attack.kind].append(time.monotonic() - began)
        died = answer.status_code in (500, 507) and "Worker died" in answer.text  # it was killed meanwhile
        self.attacked[attack.kind, "worker killed" if died else str(answer.status_code)] += 1
        if answer.status_code not in ANSWERED and not died:
            self.faults[f"{attack.kind} got {answer.status_code}"] += 1


class Killer:
    """Kills a worker with SIGKILL every `minutes` of the load; none where that is 0."""

    def __init__(self, minutes: float) -> None:
        self.every, self.kills = minutes * 60, 0

    def look(self, server: TorchServe, second: float) -> None:
        if not self.every or second < (self.kills + 1) * self.every:
            return
        for process in server.processes():
            if is_worker(process):
                process.kill()
                self.kills += 1
                return


def main() -> None:
    options = arguments()
    logging.disable(logging.INFO)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped too
    run = options.run or newest(Path("outputs"))
    texts = [str(row["text"]) for row in open_table(bundled("data/demo") / "test.csv").rows()]
    expected = Predictor.load(run).predict(texts)
    quiet = Load(texts, expected, options.rate, options.connections)
    load = Load(texts, expected, options.rate, options.connections, options.hostile)
    killer, before = Killer(options.kill_every), {process.pid for process in psutil.process_iter()}
    with serving(run, options) as target:
        soak(target, quiet, options.minutes * QUIET, Killer(0), "quiet")
        memory = soak(target, load, options.minutes, killer, "mixed")
        own = target.server.processes()
    left = [process.pid for process in own if process.is_running() and process.pid not in before]
    ratio = percentile(load.single, 99) / percentile(quiet.single, 99)
    try:
        growth = memory.growth("Java")[1] + memory.growth("worker")[1]
    except ValueError as error:
        raise SystemExit(f"{error} (--minutes)") from error
    Console().print(report(quiet, load, memory, killer, left, options))
    Console().print(attack_table(load))
    missed = [f"{count} x {fault}" for fault, count in (quiet.faults + load.faults).items()]
    if ratio > options.max_slowdown:
        missed.append(f"p99 {ratio:.1f} times the quiet server's (at most {options.max_slowdown:g})")
    if growth > options.max_slope:
        missed.append(f"memory {growth:+.1f} MB a minute (at most {options.max_slope:g})")
    if options.kill_every and killer.kills < int(options.minutes / options.kill_every) - 1:
        missed.append(f"{killer.kills} workers killed")
    if left:
        missed.append(f"processes left: {left}")
    if missed:
        sys.exit(f"not sound: {'; '.join(missed)}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path, help="a run directory; default: the newest of outputs/")
    parser.add_argument("--minutes", type=float, default=20.0, help="of mixed load")
    parser.add_argument("--rate", type=float, default=20.0, help="good requests a second at most")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--hostile", type=float, default=0.05, help="attacks for each good request")
    parser.add_argument(
        "--kill-every", type=float, default=2.0, help="minutes between two kills of the worker; 0: none"
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--max-seconds", type=float, default=MAX_SECONDS, help="that a worker computes at a time")
    parser.add_argument("--proxy", action="store_true", help="ask through deploy/proxy's nginx, which must be there")
    parser.add_argument("--max-slope", type=float, default=2.0, help="MB a minute, of Java and the workers together")
    parser.add_argument("--max-slowdown", type=float, default=3.0, help="p99 of single texts beside the quiet server's")
    parser.add_argument("--port", type=int, default=18080, help="the first of three")
    return parser.parse_args()


@contextmanager
def serving(run: Path, options: argparse.Namespace) -> Iterator[Target]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        package(run=run, model_store=folder / "store", workers=options.workers, max_seconds=options.max_seconds)
        ports = {f"{api}_port": options.port + i for i, api in enumerate(("inference", "management", "metrics"))}
        settings = {"token_auth": not options.proxy, "startup_timeout": 600, **ports}
        server = stack.enter_context(TorchServe(model_store=folder / "store", work_dir=folder / "serve", **settings))
        if not options.proxy:
            yield Target(server)
            return
        nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        if nginx is None:
            raise SystemExit("--proxy needs nginx on the path (Debian: apt-get install nginx-light)")
        generous = {"PROXY_RATE": "1000", "PROXY_BURST": "1000"}  # all of this load comes from one address
        made = stack.enter_context(proxy(folder / "proxy", server.url, nginx, **generous))
        (made.folder / "app.key").write_text(made.key)
        yield Target(server, made)


def newest(outputs: Path) -> Path:
    runs = sorted(outputs.glob("*/metrics.json"), key=lambda path: path.stat().st_mtime)
    if not runs:
        raise SystemExit(f"{outputs} holds no finished run; make one with: python train.py")
    return runs[-1].parent


def soak(target: Target, load: Load, minutes: float, killer: Killer, name: str) -> Resident:
    memory, started = Resident(), time.monotonic()
    memory.look(target.server.processes(), 0.0, 0)
    threads = load.start(target, minutes * 60)
    columns = (TextColumn(name), BarColumn(), TextColumn(SHOWN), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(name, total=minutes, requests=0, faults=0, attacks=0, Java=0.0, worker=0.0)
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(EVERY / len(threads))
            second = time.monotonic() - started
            killer.look(target.server, second)
            memory.look(target.server.processes(), second, load.attacked.total())
            fields = {kind: memory.together(kind)[-1] for kind in ("Java", "worker")}
            counts = {"requests": load.good, "faults": load.faults.total(), "attacks": load.attacked.total()}
            bar.update(task, completed=second / 60, **counts, **fields)
    load.seconds = time.monotonic() - started
    return memory


def percentile(latencies: Sequence[float], percent: int) -> float:
    return statistics.quantiles(latencies, n=100)[percent - 1]


def report(
    quiet: Load, load: Load, memory: Resident, killer: Killer, left: Sequence[int], options: argparse.Namespace
) -> Table:
    where = "through the proxy" if options.proxy else "without a proxy"
    title = f"{options.minutes:g} minutes, {load.connections} connections, {where}, workers={options.workers}"
    table = Table("figure", "value", title=title, title_justify="left")
    table.add_row("good requests", f"{load.good}, {load.good / load.seconds:.1f} a second")
    table.add_row("hostile requests", f"{load.attacked.total()}; workers killed: {killer.kills}")
    table.add_row("failed, wrong, or a 500", ", ".join(f"{n} {kind}" for kind, n in load.faults.items()) or "0")
    for name, latencies in (("quiet", quiet.single), ("mixed", load.single)):
        p50, p95, p99 = (percentile(latencies, p) * 1000 for p in (50, 95, 99))
        row = f"p50 {p50:.0f}, p95 {p95:.0f}, p99 {p99:.0f}, worst {max(latencies) * 1000:.0f} ms"
        table.add_row(f"one text, {name}", row)
    for kind, name in (("Java", "Java"), ("worker", "workers")):
        sizes = numbers(memory.together(kind))
        low, slope, high = memory.growth(kind)
        table.add_row(f"{name}: at each fifth of the time", f"{sizes} MB")
        growth = f"{slope:+.2f} MB/min, middle half {low:+.1f} to {high:+.1f}"
        table.add_row(f"{name}: growth in the second half", growth)
    aged = {age: memory.at_age("worker", age) for age in AGES}
    row = ", ".join(f"{statistics.median(sizes):.0f} MB after {age}" for age, sizes in aged.items() if sizes)
    table.add_row("a worker by attacks, median", row)
    table.add_row(f"each worker after {WARM_UP['worker']}", f"{numbers(memory.at_age('worker', WARM_UP['worker']))} MB")
    table.add_row("processes left", str(len(left)))
    return table


def numbers(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in values)


def attack_table(load: Load) -> Table:
    columns = ("attack", "answers", "answered after, median and worst")
    table = Table(*columns, title="hostile requests", title_justify="left")
    for kind in sorted({kind for kind, _ in load.attacked}):
        answers = {status: n for (one, status), n in load.attacked.items() if one == kind}
        seconds = load.attack_seconds[kind]
        shown = f"{statistics.median(seconds) * 1000:.0f}, {max(seconds) * 1000:.0f} ms" if seconds else "-"
        table.add_row(kind, ", ".join(f"{n} x {status}" for status, n in sorted(answers.items())), shown)
    return table


if __name__ == "__main__":
    main()
