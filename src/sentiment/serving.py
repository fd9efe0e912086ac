"""TorchServe on this machine: configure, start, wait until ready, stop, and leave nothing behind."""

import contextlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import psutil
from annotated_types import Gt

from sentiment.client import PAUSES, Client, read_key
from sentiment.errors import ClientError, ServingError
from sentiment.files import write_text
from sentiment.java import find_java
from sentiment.ports import Port, check_free
from sentiment.processes import processes_of

log = logging.getLogger(__name__)

STOP_SECONDS = 20.0
CANARY = "a first text to see that the model answers"


class TorchServe:
    """A server as a context manager: ready when entered, gone when left.

    `folder` holds its configuration, logs, keys and temporary files, and belongs to this server alone.
    """

    def __init__(
        self,
        *,
        store: Path,
        folder: Path,
        models: Sequence[str] | None = None,
        host: str = "127.0.0.1",
        inference_port: int = 8080,
        management_port: int = 8081,
        metrics_port: int = 8082,
        tokens: bool = True,
        startup_timeout: float = 120.0,
    ) -> None:
        self.store, self.folder = Path(store).absolute(), Path(folder).absolute()
        self.models = list(models) if models else archives(self.store)
        self.host = host
        self.ports = {"inference": inference_port, "management": management_port, "metrics": metrics_port}
        self.tokens = tokens
        self.startup_timeout = startup_timeout
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.address("inference")

    @property
    def key_file(self) -> Path | None:
        return self.folder / "key_file.json" if self.tokens else None

    def address(self, api: str) -> str:
        return f"http://{self.host}:{self.ports[api]}"

    def client(self, model: str | None = None, *, pauses: Sequence[float] = PAUSES) -> Client:
        return Client(url=self.url, model=model or self.models[0], key_file=self.key_file, pauses=pauses)

    def __enter__(self) -> "TorchServe":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and return once every model answers; ServingError where it does not."""
        for model in self.models:
            if not (self.store / f"{model}.mar").is_file():
                raise ServingError(f"{self.store / model}.mar does not exist; make it with: sentiment package")
        for name, port in self.ports.items():
            check_free(self.host, port, f"{name}_port")
        java = find_java()
        self._prepare()
        command = [sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--ncs"]
        command += ["--ts-config", str(self.folder / "config.properties"), "--model-store", str(self.store)]
        environment = {
            **os.environ,
            "JAVA_HOME": str(java.parent.parent),
            "TEMP": str(self.folder / "tmp"),
            "TMPDIR": str(self.folder / "tmp"),
            "LOG_LOCATION": str(self.folder / "logs"),
            "METRICS_LOCATION": str(self.folder / "logs"),
        }
        environment.pop("TS_CONFIG_FILE", None)
        with (self.folder / "console.log").open("wb") as output:
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End Java and its workers, which share one process group, and wait until the last is gone."""
        if self._process is None:
            return
        group = self._process.pid
        members = processes_of(group)
        for process in members:
            if process.pid != group:  # Java stops its workers; the launcher ends with Java
                with contextlib.suppress(psutil.Error):
                    if process.name() == "java":
                        process.terminate()
        _, alive = psutil.wait_procs(members, timeout=STOP_SECONDS)
        if alive or processes_of(group):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self._process.wait()
        self._process = None
        (self.folder / "key_file.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)

    def wait(self) -> None:
        """Block until the server ends by itself, which is an error."""
        assert self._process is not None
        status = self._process.wait()
        raise ServingError(f"TorchServe ended with status {status}; see {self.folder / 'logs'}{self._reason()}")

    def properties(self) -> str:
        """config.properties."""
        settings = {
            **{f"{api}_address": self.address(api) for api in self.ports},
            "model_store": self.store,
            "load_models": ",".join(f"{model}.mar" for model in self.models),
            "disable_token_authorization": str(not self.tokens).lower(),
            "token_expiration_min": 60 * 24 * 30,
            "metrics_mode": "prometheus",
            "job_queue_size": 1000,
            "install_py_dep_per_model": "false",
            "grpc_inference_port": 0,  # gRPC is not offered: any free port, so that two servers do not meet at 7070
            "grpc_management_port": 0,
        }
        return "".join(f"{name}={value}\n" for name, value in settings.items())

    def _prepare(self) -> None:
        shutil.rmtree(
            self.folder / "logs", ignore_errors=True
        )  # the former server's, or its errors would be read as ours
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        (self.folder / "key_file.json").unlink(missing_ok=True)
        write_text(self.folder / "config.properties", self.properties())

    def _wait_until_ready(self) -> None:
        """Ready is a READY worker for each model and an answer to a canary text; /ping says Healthy far too early."""
        deadline = time.monotonic() + self.startup_timeout
        waiting = list(self.models)
        while waiting:
            assert self._process is not None
            if self._process.poll() is not None:
                raise ServingError(f"TorchServe did not start; see {self.folder / 'console.log'}{self._reason()}")
            if time.monotonic() > deadline:
                raise ServingError(
                    f"{', '.join(waiting)} not ready after {self.startup_timeout:.0f} s; see {self.folder / 'logs'}"
                    f"{self._reason()}"
                )
            if reason := self._reason():
                raise ServingError(f"{waiting[0]} does not load; see {self.folder / 'logs'}{reason}")
            waiting = [model for model in waiting if not self._ready(model)]
            time.sleep(0.1)
        for model in self.models:
            with self.client(model) as client:
                client.predict([CANARY])

    def _ready(self, model: str) -> bool:
        with self.client(model, pauses=()) as client:
            try:
                described = client.describe(self.address("management"))
            except ClientError:
                return False
        return any(worker["status"] == "READY" for worker in described["workers"])

    def _reason(self) -> str:
        """The first error of Python or Java in the logs, as "; reason: ...", if there is any."""
        for path in (
            self.folder / "logs" / "model_log.log",
            self.folder / "logs" / "ts_log.log",
            self.folder / "console.log",
        ):
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
            for line in lines:
                if "Error: " in line or "Exception: " in line:
                    return "; reason: " + line.rpartition(" - ")[2].strip()
        return ""


def serve(
    *,
    store: Path,
    folder: Path,
    models: Sequence[str] | None = None,
    host: str = "127.0.0.1",
    inference_port: Port = 8080,
    management_port: Port = 8081,
    metrics_port: Port = 8082,
    tokens: bool = True,
    startup_timeout: Annotated[float, Gt(0)] = 120.0,
) -> None:
    """Serve archives until Ctrl-C."""
    server = TorchServe(
        store=store, folder=folder, models=models, host=host, inference_port=inference_port,
        management_port=management_port, metrics_port=metrics_port, tokens=tokens, startup_timeout=startup_timeout,
    )  # fmt: skip
    log.info("starting TorchServe for %s, logs in %s", ", ".join(server.models), server.folder / "logs")
    started = time.monotonic()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        with server:
            log.info("ready after %.1f s; Ctrl-C stops it", time.monotonic() - started)
            log.info("%s", addresses(server))
            server.wait()
    except KeyboardInterrupt:
        log.info("stopped")


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def addresses(server: TorchServe) -> str:
    """Where the server listens, and a curl line that works."""
    token = read_key(server.key_file, "inference") if server.key_file else None
    header = f" -H 'Authorization: Bearer {token}'" if token else ""
    lines = [f"{api:<11} {server.address(api)}" for api in server.ports]
    if server.key_file:
        lines.append(f"{'keys':<11} {server.key_file}")
    for model in server.models:
        lines.append(
            f"curl {server.url}/predictions/{model}{header} -H 'Content-Type: application/json' "
            '-d \'{"text": "what a day"}\''
        )
    return "\n".join(lines)


def archives(store: Path) -> list[str]:
    """The models of a store by name; ServingError where there is none."""
    names = sorted(path.stem for path in store.glob("*.mar"))
    if not names:
        raise ServingError(f"{store} holds no .mar archive; make one with: sentiment package run=outputs/<run>")
    return names
