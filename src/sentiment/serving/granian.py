"""Granian on this machine: the same archives and the same protocol without TorchServe and Java."""

import logging
import os
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import psutil
import yaml

from sentiment.errors import ConfigError
from sentiment.serving.drain import drain
from sentiment.serving.environment import torchserve_settings
from sentiment.serving.process import Server
from sentiment.serving.settings import Settings
from sentiment.serving.store import Archive
from sentiment.serving.tokens import Renewal

log = logging.getLogger(__name__)

CONFIG = "granian.json"  # in the work_dir
MANAGEMENT = ("management_host", "management_port", "model_api")  # keys without a meaning here
BATCH_SIZE = 64  # where the archive has none


class Granian(Server):
    """A Granian process as a context manager; the default version of each model is served, by one worker."""

    NAME = "Granian"

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        defaults = {field.name: field.default for field in fields(Settings)}
        for key in MANAGEMENT:
            if (value := getattr(self.settings, key)) != defaults[key]:
                raise ConfigError(
                    f"{key}={value} says nothing with backend=granian, which has no management API; leave it out, or "
                    "serve with backend=torchserve"
                )
        by_model: dict[str, Archive] = {}
        for one in self.archives:
            if by_model.setdefault(one.model, one) is not one:
                log.info(
                    "%s %s is not served: backend=granian serves the default version alone", one.model, one.version
                )
        self.archives = list(by_model.values())
        self.ports = {api: port for api, port in self.settings.ports.items() if api != "management"}

    @property
    def logs(self) -> Path:
        return self._folder.console

    def drain(self) -> bool:
        return drain([], self._activity, self._batches, seconds=self.settings.drain_seconds)

    def _check(self, variables: Mapping[str, str]) -> None:
        if name := next(iter(torchserve_settings(os.environ, variables)), None):
            raise ConfigError(f"TS_{name.upper()} is a setting of TorchServe, and backend=granian reads none; unset it")

    def _prepare(self) -> None:
        from sentiment.asgi.keys import write_keys
        from sentiment.asgi.run import Config

        if self.key_file:
            write_keys(self.key_file, minutes=self.settings.token_expiration_min)
        own = self.identity
        Config(
            models=[self._unpack(one, self._folder.tmp / "models" / str(i)) for i, one in enumerate(self.archives)],
            host=self.settings.host,
            port=self.settings.inference_port,
            metrics_host=self.settings.metrics_host,
            metrics_port=self.settings.metrics_port,
            certificate=str(own.certificate) if own else None,
            key=str(own.key) if own else None,
            key_file=str(self.key_file) if self.key_file else None,
            activity=str(self._activity),
            log_level=self.settings.log_level,
            json_logs=self.settings.json_logs,
        ).write(self.folder / CONFIG)

    def _unpack(self, archive: Archive, folder: Path) -> Any:
        from sentiment.asgi.run import Served

        with zipfile.ZipFile(self.store / archive.file) as zipped:  # its members were checked
            zipped.extractall(folder)
        own = folder / "model-config.yaml"
        settings = yaml.safe_load(own.read_text(encoding="utf-8")) if own.is_file() else {}
        if settings.get("maxWorkers", 1) > 1:
            log.warning("%s asks for %d workers: backend=granian has one", archive.file, settings["maxWorkers"])
        return Served(
            folder=str(folder),
            model=archive.model,
            version=archive.version,
            batch_size=int(settings.get("batchSize", BATCH_SIZE)),
            seconds=settings.get("maxSeconds"),
        )

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "sentiment.asgi.run", str(self.folder / CONFIG)]

    def is_main(self, process: psutil.Process) -> bool:
        return self._process is not None and process.ppid() == self._process.pid and not self.is_worker(process)

    def is_worker(self, process: psutil.Process) -> bool:
        return os.path.exists(self._activity / f"{process.pid}.batches")

    def _renewal(self) -> Renewal:
        from sentiment.asgi.keys import write_keys

        key_file = self._folder.key_file
        minutes = self.settings.token_expiration_min
        return Renewal(
            key_file, lifetime=self._lifetime, renew=lambda: write_keys(key_file, minutes=minutes), apis=("inference",)
        )
