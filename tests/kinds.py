"""Small corpora and trained runs of the other kinds of answer: an aspect, a scale, several labels."""

from pathlib import Path

import pytest

from tests.conftest import write_csv


@pytest.fixture(scope="session")
def aspect_corpus(shared_folder) -> Path:
    """A folder of texts with two aspects each, which alone decide the label: one text, two labels."""
    return shared_folder("aspect_corpus", write_aspects)


def write_aspects(folder: Path) -> None:
    folder.mkdir()
    words = ["film", "meal", "phone", "trip"]
    for split, count in {"train": 64, "validation": 16, "test": 16}.items():
        rows = []
        for i in range(count):
            aspect, label = ("screen", "positive") if i % 2 else ("battery", "negative")
            rows.append((f"the {words[i // 2 % 4]} " + "and so on " * (i // 8 % 4), aspect, label))
        write_csv(folder / f"{split}.csv", rows, header=("text", "target", "label"))


@pytest.fixture(scope="session")
def aspect_run(made_once, train_tiny, aspect_corpus: Path) -> Path:
    """A run that reads aspects, answered in int8."""
    named = [f"data.dir={aspect_corpus}", "data.aspect_column=target"]
    return made_once("aspects", lambda: train_tiny("aspects", *named, "after_training.convert.runtime=onnx-int8"))


@pytest.fixture(scope="session")
def stars(shared_folder) -> Path:
    """Texts on a scale from -2 to 2, whose first word says where; the labels are not alike frequent."""
    return shared_folder("stars", write_stars)


def write_stars(folder: Path) -> None:
    folder.mkdir()
    words = dict(zip(("-2", "-1", "0", "1", "2"), ("awful", "bad", "plain", "good", "great"), strict=True))
    for split in ("train", "validation", "test"):
        rows = [
            (f"{words[label]} {thing} {split} {n}", label)
            for label, count in zip(words, (4, 8, 12, 16, 8), strict=True)
            for n, thing in zip(range(count), ["film", "meal", "phone", "trip"] * 8, strict=False)
        ]
        write_csv(folder / f"{split}.csv", rows)


@pytest.fixture(scope="session")
def scale_run(made_once, train_tiny, stars: Path) -> Path:
    """A run with the loss of CORN, which a softmax of its logits would answer wrongly."""
    options = ["task=scale", "loss=corn", f"data.dir={stars}", "after_training.convert.runtime=onnx"]
    return made_once("scale", lambda: train_tiny("scale", *options, "trainer.max_epochs=24"))


@pytest.fixture(scope="session")
def emotions(shared_folder) -> Path:
    """Texts whose words say which of three emotions they have, none too; the labels are parted by |."""
    return shared_folder("emotions", write_emotions)


def write_emotions(folder: Path) -> None:
    folder.mkdir()
    words = {"anger": "furious", "fear": "scared", "joy": "happy"}
    sets = [("joy",), ("anger",), ("joy", "fear"), (), ("joy",), ("anger", "fear"), ("joy",), ("fear",)]
    for split, count in {"train": 96, "validation": 48, "test": 48}.items():
        rows = [
            (" ".join([["film", "meal", "phone"][i % 3], *map(words.get, own), split, str(i)]), "|".join(own))
            for i, own in ((i, sets[i % len(sets)]) for i in range(count))
        ]
        write_csv(folder / f"{split}.csv", rows)


@pytest.fixture(scope="session")
def multi_run(made_once, train_tiny, emotions: Path) -> Path:
    options = ["task=multi", "model.loss.pos_weight=balanced", f"data.dir={emotions}", "data.label_separator='|'"]
    options += ["after_training.convert.runtime=onnx", "trainer.max_epochs=24"]
    return made_once("multi", lambda: train_tiny("multi", *options))
