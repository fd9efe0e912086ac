"""A model that is no better than chance is not measured: its answers agree whatever a runtime gets wrong."""

import shutil

import pandas as pd
import pytest
from safetensors.torch import load_file, save_file

from benchmarks import __main__ as command
from benchmarks import material
from sentiment.inference.checksums import write_checksums
from sentiment.inference.predictor import Predictor


@pytest.fixture
def texts(corpus):
    return pd.read_csv(corpus / "train.csv")[["text", "label"]]


@pytest.fixture
def constant(tiny_run, tmp_path):
    """A run that gives every text the same label."""
    run = shutil.copytree(tiny_run, tmp_path / "constant")
    weights = load_file(run / "export" / "model.safetensors")
    weights["classifier.weight"] *= 0
    save_file(weights, run / "export" / "model.safetensors", metadata={"format": "pt"})
    write_checksums(run / "export")
    return run


def test_a_model_that_learned_is_taken(tiny_run, texts):
    own = material.Material("demo", texts, texts, 32, tiny_run)
    assert material.better_than_chance(own) is own


def test_a_constant_model_is_refused_in_one_line(constant, texts, tmp_path, monkeypatch):
    monkeypatch.setattr(command.logging, "disable", lambda level: None)  # it would hold for the tests after this one
    assert len({one.label for one in Predictor.load(constant).predict(list(texts["text"]))}) == 1
    folder = tmp_path / "sst2"
    folder.mkdir()
    for split in ("train", "test"):
        texts.to_csv(folder / f"{split}.csv", index=False)
    monkeypatch.setattr(material, "SHARED", tmp_path)
    monkeypatch.setattr("sys.argv", ["benchmarks", "--only", "batch", "--run", str(constant)])
    with pytest.raises(SystemExit) as caught:
        command.main()
    assert str(caught.value.code).startswith(f"error: {constant} is no better than chance on SST-2: 0.500 of ")
    assert "\n" not in str(caught.value.code)
