"""The model of the embedded corpus reads emoji, and says what it cannot read."""

import csv

import pytest

from sentiment.cli import main
from sentiment.config.resources import bundled
from sentiment.inference.predictor import Predictor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # trains the default model


@pytest.fixture(scope="module")
def predictor(tmp_path_factory):
    outputs = tmp_path_factory.mktemp("outputs")
    main(
        ["train", "run_name=demo", f"paths.output_dir={outputs}", f"paths.cache={outputs}/cache"]
        + ["after_training.convert.runtime=torch", "after_training.baseline=false"]
    )
    return Predictor.load(outputs / "demo")


def test_emoji_have_a_feeling(predictor):
    angry, fond = predictor(["😡😡😡", "❤️❤️❤️"])
    assert (angry.label, fond.label) == ("negative", "positive")
    assert angry.readable
    assert fond.readable


def test_statements_and_questions_are_neutral(predictor):
    told = predictor(
        ["The library is open until six.", "Does the 8.15 stop at Oakley?", "Season two has ten episodes."]
    )
    assert [one.label for one in told] == ["neutral"] * 3


def test_a_line_is_read_as_it_is_meant(predictor):
    told = predictor(["1 star", "meh", "Could not be happier", "It was okay", "5 stars"])
    assert [one.label for one in told] == ["negative", "neutral", "positive", "neutral", "positive"]


def test_nonsense_and_other_scripts_are_unreadable(predictor):
    assert [one.readable for one in predictor(["asdf qwer", "最高でした"])] == [False, False]


def test_the_unusual_texts_are_read_as_they_say(predictor):
    with (bundled("data/demo") / "unusual.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    found = predictor([row["text"] for row in rows])
    wrong = [
        row["text"] for row, one in zip(rows, found, strict=True) if one.readable == (row["label"] == "unreadable")
    ]
    assert wrong == []
    felt = [(row, one) for row, one in zip(rows, found, strict=True) if row["label"] in predictor.labels]
    assert sum(row["label"] == one.label for row, one in felt) >= len(felt) - 3  # one is sarcastic, two are hashtags
