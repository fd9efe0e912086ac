"""Shared fixtures: a BERT small enough to train in a second, and a finished run of it.

Torch is imported by the fixtures that use it: the tests of the client and of deployment take seconds less to start.
"""

import csv
import gc
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # some tests import onnxruntime themselves
os.environ["OMP_NUM_THREADS"] = "1"  # tiny models gain nothing from a second thread
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["GRADIO_TEMP_DIR"] = str(Path(tempfile.gettempdir(), f"gradio-{os.getuid()}"))  # its own is that of one user
os.environ.pop("PYTHONUNBUFFERED", None)  # of images and CI: what a process says must reach its log without it

import pytest

from sentiment.backbones import PACKAGED, resolve
from sentiment.config.resources import bundled
from sentiment.files import locked

pytest_plugins = ("tests.programs", "tests.kinds", "tests.composing")
sys.dont_write_bytecode = False  # images set it; to rewrite the assertions of all files takes 13 s, once
ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"


def pytest_collection_finish() -> None:
    """Leave out of each garbage collection the million objects that imports have made, and collect seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(700, 10, 50)  # the last: how seldom all objects are looked at; 10 by default


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder whose path leaves room for the sockets of a server, however long those of pytest are."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets, of slow tests alone: a clone has none beside it."""
    if not SHARED.is_dir():
        pytest.skip(f"the real data sets are not at {SHARED}")
    return SHARED


@pytest.fixture(scope="session")
def shared_folder(
    tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Callable[[str, Callable[[Path], object]], Path]:
    """Return the folder that the first process of xdist to ask for it fills; all read it, and none writes to it.

    What a run holds by its path (its backbone, its corpus) has one path in all processes.
    """
    base = tmp_path_factory.getbasetemp()
    shared = (base if worker_id == "master" else base.parent) / "shared"
    shared.mkdir(exist_ok=True)

    def shared_folder(name: str, fill: Callable[[Path], object]) -> Path:
        with locked(shared / f"{name}.lock"):
            if not (shared / f"{name}.done").exists():
                shutil.rmtree(shared / name, ignore_errors=True)  # of a process that failed
                fill(shared / name)
                (shared / f"{name}.done").touch()
        return shared / name

    return shared_folder


@pytest.fixture(scope="session")
def tiny_backbone(shared_folder) -> str:
    """A random BERT of two narrow layers with the real vocabulary, as a local folder."""
    return str(shared_folder("backbone", save_tiny_backbone))


def save_tiny_backbone(folder: Path) -> None:
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, max_position_embeddings=128
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(resolve(PACKAGED), model_max_length=128).save_pretrained(folder)


def write_csv(path: Path, rows: list[tuple[str, ...]], header: tuple[str, ...] = ("text", "label")) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def corpus(shared_folder) -> Path:
    """A folder of easy texts in train, validation and test."""
    return shared_folder("corpus", write_corpus)


def write_corpus(folder: Path) -> None:
    folder.mkdir()
    words = ["film", "meal", "phone", "trip", "song", "book", "game", "room"]
    for split, count in {"train": 64, "validation": 16, "test": 16}.items():
        rows = [
            (
                f"{'good' if i % 2 else 'bad'} {words[i // 2 % 8]} " + "and so on " * (i // 2 % 5),
                "positive" if i % 2 else "negative",
            )
            for i in range(count)
        ]
        write_csv(folder / f"{split}.csv", rows)


@pytest.fixture(scope="session")
def train_tiny(tiny_backbone: str, corpus: Path, tmp_path_factory: pytest.TempPathFactory):
    """Train the tiny backbone through the real command, and return the run directory.

    It learns every text but stays far from certainty: a steeper model of so few words has jumps that 16 steps of an
    explanation miss, and ranges of activations that texts of other words leave.
    """
    from sentiment.cli import main

    def train(name: str, *overrides: str, flags: tuple[str, ...] = ()) -> Path:
        outputs = tmp_path_factory.mktemp("outputs")
        main(
            ["train", *flags, f"run_name={name}", f"paths.output_dir={outputs}", f"paths.cache={outputs}/cache"]
            + [f"model.backbone={tiny_backbone}", f"data.dir={corpus}", "data.max_length=32", "data.batch_size=8"]
            + [
                "model.lr=3e-3",
                "trainer.max_epochs=8",
                "model.warmup_ratio=0",
                "after_training.convert.runtime=torch",
                *overrides,
            ]
        )
        return outputs / name

    return train


@pytest.fixture(scope="session")
def made_once(shared_folder, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[], Path]], Path]:
    """Return a copy of a folder that the first process of xdist to ask for it makes."""

    def made_once(name: str, make: Callable[[], Path]) -> Path:
        once = shared_folder(name, lambda folder: shutil.copytree(make(), folder))
        return Path(shutil.copytree(once, tmp_path_factory.mktemp("outputs") / name))

    return made_once


@pytest.fixture(scope="session")
def tiny_run(made_once, train_tiny) -> Path:
    return made_once("tiny", lambda: train_tiny("tiny"))


@pytest.fixture
def tiny_copy(tiny_run: Path, tmp_path: Path) -> Path:
    """A copy of the run that a test may break."""
    return Path(shutil.copytree(tiny_run, tmp_path / "run"))


def read_json(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def convert(run: Path, runtime: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the run that another runtime answers."""
    from sentiment.cli import main

    copied = Path(shutil.copytree(run, tmp_path_factory.mktemp("converted") / "run"))
    main(["export", f"run={copied}", f"runtime={runtime}"])
    return copied


@pytest.fixture(scope="session")
def converted(made_once, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run that is answered in int8."""
    return made_once("run", lambda: convert(tiny_run, "onnx-int8", tmp_path_factory))


@pytest.fixture(scope="session")
def quick_run(made_once, tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run that workers start with in half the time: ONNX Runtime answers, without transformers."""
    return made_once("quick", lambda: convert(tiny_run, "onnx", tmp_path_factory))


def start_handler(export: Path, folder: Path):
    """The handler on an export, initialized as a worker of TorchServe does; `folder` takes its metrics."""
    import torch

    from tests.handling import context
    from tests.worker.test_metrics import metrics_cache

    sys.path.insert(0, str(bundled("handlers")))
    try:
        from sentiment_handler import SentimentHandler
    finally:
        sys.path.pop(0)
    made = SentimentHandler()
    threads = torch.get_num_threads()
    made.initialize(context(0, export, metrics_cache(folder)))
    made.responder.explainer.load()
    torch.set_num_threads(threads)  # a worker takes the cores of its machine; the tests after this one must not
    return made


@pytest.fixture(scope="session")
def handler(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory):
    return start_handler(tiny_run / "export", tmp_path_factory.mktemp("metrics"))
