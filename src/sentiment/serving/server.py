"""TorchServe on this machine."""

import contextlib
import os
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import psutil

from sentiment.client import Management
from sentiment.errors import ClientError
from sentiment.files import write_text
from sentiment.serving.drain import drain
from sentiment.serving.environment import torchserve_settings
from sentiment.serving.java import CLASSES, MALLOC, find_java, server_command, write_classes
from sentiment.serving.logs import MemoryWatch
from sentiment.serving.process import Server
from sentiment.serving.processes import is_java, is_worker
from sentiment.serving.settings import metrics_text, properties_text
from sentiment.serving.tokens import TIMEOUT, Renewal


class TorchServe(Server):
    """A TorchServe process as a context manager: ready on entry, stopped on exit."""

    NAME = "TorchServe"
    VARIABLES = MALLOC

    @property
    def management_url(self) -> str:
        return self.address("management")

    def management(self, **options: Any) -> Management:
        trust = self._trust("management")
        return Management(url=self.address("management"), key_file=self.key_file, **trust, **options)

    def drain(self) -> bool:
        """Finish pending requests and refuse new ones; False if `drain_seconds` did not suffice."""
        clients = []
        with contextlib.suppress(ClientError), self.management(timeout=TIMEOUT, pauses=()) as management:
            found = [one for model in management.models() for one in management.versions(model) if one.ready]
            clients = [self.client(f"{one.model}/{one.version}") for one in found]
        return drain(clients, self._activity, self._batches, seconds=self.settings.drain_seconds)

    def _check(self, variables: Mapping[str, str]) -> None:
        passed = torchserve_settings(os.environ, variables)
        self._properties = self.settings.properties([one.file for one in self.archives], passed)
        self._java = find_java()

    @cached_property
    def _memory(self) -> MemoryWatch:
        return MemoryWatch(self.folder)

    def _failure(self) -> str | None:
        if self._memory.ran_out():
            return "TorchServe ran out of memory for bodies under way, and would answer no more"
        return None

    def _prepare(self) -> None:
        write_classes(self.folder / CLASSES)
        write_text(self.folder / "config.properties", properties_text(self._properties))
        write_text(self.folder / "log4j2.xml", self.settings.log4j2())
        write_text(self.folder / "metrics.yaml", metrics_text())

    def _command(self) -> list[str]:
        return server_command(self._java, work_dir=self.folder, model_store=self.store)

    def is_main(self, process: psutil.Process) -> bool:
        return is_java(process)

    def is_worker(self, process: psutil.Process) -> bool:
        return is_worker(process)

    def _renewal(self) -> Renewal:
        return Renewal(self._folder.key_file, lifetime=self._lifetime, renew=self._renew)

    def _renew(self) -> None:
        with self.management(timeout=TIMEOUT, pauses=()) as management:
            management.renew()
