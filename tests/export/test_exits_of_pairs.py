"""Early exits of a model that reads an aspect beside each text."""

from pathlib import Path

import pytest

from sentiment.inference.exits import EXITS
from sentiment.inference.predictor import Predictor
from tests.conftest import read_json, start_handler, write_csv
from tests.export.test_exits import WORDS
from tests.handling import answers, row

pytestmark = pytest.mark.slow  # test_exits.py has one text at a time, the handler and windows


@pytest.fixture(scope="module")
def of_aspects(train_tiny, tmp_path_factory) -> Path:
    """A run with an exit whose texts have an aspect that decides the label, and are read in windows."""
    folder = tmp_path_factory.mktemp("aspects")
    about = [("battery", "negative"), ("screen", "positive")]
    for split, count in {"train": 64, "validation": 400}.items():
        own = [(f"the {WORDS[i // 2 % 8]} " + "and so on " * (i // 16 % 9), *about[i % 2]) for i in range(count)]
        write_csv(folder / f"{split}.csv", own, header=("text", "target", "label"))
    read = [f"data.dir={folder}", "data.aspect_column=target", "data.max_length=16", "data.window_step=4"]
    return train_tiny("aspects", *read, "model.exits=[1]", "after_training.convert.runtime=onnx-int8")


def test_texts_with_aspects_in_windows_leave_early_too(of_aspects):
    assert [one["layer"] for one in read_json(of_aspects / "export" / EXITS)["exits"]] == [1]
    engine, off = Predictor.load(of_aspects), Predictor.load(of_aspects, exits=False)
    texts = [
        (f"the {word} " + "and so on " * n, about) for word in WORDS for n in (0, 8) for about in ("battery", "screen")
    ]
    assert max(len(one.windows) for one in engine.encode(texts)) > 1
    found = engine.predict(texts)
    assert 1 in {one.layers for one in found}
    assert [one.label for one in found] == ["negative", "positive"] * len(WORDS) * 2
    assert [one.label for one in off.predict(texts)] == [one.label for one in found]


def test_the_handler_answers_from_the_same_layers(of_aspects, tmp_path):
    texts, about = ["the film", "the meal " + "and so on " * 8], ["battery", "screen"]
    handler = start_handler(of_aspects / "export", tmp_path)
    body = {"texts": texts, "aspects": about, "details": True}
    [(status, answer)] = answers(handler, row(body))
    assert status == 200
    found = Predictor.load(of_aspects).predict([*zip(texts, about, strict=True)])
    assert 1 in {one.layers for one in found}
    for own, expected in zip(answer["predictions"], found, strict=True):
        assert own["layers"] == expected.layers
        assert own["probabilities"] == pytest.approx(expected.probabilities, abs=1e-4)
