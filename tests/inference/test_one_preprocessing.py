"""What training does to a text, the batch job and the archive do to it too, whatever the settings."""

import csv
import json
import subprocess
import sys
import zipfile

import pytest

from sentiment.cli import main
from sentiment.data import SentimentData
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Cleaning
from sentiment.inference.tokenization import encode
from sentiment.serving.archive import package
from tests.conftest import read_json, write_csv

TEXTS = [
    "good film<br />but &lt;3 &amp; so @me on",
    "bad meal, see https://t.co/x?y=1 \U0001f621 it\x07was\u200b cold",
    "good song " * 10 + "bad room " * 30,
]
SETTINGS = ["data.cleaning.urls=false", "data.truncation=tail", "data.max_length=16"]
WINDOWS = ["data.window_step=8", "data.max_windows=3"]
UNPACKED = """
import json, sys
sys.path.insert(0, sys.argv[1])
import sentiment
assert sentiment.__file__.startswith(sys.argv[1]), sentiment.__file__
from pathlib import Path
from sentiment.inference.predictor import Predictor
found = Predictor.load(Path(sys.argv[1])).predict(json.loads(sys.argv[2]))
print(json.dumps([p.to_json(details=True) for p in found]))
"""


@pytest.fixture(scope="module")
def run(train_tiny):
    return train_tiny("settings", *SETTINGS, *WINDOWS, "trainer.max_epochs=1")


@pytest.fixture(scope="module")
def predictor(run):
    return Predictor.load(run)


def test_preprocessing_json_holds_every_choice(run):
    stored = read_json(run / "export" / "preprocessing.json")
    given = {"html": True, "urls": False, "users": True, "emoji": True}
    assert stored["cleaning"] == {**given, "stretched": False, "punctuation": False, "capitals": False}
    assert (stored["max_length"], stored["truncation"]) == (16, "tail")
    assert (stored["window_step"], stored["max_windows"]) == (8, 3)


def test_training_reads_the_ids_that_the_exported_settings_give(predictor, tiny_backbone, tmp_path):
    path = write_csv(tmp_path / "train.csv", [(text, "ab"[i % 2]) for i, text in enumerate(TEXTS * 8)])
    cleaning = Cleaning(urls=False, emoji=True)
    options = {"cleaning": cleaning, "new_tokens": "auto", "truncation": "tail", "max_length": 16, "window_step": 8}
    data = SentimentData(backbone=tiny_backbone, cache_dir=tmp_path / "cache", train=path, batch_size=1, **options)
    data.setup()
    trained = {tuple(batch["input_ids"][0].tolist()) for batch in data.train_dataloader()}
    assert trained == set(map(tuple, encode(TEXTS, predictor.tokenizer, predictor.preprocessing)))


@pytest.mark.parametrize("stride", [None, pytest.param(0, marks=pytest.mark.slow)])
def test_batch_and_archive_answer_as_the_exported_model(run, tmp_path, stride):
    expected = Predictor.load(run, window_step=stride).predict(TEXTS)
    assert [p.tokens for p in expected] == ([12, 23, 32] if stride is None else [12, 16, 16])
    assert expected[2].truncated

    given = write_csv(tmp_path / "in.csv", [(text,) for text in TEXTS], header=("text",))
    override = [] if stride is None else [f"engine.window_step={stride}"]
    main(["predict", f"run={run}", f"input={given}", f"output={tmp_path}/out.csv", "quiet=true", *override])
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        scores = [float(row["score"]) for row in csv.DictReader(file)]
    assert scores == pytest.approx([p.score for p in expected], abs=2e-6)

    archive = package(run=run, model_store=tmp_path, window_step=stride)
    zipfile.ZipFile(archive).extractall(tmp_path / "mar")
    command = [sys.executable, "-c", UNPACKED, str(tmp_path / "mar"), json.dumps(TEXTS)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    served = json.loads(done.stdout)
    assert [answer["tokens"] for answer in served] == [p.tokens for p in expected]
    assert [answer["score"] for answer in served] == pytest.approx([p.score for p in expected], abs=1e-6)
