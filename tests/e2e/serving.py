"""`sentiment serve` as a process of its own, for tests that send it signals, and commands in this process."""

import contextlib
import subprocess
import sys
from pathlib import Path

import httpx
import psutil

from sentiment.cli import main
from sentiment.client import Client, read_key
from sentiment.serving import Settings
from sentiment.serving.processes import is_java, is_worker
from tests.e2e.faults import wait_for
from tests.ports import free_ports

APIS = ("inference_port", "management_port", "metrics_port")


class Served:
    """A running command; `processes` is all that it started."""

    def __init__(self, store, folder, *overrides, backend="torchserve"):
        self.folder = Path(folder)
        self.ports = dict(zip(APIS, free_ports(3), strict=True))
        self.settings = Settings(model_store=store, work_dir=folder, **self.ports)
        self.key_file = self.folder / "key_file.json"
        self.command = [sys.executable, "-m", "sentiment", "serve", f"model_store={store}", f"work_dir={folder}"]
        apis = [api for api in APIS if backend == "torchserve" or api != "management_port"]
        self.command += [f"backend={backend}", *(f"{api}={self.ports[api]}" for api in apis), *overrides]
        self.log_path = self.folder.with_name(f"{self.folder.name}.log")
        with self.log_path.open("wb") as log:
            self.running = subprocess.Popen(self.command, stdout=log, stderr=log)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(psutil.Error):
            self.look()
        self.running.kill()
        self.running.wait()
        psutil.wait_procs(self.processes, timeout=60)

    @property
    def log(self):
        return self.log_path.read_text()

    @property
    def url(self):
        return self.settings.address("inference")

    def wait_until(self, text, seconds=180):
        wait_for(lambda: text in self.log or self.running.poll() is not None, seconds)
        assert text in self.log, self.log

    def wait_until_ready(self):
        self.wait_until("ready after")
        self.look()
        return self

    def look(self):
        self.processes = psutil.Process(self.running.pid).children(recursive=True)
        return self.processes

    @property
    def worker(self):
        own = self.folder / "tmp" / "activity"
        return next((one for one in self.look() if is_worker(one) or (own / f"{one.pid}.batches").exists()), None)

    @property
    def java(self):
        return next((one for one in self.look() if is_java(one)), None)

    @property
    def guard(self):
        """The parent of Java."""
        return self.processes[0]

    def client(self, **options):
        return Client(url=self.url, key_file=self.key_file, **options)

    def post(self, **options):
        headers = {"Authorization": f"Bearer {read_key(self.key_file, 'inference')}"}
        return httpx.post(f"{self.url}/predictions/sentiment", headers=headers, **{"timeout": 60, **options})


def ended(processes, seconds=60):
    """Those that are still there after so long."""
    return psutil.wait_procs(processes, timeout=seconds)[1]


def run_command(*words):
    """Run a command in this process and return its exit status."""
    try:
        main(list(words))
    except SystemExit as end:
        return end.code
    return 0
