"""One real run, archive and server for all end-to-end tests."""

import csv

import httpx
import pytest

from sentiment.cli import main
from sentiment.client import read_key
from sentiment.config.resources import bundled
from sentiment.data.splits import Split
from sentiment.evaluation.quantification.write import write_quantification
from sentiment.evaluation.scoring import evaluate
from sentiment.inference.predictor import Predictor
from sentiment.serving.archive import package
from sentiment.serving.serve import open_server
from tests.conftest import write_csv
from tests.ports import free_ports


@pytest.fixture(scope="session")
def way(made_once, tmp_path_factory):
    """A folder with a run of the default model on a slice of the real corpus, and its archive."""
    return made_once("way", lambda: make_way(tmp_path_factory.mktemp("way")))


def make_way(folder):
    with (bundled("data/demo") / "train.csv").open(newline="", encoding="utf-8") as file:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(file)]
    (folder / "data").mkdir(parents=True, exist_ok=True)
    write_csv(folder / "data" / "train.csv", rows[:128])
    write_csv(folder / "data" / "test.csv", rows[256:384])
    overrides = ["data=files", f"data.dir={folder}/data", "data.max_length=64", "trainer.max_epochs=1", "run_name=run"]
    overrides += ["after_training.convert.runtime=onnx", "after_training.behaviour=null"]
    main(["train", *overrides, f"paths.output_dir={folder}", f"paths.cache={folder}/cache"])
    fit_shares(folder / "run", rows[256:512])
    package(run=folder / "run", model_store=folder / "store")
    return folder


def fit_shares(run, rows):
    """Fit the estimator of label shares on more texts than the validation split of so small a run has."""
    predictor = Predictor.load(run)
    texts, labels = zip(*rows, strict=True)
    scores = evaluate(predictor, Split([*texts], [*labels]), predictor.labels)
    write_quantification(run / "export", scores, [*labels])


BACKENDS = ("torchserve", "granian")


def on_free_ports(store, *, work_dir, backend="torchserve", **settings):
    apis = ["inference_port", "metrics_port"] + ["management_port"] * (backend == "torchserve")
    ports = dict(zip(apis, free_ports(len(apis)), strict=True))
    return open_server(backend, model_store=store, work_dir=work_dir, **{**ports, **settings})


def keyed(server):
    """A client of httpx for the inference API."""
    headers = {"Authorization": f"Bearer {read_key(server.key_file, 'inference')}"}
    return httpx.Client(base_url=server.url, headers=headers, timeout=60)


@pytest.fixture(scope="session")
def server(way):
    with on_free_ports(way / "store", work_dir=way / "serve") as running:
        yield running


@pytest.fixture(scope="session")
def spare(quick_run, tmp_path_factory):
    """A server of a small model that tests may trouble: its management API registers and unregisters."""
    folder = tmp_path_factory.mktemp("spare")
    package(run=quick_run, model_store=folder / "store")
    with on_free_ports(folder / "store", work_dir=folder / "serve", model_api=True) as running:
        yield running


@pytest.fixture(scope="module")
def store(quick_run, tmp_path_factory):
    """A model store with the archive of a small model, in a folder of this module."""
    folder = tmp_path_factory.mktemp("store")
    package(run=quick_run, model_store=folder / "store")
    return folder / "store"


@pytest.fixture(scope="session")
def tiny_local(quick_run):
    return Predictor.load(quick_run)


@pytest.fixture(scope="session")
def texts(way):
    with (way / "data" / "test.csv").open(newline="", encoding="utf-8") as file:
        return [row["text"] for row in csv.DictReader(file)]


@pytest.fixture(scope="session")
def local(way):
    return Predictor.load(way / "run")


@pytest.fixture(scope="session")
def http(server):
    with keyed(server) as made:
        yield made


@pytest.fixture(scope="session")
def granian(way):
    with on_free_ports(way / "store", work_dir=way / "granian", backend="granian") as running:
        yield running


@pytest.fixture(scope="session", params=BACKENDS)
def api(request):
    """The inference API of each backend, which serve the same archive."""
    with keyed(request.getfixturevalue("server" if request.param == "torchserve" else "granian")) as made:
        yield made
