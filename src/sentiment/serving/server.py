"""TorchServe on this machine: start, wait until ready, stop, and leave nothing behind."""

import contextlib
import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from sentiment.client import Client, Management
from sentiment.client.exchange import PAUSES
from sentiment.client.readiness import look
from sentiment.errors import ClientError, ServingError
from sentiment.files import write_text
from sentiment.java import find_java
from sentiment.ports import check_free
from sentiment.processes import processes_of
from sentiment.serving.environment import read_env_file, torchserve_settings
from sentiment.serving.settings import Settings, metrics_text, properties_text
from sentiment.serving.store import served

log = logging.getLogger(__name__)

STOP_SECONDS = 20.0
RENEW_AFTER = 0.8  # of a token's time
STDOUT = 1  # this process's own


class TorchServe:
    """A server as a context manager: ready when entered, gone when left.

    `folder` holds its configuration, logs, keys and temporary files, and belongs to this server alone.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**settings)
        self.store, self.folder = Path(self.settings.store).absolute(), Path(self.settings.folder).absolute()
        self.archives = served(self.store, self.settings.models)
        self.models = list(dict.fromkeys(one.model for one in self.archives))
        self.ports = self.settings.ports
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.address("inference")

    @property
    def key_file(self) -> Path | None:
        return self.folder / "key_file.json" if self.settings.tokens else None

    def address(self, api: str) -> str:
        return self.settings.address(api)

    def client(self, model: str | None = None, *, pauses: Sequence[float] = PAUSES) -> Client:
        return Client(
            url=self.url,
            model=model or self.models[0],
            key_file=self.key_file,
            management_url=self.address("management"),
            pauses=pauses,
        )

    def management(self) -> Management:
        return Management(url=self.address("management"), key_file=self.key_file)

    def __enter__(self) -> "TorchServe":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and return once every model answers; ServingError where it does not."""
        for name, port in self.ports.items():
            check_free(self.settings.hosts[name], port, f"{name}_port")
        variables = read_env_file(Path(self.settings.env_file)) if self.settings.env_file else {}
        passed = torchserve_settings(os.environ, variables)
        properties = self.settings.properties([one.file for one in self.archives], passed)
        java = find_java()
        self._prepare(properties)
        command = [sys.executable, "-m", "ts.model_server", "--start", "--foreground", "--ncs"]
        command += ["--ts-config", str(self.folder / "config.properties"), "--model-store", str(self.store)]
        command += ["--log-config", str(self.folder / "log4j2.xml")]
        environment = {
            **variables,
            **os.environ,
            "JAVA_HOME": str(java.parent.parent),
            "TEMP": str(self.folder / "tmp"),
            "TMPDIR": str(self.folder / "tmp"),
            "LOG_LOCATION": str(self.folder / "logs"),
            "METRICS_LOCATION": str(self.folder / "logs"),
        }
        with (self.folder / "console.log").open("wb") as console:  # what Java prints past its log
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=console,
                stderr=STDOUT if self.settings.logs == "stdout" else console, start_new_session=True,
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
        members = self.processes()
        for process in members:
            if process.pid != group:  # Java stops its workers; the launcher ends with Java
                with contextlib.suppress(psutil.Error):
                    if process.name() == "java":
                        process.terminate()
        _, alive = psutil.wait_procs(members, timeout=STOP_SECONDS)
        if alive or self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        self._process.wait()
        self._process = None
        (self.folder / "key_file.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)

    def processes(self) -> list[psutil.Process]:
        """The launcher, Java and the workers, as they are now."""
        return processes_of(self._process.pid) if self._process else []

    def wait(self) -> None:
        """Renew the tokens in time until the server ends by itself, which is an error."""
        assert self._process is not None
        seconds = self._until_renewal() if self.settings.tokens else None
        while True:
            try:
                status = self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                seconds = self._until_renewal() if self._renew() else self._renew_after / 10
            else:
                raise ServingError(f"TorchServe ended with status {status}; see {self.folder / 'logs'}{self._reason()}")

    def _until_renewal(self) -> float:
        """Seconds from now; the first tokens were made while the models were still loaded."""
        try:
            made = (self.folder / "key_file.json").stat().st_mtime
        except FileNotFoundError:
            return 0.0
        return max(0.0, made + self._renew_after - time.time())

    @property
    def _renew_after(self) -> float:
        return self.settings.token_expiration_min * 60 * RENEW_AFTER  # s

    def _renew(self) -> bool:
        try:
            with self.management() as management:
                management.renew()
        except ClientError as error:
            log.warning("the tokens are not renewed, and soon tried again: %s", error)
            return False
        return True

    def _prepare(self, properties: Mapping[str, str]) -> None:
        shutil.rmtree(self.folder / "logs", ignore_errors=True)  # a former server's errors would be read as ours
        (self.folder / "console.log").unlink(missing_ok=True)
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        (self.folder / "key_file.json").unlink(missing_ok=True)
        write_text(self.folder / "config.properties", properties_text(properties))
        write_text(self.folder / "log4j2.xml", self.settings.log4j2())
        write_text(self.folder / "metrics.yaml", metrics_text())

    def _wait_until_ready(self) -> None:
        """Ready is what `sentiment ready` means, for each model."""
        deadline = time.monotonic() + self.settings.startup_timeout
        waiting = list(self.models)
        while waiting:
            assert self._process is not None
            if self._process.poll() is not None:
                raise ServingError(f"TorchServe did not start; see {self.folder / 'console.log'}{self._reason()}")
            if time.monotonic() > deadline:
                seconds = f"{self.settings.startup_timeout:.0f} s"
                raise ServingError(
                    f"{', '.join(waiting)} not ready after {seconds}; see {self.folder / 'logs'}{self._reason()}"
                )
            if reason := self._reason():
                raise ServingError(f"{waiting[0]} does not load; see {self.folder / 'logs'}{reason}")
            waiting = [model for model in waiting if not self._ready(model)]
            time.sleep(0.1)

    def _ready(self, model: str) -> bool:
        with self.client(model) as client:
            try:
                look(client, self.address("management"))
            except ClientError:
                return False
        return True

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
                    return "; reason: " + message(line)
        return ""


def message(line: str) -> str:
    """What a line of the logs says, without its time and logger."""
    return str(json.loads(line)["message"]).strip() if line.startswith("{") else line.rpartition(" - ")[2].strip()
