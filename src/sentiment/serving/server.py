"""The TorchServe process: start, wait until ready, drain, stop, clean up."""

import contextlib
import os
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
from sentiment.serving import guard
from sentiment.serving.drain import drain
from sentiment.serving.environment import read_env_file, torchserve_settings
from sentiment.serving.exposure import check_exposure, check_hosts
from sentiment.serving.folder import Folder
from sentiment.serving.java import CLASSES, find_java, server_command, write_classes
from sentiment.serving.logs import MemoryWatch, reason_in
from sentiment.serving.ports import check_free, reachable
from sentiment.serving.processes import end_session, is_java, is_worker, processes_of
from sentiment.serving.settings import Settings, metrics_text, properties_text
from sentiment.serving.store import served, tidy
from sentiment.serving.tokens import TIMEOUT, Renewal
from sentiment.serving.watch import Watch, look_at
from sentiment.worker import activity

LOOK_SECONDS = 1.0  # polling interval for tokens and processes
LISTED_LOOKS = 10  # polls between two process listings, which scan all processes of the machine
STDOUT = 1  # file descriptor of this process


class TorchServe:
    """A TorchServe process as a context manager: ready on entry, stopped on exit.

    Its `work_dir` holds configuration, logs, keys and temporary files, and must not be shared with another server.
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**settings)
        check_hosts(self.settings)
        self.exposures = check_exposure(self.settings)
        self.identity = self.settings.tls.check()
        self.store = Path(self.settings.model_store).absolute()
        self.folder = Path(self.settings.work_dir).absolute()
        self.archives = served(self.store, self.settings.models)
        self.models = list(dict.fromkeys(one.model for one in self.archives))
        self.ports = self.settings.ports
        self._folder = Folder(self.folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.address("inference")

    @property
    def key_file(self) -> Path | None:
        return self.folder / "key_file.json" if self.settings.token_auth else None

    def address(self, api: str) -> str:
        return self.settings.address(api)

    def client(self, model: str | None = None, *, pauses: Sequence[float] = PAUSES) -> Client:
        return Client(
            url=self.url,
            model=model or self.models[0],
            key_file=self.key_file,
            management_url=self.address("management"),
            pauses=pauses,
            **self._trust("inference"),
        )

    def management(self, **options: Any) -> Management:
        trust = self._trust("management")
        return Management(url=self.address("management"), key_file=self.key_file, **trust, **options)

    def _trust(self, api: str) -> dict[str, Any]:
        """Return the TLS options of this server's own clients, which trust exactly its certificate."""
        if self.identity is None:
            return {}
        host = reachable(self.settings.hosts[api])
        return {"ca_file": self.identity.certificate, "server_name": self.identity.server_name(host)}

    def __enter__(self) -> "TorchServe":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the server and return once every model answers.

        Raises:
            ServingError: A port is in use, the folder is locked, or a model does not become ready.
            ConfigError: An environment variable or the env file is invalid.
        """
        variables = read_env_file(Path(self.settings.env_file)) if self.settings.env_file else {}
        passed = torchserve_settings(os.environ, variables)
        properties = self.settings.properties([one.file for one in self.archives], passed)
        java = find_java()
        self._folder.claim()
        try:
            for name, port in self.ports.items():
                check_free(self.settings.hosts[name], port, f"{name}_port")
            tidy(self.store)
            self._prepare(properties)
            self._launch(java, self._environment(variables))
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def drain(self) -> bool:
        """Finish pending requests and refuse new ones; False if `drain_seconds` did not suffice."""
        clients = []
        with contextlib.suppress(ClientError), self.management(timeout=TIMEOUT, pauses=()) as management:
            found = [one for model in management.models() for one in management.versions(model) if one.ready]
            clients = [self.client(f"{one.model}/{one.version}") for one in found]
        return drain(clients, self._activity, self._batches, seconds=self.settings.drain_seconds)

    def stop(self, *, at_once: bool = False) -> None:
        """Stop Java and its workers, and wait until the last process of their session has ended.

        Args:
            at_once: Kill at once, without letting Java stop its workers.
        """
        if self._process is not None:
            end_session(self._process.pid, at_once=at_once)
            assert self._process.stdin is not None
            self._process.stdin.close()  # a closed pipe ends the guard
            self._process.wait()
            self._process = None
            (self.folder / "key_file.json").unlink(missing_ok=True)
            self._folder.clear_tmp()
        self._folder.release()

    def processes(self) -> list[psutil.Process]:
        """List the running processes of the session: guard, Java and workers."""
        return processes_of(self._process.pid) if self._process else []

    def wait(self) -> None:
        """Renew tokens and watch the processes until the server ends.

        Raises:
            ServingError: TorchServe ended unexpectedly, or ran out of memory.
        """
        assert self._process is not None
        renewal = self._renewal() if self.settings.token_auth else None
        watch, members, looks = Watch(lambda pid: psutil.Process(pid).kill()), self.processes(), 0
        memory = MemoryWatch(self.folder)
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(min(LOOK_SECONDS, self._lifetime / 20))
                raise ServingError(f"TorchServe ended with status {status}; see {self._folder.logs}{self._reason()}")
            if renewal:
                renewal.look()
            looks += 1
            if looks % LISTED_LOOKS == 0 or not all(process.is_running() for process in members):
                members = self.processes()
            watch.look(*([found for one in members if kind(one) and (found := look_at(one, self._activity))]
                         for kind in (is_java, is_worker)))  # fmt: skip
            if memory.ran_out():
                told = "TorchServe ran out of memory for bodies under way, and would answer no more"
                raise ServingError(f"{told}; see {self._folder.logs}; start it again")

    @property
    def _lifetime(self) -> float:
        return self.settings.token_expiration_min * 60  # s

    @property
    def _activity(self) -> Path:
        return self._folder.tmp / "activity"

    def _batches(self) -> dict[int, activity.Batches | None]:
        return {one.pid: activity.read_batches(self._activity, one.pid) for one in self.processes() if is_worker(one)}

    def _renewal(self) -> Renewal:
        return Renewal(
            self.folder / "key_file.json",
            lifetime=self._lifetime,
            management=lambda: self.management(timeout=TIMEOUT, pauses=()),
        )

    def _prepare(self, properties: Mapping[str, str]) -> None:
        self._folder.clear()
        self._activity.mkdir()
        write_classes(self.folder / CLASSES)
        write_text(self.folder / "config.properties", properties_text(properties))
        write_text(self.folder / "log4j2.xml", self.settings.log4j2())
        write_text(self.folder / "metrics.yaml", metrics_text())

    def _environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        tmp, logs = str(self._folder.tmp), str(self._folder.logs)
        return {
            **variables,
            **os.environ,
            "TEMP": tmp,
            "TMPDIR": tmp,
            "LOG_LOCATION": logs,
            "METRICS_LOCATION": logs,
            activity.FOLDER: str(self._activity),
        }

    def _launch(self, java: Path, environment: Mapping[str, str]) -> None:
        """Start the guard process, which starts Java; files they create are readable by this user only."""
        command = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid())]
        command += server_command(java, work_dir=self.folder, model_store=self.store)
        assert self._folder.lock is not None
        with self._folder.open_console() as console:  # output that Java prints outside its logs
            self._process = subprocess.Popen(
                command, cwd=self.folder, env=environment, stdin=subprocess.PIPE, stdout=console, umask=0o077,
                stderr=STDOUT if self.settings.logs == "stdout" else console, start_new_session=True,
                pass_fds=[self._folder.lock],
            )  # fmt: skip

    def _wait_until_ready(self) -> None:
        """Wait until every model passes the same check as `sentiment ready`."""
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
        return reason_in(self.folder)
