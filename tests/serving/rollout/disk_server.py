"""The management API of a server as a file, so that its state outlives a killed process."""

import json
from dataclasses import dataclass
from pathlib import Path

from sentiment.client.management import Version, number
from sentiment.errors import NotFoundError
from sentiment.files import read_json
from sentiment.serving.store import read_archive


@dataclass
class DiskServer:
    """TorchServe's rules on versions, with its state in a file."""

    state: Path
    store: Path

    def read(self):
        return read_json(self.state)

    def write(self, default, versions):
        self.state.write_text(json.dumps({"default": default, "versions": versions}))

    def register(self, archive, *, workers=1):
        found, now = read_archive(self.store / archive), self.read()
        self.write(now["default"] or found.version, {**now["versions"], found.version: archive})

    def versions(self, model):
        now = self.read()
        if not now["versions"]:
            raise NotFoundError("Model not found")
        return [
            Version(model, one, f"sentiment-{one}.mar", ("READY",), 1, one == now["default"]) for one in now["versions"]
        ]

    def version(self, model, version=None):
        wanted = version or self.read()["default"]
        return next(one for one in self.versions(model) if number(one.version) == number(wanted))

    def set_default(self, model, version):
        self.write(version, self.read()["versions"])

    def unregister(self, model, version):
        now = self.read()
        del now["versions"][version]
        self.write(now["default"] if now["versions"] else None, now["versions"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
