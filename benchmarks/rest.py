"""Requests a second and latency over REST, beside FastAPI with a pipeline and TorchServe with a plain handler."""

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from model_archiver.model_archiver_config import ModelArchiverConfig
from model_archiver.model_packaging import generate_model_archive

from benchmarks.material import ENVIRONMENT, ROOT, Material
from benchmarks.measuring import Row, alternate, ratio
from sentiment.serving import TorchServe
from sentiment.serving.archive import package
from sentiment.serving.java import find_java
from sentiment.serving.process import Server as ServerProcess
from sentiment.serving.serve import open_server

OURS, GRANIAN, FASTAPI, PLAIN, BATCHED = (
    "ours",
    "ours, backend=granian",
    "FastAPI + pipeline",
    "TorchServe, plain, batch 1",
    "TorchServe, plain, batch 32",
)
START = 180.0  # s


@dataclass
class Server:
    port: int
    path: str
    latencies: dict[int, list[float]] = field(default_factory=dict)  # s, by connections
    ready_after: float = 0.0  # s
    busy: list[float] = field(default_factory=list)  # of the generator of the load
    held: Callable[[], float] = float  # MB of its processes, shared pages by their share

    def ask(self, connections: int, seconds: float, texts: list[str]) -> float:
        """Requests a second."""
        command = [sys.executable, "-m", "benchmarks.load", str(self.port), self.path, str(connections), str(seconds)]
        done = subprocess.run(command, cwd=ROOT, input=json.dumps(texts), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{self.path}: {done.stderr.strip().splitlines()[-1]}")
        found = json.loads(done.stdout)
        self.latencies.setdefault(connections, []).extend(found["latencies"])
        self.busy.append(found["busy"])
        return len(found["latencies"]) / float(found["seconds"])

    def quantile(self, connections: int, percent: int) -> float:
        """Milliseconds."""
        return 1000 * statistics.quantiles(self.latencies[connections], n=100, method="inclusive")[percent - 1]


def measure(material: Material, folder: Path, *, seconds: float, alone: float, repetitions: int) -> list[Row]:
    """`seconds` with 32 connections, and with 128 for our own servers, and `alone` with one, in each repetition."""
    texts = list(material.test["text"])
    with contextlib.ExitStack() as stack:
        servers = {
            OURS: stack.enter_context(ours(material, folder / "serve")),
            GRANIAN: stack.enter_context(granian(material, folder / "granian")),
            FASTAPI: stack.enter_context(fastapi(material)),
            PLAIN: stack.enter_context(plain(material, folder / "plain-1", batch=1)),
            BATCHED: stack.enter_context(plain(material, folder / "plain-32", batch=32)),
        }
        for server in servers.values():
            server.ask(32, 1.0, texts)  # warm-up
            server.latencies.clear()
        own = {name: servers[name] for name in (OURS, GRANIAN)}
        rates = {
            connections: alternate(
                {name: lambda _, s=s, n=connections, t=took: s.ask(n, t, texts) for name, s in asked.items()},
                repetitions,
            )
            for connections, took, asked in ((32, seconds, servers), (128, seconds, own), (1, alone, servers))
        }
        return rows(servers, rates)


def rows(servers: dict[str, Server], rates: dict[int, dict[str, list[float]]]) -> list[Row]:
    many, one = rates[32], rates[1]

    def told(name: str, connections: int, found: dict[str, list[float]]) -> str:
        p50, p99 = (servers[name].quantile(connections, percent) for percent in (50, 99))
        return f"{statistics.median(found[name]):.0f} req/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms"

    def beside(name: str, target: float | None) -> Row:
        """Requests a second with 32 connections, ours beside those of `name`."""
        times = ratio(many[OURS], many[name])
        wanted = "" if target is None else f"at least {target:g}x"
        met = None if target is None else times >= target
        work = f"REST, 32 connections, {name}"
        return Row(work, told(OURS, 32, many), told(name, 32, many), f"{times:.2f}x", wanted, met)

    better, other = sorted((PLAIN, BATCHED), key=lambda name: -statistics.median(many[name]))
    mine, theirs = servers[OURS], servers[FASTAPI]
    tail = mine.quantile(32, 99) / theirs.quantile(32, 99)
    lone = mine.quantile(1, 50) / theirs.quantile(1, 50)
    tails = [f"{server.quantile(32, 99):.0f} ms" for server in (mine, theirs)]
    ones = told(OURS, 1, one), told(FASTAPI, 1, one)
    busy = max(max(server.busy) for server in servers.values())
    asgi = servers[GRANIAN]
    at_128 = told(OURS, 128, rates[128]), told(GRANIAN, 128, rates[128])
    more = ratio(rates[128][OURS], rates[128][GRANIAN])
    starts = [f"{server.ready_after:.1f} s" for server in (mine, asgi)]
    sizes = [f"{server.held():.0f} MB" for server in (mine, asgi)]
    quick = asgi.quantile(1, 50) <= 2.5
    return [
        beside(FASTAPI, 10),
        Row("REST, 32 connections, p99", *tails, f"{tail:.2f}x", "at most 0.17x", tail <= 1 / 6),
        beside(better, 7),
        beside(other, None),
        beside(GRANIAN, None),
        Row("REST, 128 connections, ours, backend=granian", *at_128, f"{more:.2f}x", "", None),
        Row("REST, 1 connection, backend=granian", told(OURS, 1, one), told(GRANIAN, 1, one), "", "p50 2.5 ms", quick),
        Row("REST server, start to ready, backend=granian", *starts, "", "at most 2 s", asgi.ready_after <= 2),
        Row("REST server, memory, backend=granian", *sizes, "", "at most 450 MB", max(mine.held(), asgi.held()) <= 450),
        Row("REST, 1 connection, p50", *ones, f"{lone:.2f}x", "at most 0.3x", lone <= 0.3),
        Row("the generator of the load, at its busiest", f"{busy:.0%} of a core", "", "", "", None),
    ]


@contextlib.contextmanager
def ours(material: Material, folder: Path) -> Iterator[Server]:
    package(run=material.run, model_store=folder / "store")
    ports = dict(zip(("inference_port", "management_port", "metrics_port"), free_ports(3), strict=True))
    started = time.perf_counter()
    options: dict[str, Any] = {"token_auth": False, "startup_timeout": START, **ports}
    with TorchServe(model_store=folder / "store", work_dir=folder, **options) as server:
        yield started_server(server, time.perf_counter() - started)


@contextlib.contextmanager
def granian(material: Material, folder: Path) -> Iterator[Server]:
    package(run=material.run, model_store=folder / "store")
    ports = dict(zip(("inference_port", "metrics_port"), free_ports(2), strict=True))
    options: dict[str, Any] = {"token_auth": False, "startup_timeout": START, **ports}
    started = time.perf_counter()
    with open_server("granian", model_store=folder / "store", work_dir=folder, **options) as server:
        yield started_server(server, time.perf_counter() - started)


def started_server(server: ServerProcess, ready_after: float) -> Server:
    def held() -> float:
        return sum(process.memory_full_info().pss for process in server.processes()) / 1e6

    return Server(server.ports["inference"], "/predictions/sentiment", ready_after=ready_after, held=held)


@contextlib.contextmanager
def fastapi(material: Material) -> Iterator[Server]:
    [port] = free_ports(1)
    command = [sys.executable, "-m", "uvicorn", "benchmarks.peers.api:app", "--port", str(port), "--log-level", "error"]
    with ended(command, MODEL=str(material.export.absolute())):
        wait(port, "/predict")
        yield Server(port, "/predict")


@contextlib.contextmanager
def plain(material: Material, folder: Path, *, batch: int) -> Iterator[Server]:
    """TorchServe with its own defaults, but for the batch and its delay of 5 ms."""
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    settings = {"minWorkers": 1, "maxWorkers": 1, "batchSize": batch, "maxBatchDelay": 5 if batch > 1 else 1}
    (folder / "model.yaml").write_text(yaml.safe_dump(settings))
    files = ["config.json", "tokenizer.json", "tokenizer_config.json"]
    generate_model_archive(
        ModelArchiverConfig(
            model_name="plain", version="1.0", handler=str(ROOT / "benchmarks" / "peers" / "plain_handler.py"),
            serialized_file=str(material.export / "model.safetensors"), config_file=str(folder / "model.yaml"),
            extra_files=",".join(str(material.export / file) for file in files), export_path=str(folder), force=True,
            archive_format="default", runtime="python",
        )
    )  # fmt: skip
    ports = dict(zip(("inference", "management", "metrics"), free_ports(3), strict=True))
    lines = [f"{api}_address=http://127.0.0.1:{port}" for api, port in ports.items()]
    lines += [f"model_store={folder}", "load_models=plain.mar", "disable_token_authorization=true"]
    lines += ["grpc_inference_port=0", "grpc_management_port=0"]
    (folder / "config.properties").write_text("\n".join(lines) + "\n")
    command = [
        sys.executable,
        "-m",
        "ts.model_server",
        "--start",
        "--foreground",
        "--ncs",
        "--model-store",
        str(folder),
    ]
    command += ["--ts-config", str(folder / "config.properties")]
    temporary = str(folder / "tmp")
    home = str(find_java().parent.parent)
    with ended(command, folder, JAVA_HOME=home, TEMP=temporary, TMPDIR=temporary, LOG_LOCATION=str(folder / "logs")):
        wait(ports["inference"], "/predictions/plain")
        yield Server(ports["inference"], "/predictions/plain")


@contextlib.contextmanager
def ended(command: list[str], folder: Path = ROOT, **variables: str) -> Iterator[None]:
    """A server that is gone, with all its processes, when the block is left."""
    process = subprocess.Popen(
        command, cwd=folder, env={**ENVIRONMENT, **variables}, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        yield
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def wait(port: int, path: str) -> None:
    body = json.dumps({"text": "what a day"}).encode()
    deadline = time.monotonic() + START
    while True:
        asked: Any = urllib.request.Request(
            f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(asked, timeout=30):
                return
        except OSError as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"{path} on port {port} does not answer: {error}") from error
            time.sleep(0.3)


def free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
