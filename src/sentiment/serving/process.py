"""A server process: start, wait until ready, watch, drain, stop, clean up."""

import contextlib
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import psutil

from sentiment.client import Client
from sentiment.client.exchange import PAUSES
from sentiment.client.readiness import look
from sentiment.errors import ClientError, ServingError
from sentiment.serving.environment import read_env_file
from sentiment.serving.exposure import check_exposure, check_hosts
from sentiment.serving.folder import Folder
from sentiment.serving.launch import environment_in, launch
from sentiment.serving.logs import reason_in
from sentiment.serving.ports import check_free, reachable
from sentiment.serving.processes import end_session, processes_of
from sentiment.serving.settings import Settings
from sentiment.serving.store import archives_to_serve, tidy
from sentiment.serving.tokens import Renewal
from sentiment.serving.watch import Watch, look_at
from sentiment.worker import activity

LOOK_SECONDS = 1.0  # polling interval for tokens and processes
LISTED_LOOKS = 10  # polls between two process listings, which scan all processes of the machine


class Server(ABC):
    """A server as a context manager: ready on entry, stopped on exit.

    Its `work_dir` holds configuration, logs, keys and temporary files, and must not be shared with another server.
    """

    NAME: ClassVar[str]
    VARIABLES: ClassVar[Mapping[str, str]] = {}  # of the process, unless the env file or the environment has them

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings(**settings)
        check_hosts(self.settings)
        self.exposures = check_exposure(self.settings)
        self.identity = self.settings.tls.check()
        self.store = Path(self.settings.model_store).absolute()
        self.folder = Path(self.settings.work_dir).absolute()
        self.archives = archives_to_serve(self.store, self.settings.models)
        self.models = list(dict.fromkeys(one.model for one in self.archives))
        self.ports = self.settings.ports
        self._folder = Folder(self.folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.address("inference")

    @property
    def key_file(self) -> Path | None:
        return self._folder.key_file if self.settings.token_auth else None

    @property
    def management_url(self) -> str | None:
        """The address of the management API; None: there is none."""
        return None

    @property
    def logs(self) -> Path:
        return self._folder.logs

    def address(self, api: str) -> str:
        return self.settings.address(api)

    def client(self, model: str | None = None, *, pauses: Sequence[float] = PAUSES) -> Client:
        return Client(
            url=self.url,
            model=model or self.models[0],
            key_file=self.key_file,
            management_url=self.management_url,
            pauses=pauses,
            **self._trust("inference"),
        )

    def _trust(self, api: str) -> dict[str, Any]:
        """Return the TLS options of this server's own clients, which trust exactly its certificate."""
        if self.identity is None:
            return {}
        host = reachable(self.settings.hosts[api])
        return {"ca_file": self.identity.certificate, "server_name": self.identity.server_name(host)}

    def __enter__(self) -> Self:
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
        self._check(variables)
        self._folder.claim()
        try:
            for name, port in self.ports.items():
                check_free(self.settings.hosts[name], port, f"{name}_port")
            tidy(self.store)
            self._folder.clear()
            self._activity.mkdir()
            self._prepare()
            environment = environment_in(self._folder, {**self.VARIABLES, **variables})
            on_stdout = self.settings.logs == "stdout"
            self._process = launch(self._command(), environment, self._folder, logs_on_stdout=on_stdout)
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    @abstractmethod
    def _check(self, variables: Mapping[str, str]) -> None:
        """Check before the folder is claimed what the server needs, and the variables of the env file."""

    @abstractmethod
    def _prepare(self) -> None:
        """Write the configuration into the folder."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Return the command that serves."""

    @abstractmethod
    def is_main(self, process: psutil.Process) -> bool:
        """Tell whether a process is the one that stops the others on SIGTERM."""

    @abstractmethod
    def is_worker(self, process: psutil.Process) -> bool:
        """Tell whether a process computes."""

    def _failure(self) -> str | None:
        """Return why the server will answer no more although it runs; None while it does."""
        return None

    @abstractmethod
    def _renewal(self) -> Renewal:
        """Return what renews the tokens."""

    @abstractmethod
    def drain(self) -> bool:
        """Finish pending requests and refuse new ones; False if `drain_seconds` did not suffice."""

    def stop(self, *, at_once: bool = False) -> None:
        """Stop the main process and its workers, and wait until the last process of their session has ended.

        Args:
            at_once: Kill at once, without letting it stop its workers.
        """
        if self._process is not None:
            end_session(self._process.pid, is_main=self.is_main, at_once=at_once)
            assert self._process.stdin is not None
            self._process.stdin.close()  # a closed pipe ends the guard
            self._process.wait()
            self._process = None
            self._folder.key_file.unlink(missing_ok=True)
            self._folder.clear_tmp()
        self._folder.release()

    def processes(self) -> list[psutil.Process]:
        """List the running processes of the session: guard, main process and workers."""
        return processes_of(self._process.pid) if self._process else []

    def wait(self) -> None:
        """Renew tokens and watch the processes until the server ends.

        Raises:
            ServingError: It ended unexpectedly, or will answer no more.
        """
        assert self._process is not None
        renewal = self._renewal() if self.settings.token_auth else None
        watch, members, looks = Watch(lambda pid: psutil.Process(pid).kill()), self.processes(), 0
        while True:
            with contextlib.suppress(subprocess.TimeoutExpired):
                status = self._process.wait(min(LOOK_SECONDS, self._lifetime / 20))
                raise ServingError(f"{self.NAME} ended with status {status}; see {self.logs}{self._reason()}")
            if renewal:
                renewal.look()
            looks += 1
            if looks % LISTED_LOOKS == 0 or not all(process.is_running() for process in members):
                members = self.processes()
            watch.look(*([found for one in members if kind(one) and (found := look_at(one, self._activity))]
                         for kind in (self.is_main, self.is_worker)))  # fmt: skip
            if failure := self._failure():
                raise ServingError(f"{failure}; see {self.logs}; start it again")

    @property
    def _lifetime(self) -> float:
        return self.settings.token_expiration_min * 60  # s

    @property
    def _activity(self) -> Path:
        return self._folder.activity

    def _batches(self) -> dict[int, activity.Batches | None]:
        return {
            one.pid: activity.read_batches(self._activity, one.pid) for one in self.processes() if self.is_worker(one)
        }

    def _wait_until_ready(self) -> None:
        """Wait until every model passes the same check as `sentiment ready`."""
        deadline = time.monotonic() + self.settings.startup_timeout
        waiting = list(self.models)
        while waiting:
            assert self._process is not None
            if self._process.poll() is not None:
                raise ServingError(f"{self.NAME} did not start; see {self.folder / 'console.log'}{self._reason()}")
            if time.monotonic() > deadline:
                seconds = f"{self.settings.startup_timeout:.0f} s"
                raise ServingError(f"{', '.join(waiting)} not ready after {seconds}; see {self.logs}{self._reason()}")
            if reason := self._reason():
                raise ServingError(f"{waiting[0]} does not load; see {self.logs}{reason}")
            waiting = [model for model in waiting if not self._ready(model)]
            time.sleep(0.1)

    def _ready(self, model: str) -> bool:
        with self.client(model) as client:
            try:
                look(client, self.management_url)
            except ClientError:
                return False
        return True

    def _reason(self) -> str:
        return reason_in(self.folder)
