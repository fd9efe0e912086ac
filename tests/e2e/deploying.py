"""What the tests of the promotion gate share: runs that differ, the server's state, and load while it changes."""

import shutil
import threading
import time
from collections import Counter
from contextlib import contextmanager

from safetensors.torch import load_file, save_file

from sentiment.client import Client
from sentiment.inference.checksums import write_checksums
from sentiment.inference.predictor import Predictor
from sentiment.serving import TorchServe
from tests.conftest import read_json
from tests.e2e.faults import same, wait_for
from tests.ports import free_ports

PORTS = ("inference_port", "management_port", "metrics_port")
TEXTS = ("good film", "bad meal", "good phone and so on", "bad trip and so on and so on")


def changed(run, to, factor):
    """A copy of a run whose last layer is multiplied: 2 makes it surer, -1 turns its labels round."""
    shutil.copytree(run, to)
    weights = to / "export" / "model.safetensors"
    tensors = load_file(weights)
    for name in ("classifier.weight", "classifier.bias"):
        tensors[name] = factor * tensors[name]
    save_file(tensors, weights, metadata={"format": "pt"})
    write_checksums(to / "export")
    return to


def start(folder):
    ports = dict(zip(PORTS, free_ports(3), strict=True))
    return TorchServe(model_store=folder / "store", work_dir=folder / "serve", model_api=True, **ports)


def keys(server, name):
    given = [f"management_url={server.address('management')}", f"model_store={server.store}"]
    given += [f"records={server.folder}/records", "management.timeout=600"]
    if name == "deploy":
        return [*given, f"server={server.url}", f"engine.key_file={server.key_file}", "limits.max_p95_ms=60000"]
    return [*given, f"management.key_file={server.key_file}"]


def state(server):
    """The versions served, which is the default, and the archives of the store."""
    with server.management() as management:
        versions = management.versions("sentiment")
    archives = sorted(path.name for path in server.store.iterdir() if path.suffix == ".mar")
    return {one.version: one.default for one in versions}, archives


@contextmanager
def load(server, *runs):
    """Ask all the while from four threads; afterwards every answer is held against those of the runs."""
    wanted = {run.name: Predictor.load(run).predict(TEXTS) for run in runs}
    over, answers, problems = threading.Event(), Counter(), []

    def ask():
        with Client(url=server.url, key_file=server.key_file, pauses=()) as client:
            while not over.is_set():
                try:
                    found = client.predict(TEXTS)
                except Exception as error:
                    problems.append(error)
                    continue
                time.sleep(0.02)
                answers[next((name for name, right in wanted.items() if same(found, right)), "wrong")] += 1

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert problems == []
    assert answers["wrong"] == 0


def wait_for_more(answers, name):
    """Answers of a run still come in."""
    before = answers[name]
    wait_for(lambda: answers[name] > before + 8)  # more than were under way


def last_record(server):
    return read_json(max((server.folder / "records").iterdir(), key=lambda path: path.stat().st_mtime_ns))
