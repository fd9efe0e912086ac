"""Requests a second and latency over REST, beside what a user might pick instead.

Mosec has our own Predictor inside and Infinity our own ONNX graph; a peer that is not installed is named as such.
"""

import contextlib
import json
import os
import shutil
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
from benchmarks.peers import interpreter
from sentiment.inference.predictor import Predictor
from sentiment.serving import TorchServe
from sentiment.serving.archive import package
from sentiment.serving.java import find_java
from sentiment.serving.process import Server as ServerProcess
from sentiment.serving.serve import open_server

OURS, GRANIAN, MOSEC, INFINITY, FASTAPI, PLAIN, BATCHED = (
    "ours",
    "ours, backend=granian",
    "Mosec, our Predictor",
    "Infinity, our ONNX graph",
    "FastAPI + pipeline",
    "TorchServe, plain, batch 1",
    "TorchServe, plain, batch 32",
)
START = 180.0  # s
TOGETHER = 64  # texts of a request
QUEUE = 100  # requests, of a queue that is filled


@dataclass
class Server:
    port: int
    path: str
    latencies: dict[int, list[float]] = field(default_factory=dict)  # s, by connections
    ready_after: float = 0.0  # s
    busy: list[float] = field(default_factory=list)  # of the generator of the load
    refused: int = 0  # 503
    held: Callable[[], float] = float  # MB of its processes, shared pages by their share
    body: Callable[[str], object] = lambda text: {"text": text}

    def ask(self, connections: int, seconds: float, texts: list[str]) -> float:
        """Requests a second."""
        return self.send(connections, seconds, [self.body(text) for text in texts])

    def send(self, connections: int, seconds: float, bodies: list[object]) -> float:
        command = [sys.executable, "-m", "benchmarks.load", str(self.port), self.path, str(connections), str(seconds)]
        done = subprocess.run(command, cwd=ROOT, input=json.dumps(bodies), capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{self.path}: {done.stderr.strip().splitlines()[-1]}")
        found = json.loads(done.stdout)
        self.latencies.setdefault(connections, []).extend(found["latencies"])
        self.busy.append(found["busy"])
        self.refused += found["refused"]
        return len(found["latencies"]) / float(found["seconds"])

    def quantile(self, connections: int, percent: int) -> float:
        """Milliseconds."""
        return 1000 * statistics.quantiles(self.latencies[connections], n=100, method="inclusive")[percent - 1]

    def told(self, connections: int, rates: list[float]) -> str:
        p50, p99 = (self.quantile(connections, percent) for percent in (50, 99))
        return f"{statistics.median(rates):.0f} req/s, p50 {p50:.1f} ms, p99 {p99:.1f} ms"


def measure(material: Material, folder: Path, *, seconds: float, alone: float, repetitions: int) -> Iterator[Row]:
    """Measure each server `seconds` at a time with 32 and 128 connections, and `alone` with one."""
    texts = list(material.test["text"])
    pythons = {name: interpreter(package) for name, package in ((MOSEC, "mosec"), (INFINITY, "infinity_emb"))}
    with contextlib.ExitStack() as stack:
        starts: dict[str, contextlib.AbstractContextManager[Server]] = {
            OURS: ours(material, folder / "serve"),
            GRANIAN: granian(material, folder / "granian"),
            **({MOSEC: mosec(material, python)} if (python := pythons[MOSEC]) else {}),
            **({INFINITY: infinity(material, folder, python)} if (python := pythons[INFINITY]) else {}),
            FASTAPI: fastapi(material),
            PLAIN: plain(material, folder / "plain-1", batch=1),
            BATCHED: plain(material, folder / "plain-32", batch=32),
        }
        servers = {name: stack.enter_context(start) for name, start in starts.items()}
        for server in servers.values():
            server.ask(32, 1.0, texts)  # warm-up
            server.latencies.clear()
        quick = {name: server for name, server in servers.items() if name not in (FASTAPI, PLAIN, BATCHED)}
        rates = {
            connections: alternate(
                {name: lambda _, s=s, n=connections, t=took: s.ask(n, t, texts) for name, s in asked.items()},
                repetitions,
            )
            for connections, took, asked in ((32, seconds, servers), (128, seconds, quick), (1, alone, servers))
        }
        own = {name: servers[name] for name in (OURS, GRANIAN)}
        yield from rows(servers, rates)
        yield together(material, own, seconds, min(3, repetitions))
    with ours(material, folder / "narrow", TS_JOB_QUEUE_SIZE=str(QUEUE)) as narrow:
        yield from full(narrow, texts, seconds, min(3, repetitions))


def rows(servers: dict[str, Server], rates: dict[int, dict[str, list[float]]]) -> list[Row]:
    def beside(name: str, target: float | None, *, connections: int = 32, own: str = OURS) -> Row:
        """Requests a second, those of `own` beside those of `name`."""
        found = rates[connections]
        work = f"REST, {connections} connections, {'backend=granian, ' if own == GRANIAN else ''}{name}"
        mine = servers[own].told(connections, found[own])
        wanted = "" if target is None else f"at least {target:g}x"
        if name not in servers:
            return Row(work, mine, "not installed", "", wanted, None)
        times = ratio(found[own], found[name])
        met = None if target is None else times >= target
        return Row(work, mine, servers[name].told(connections, found[name]), f"{times:.2f}x", wanted, met)

    def tail(name: str, connections: int, percent: int, target: str = "", most: float = 0) -> Row:
        """Latency, ours beside that of `name`."""
        both = [servers[one].quantile(connections, percent) for one in (OURS, name)]
        work = f"REST, {connections} connection{'s'[: connections > 1]}, p{percent}, {name}"
        share = both[0] / both[1]
        met = share <= most if target else None
        return Row(work, *(f"{ms:.1f} ms" for ms in both), f"{share:.2f}x", target, met)

    better, other = sorted((PLAIN, BATCHED), key=lambda name: -statistics.median(rates[32][name]))
    mine, asgi = servers[OURS], servers[GRANIAN]
    lone = mine.told(1, rates[1][OURS]), asgi.told(1, rates[1][GRANIAN])
    starts = [f"{server.ready_after:.1f} s" for server in (mine, asgi)]
    sizes = [f"{server.held():.0f} MB" for server in (mine, asgi)]
    busy = max(max(server.busy) for server in servers.values())
    return [
        beside(FASTAPI, 12),
        tail(FASTAPI, 32, 99, "at most 0.17x", 1 / 6),
        beside(better, 7),
        beside(other, None),
        beside(GRANIAN, None),
        *(beside(MOSEC, 1, connections=connections, own=own) for connections in (32, 128) for own in (OURS, GRANIAN)),
        *(beside(INFINITY, 2, connections=connections) for connections in (32, 128)),
        beside(GRANIAN, None, connections=128),
        Row("REST, 1 connection, backend=granian", *lone, "", "p50 2.5 ms", asgi.quantile(1, 50) <= 2.5),
        *(tail(name, 1, 50) for name in (MOSEC, INFINITY) if name in servers),
        tail(FASTAPI, 1, 50, "at most 0.3x", 0.3),
        Row("REST server, start to ready, backend=granian", *starts, "", "at most 2 s", asgi.ready_after <= 2),
        Row("REST server, memory, backend=granian", *sizes, "", "at most 450 MB", max(mine.held(), asgi.held()) <= 450),
        Row("the generator of the load, at its busiest", f"{busy:.0%} of a core", "", "", "", None),
    ]


def together(material: Material, servers: dict[str, Server], seconds: float, repetitions: int) -> Row:
    """Texts a second of requests with 64 texts each, beside those of the batch job's Predictor in this process."""
    texts = list(material.test["text"].head(1024))
    bodies: list[object] = [{"texts": texts[at : at + TOGETHER]} for at in range(0, len(texts), TOGETHER)]
    predictor = Predictor.load(material.run)

    def batch(_: int) -> float:
        started, count = time.perf_counter(), 0
        while time.perf_counter() - started < seconds:
            predictor.predict(texts)
            count += len(texts)
        return count / (time.perf_counter() - started)

    ways = {
        name: lambda _, s=server: s.send(4, seconds, bodies) * len(texts) / len(bodies)
        for name, server in servers.items()
    }
    work = f"REST, {TOGETHER} texts a request, 4 connections"
    try:
        found = alternate({**ways, "batch": batch}, repetitions)
    except SystemExit as error:  # a server that started on a busy machine takes so many texts for too much
        return Row(work, str(error)[:120], "", "", "at least 0.95x", False)
    times = {name: ratio(found[name], found["batch"]) for name in servers}
    rates = ", ".join(f"{name} {statistics.median(found[name]):,.0f} texts/s" for name in servers)
    shares = ", ".join(f"{share:.2f}x" for share in times.values())
    job = f"batch job {statistics.median(found['batch']):,.0f} texts/s"
    met = max(times.values()) >= 0.95
    return Row(work, rates, job, shares, "at least 0.95x", met)


def full(server: Server, texts: list[str], seconds: float, repetitions: int) -> list[Row]:
    """Requests answered a second while the queue of 100 is full, beside the same server's rate with 32 connections."""
    found = alternate({str(n): lambda _, n=n: server.ask(n, seconds, texts) for n in (32, 256, 1000)}, repetitions)
    made = []
    for count in (256, 1000):
        kept = ratio(found[str(count)], found["32"])
        told = server.told(count, found[str(count)])
        work = f"REST, queue of {QUEUE} full, {count:,} connections"
        made.append(Row(work, told, server.told(32, found["32"]), f"{kept:.2f}x", "at least 0.95x", kept >= 0.95))
    return made


@contextlib.contextmanager
def ours(material: Material, folder: Path, **variables: str) -> Iterator[Server]:
    """TorchServe; `variables` of the environment are its own settings."""
    os.environ |= variables
    package(run=material.run, model_store=folder / "store")
    ports = dict(zip(("inference_port", "management_port", "metrics_port"), free_ports(3), strict=True))
    started = time.perf_counter()
    options: dict[str, Any] = {"token_auth": False, "startup_timeout": START, **ports}
    with TorchServe(model_store=folder / "store", work_dir=folder, **options) as server:
        for name in variables:
            del os.environ[name]
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
def mosec(material: Material, python: str) -> Iterator[Server]:
    [port] = free_ports(1)
    command = [python, "-m", "benchmarks.peers.mosec_app", "--address", "127.0.0.1", "--port", str(port)]
    command += ["--timeout", "60000"]  # ms, of a request
    with ended(command, MODEL=str(material.run.absolute())):
        wait(port, "/predict", {"text": "what a day"})
        yield Server(port, "/predict")


@contextlib.contextmanager
def infinity(material: Material, folder: Path, python: str) -> Iterator[Server]:
    """Infinity with its ONNX engine on the graph that ours answers with, and its own way to load and batch it."""
    shutil.copytree(material.export, folder / "infinity")
    [port] = free_ports(1)
    command = [python, "-c", "from infinity_emb.cli import cli; cli()", "v2", "--model-id", str(folder / "infinity")]
    command += ["--engine", "optimum", "--device", "cpu", "--port", str(port), "--host", "127.0.0.1"]
    command += ["--log-level", "error", "--served-model-name", "own", "--no-model-warmup"]  # its texts are too long
    with ended(command, HF_HUB_OFFLINE="1", DO_NOT_TRACK="1"):
        server = Server(port, "/classify", body=lambda text: {"model": "own", "input": [text]})
        wait(port, "/classify", server.body("what a day"))
        yield server


@contextlib.contextmanager
def fastapi(material: Material) -> Iterator[Server]:
    [port] = free_ports(1)
    command = [sys.executable, "-m", "uvicorn", "benchmarks.peers.api:app", "--port", str(port), "--log-level", "error"]
    with ended(command, MODEL=str(material.export.absolute())):
        wait(port, "/predict", {"text": "what a day"})
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
        wait(ports["inference"], "/predictions/plain", {"text": "what a day"})
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


def wait(port: int, path: str, asked_for: object) -> None:
    body = json.dumps(asked_for).encode()
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
