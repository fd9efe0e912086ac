"""Run folders made before classes moved still open."""

import pytest

from sentiment.config.renamed import MODULES, current_names
from sentiment.data.module import SentimentData
from sentiment.evaluation.evaluate import run_data
from sentiment.run_dir import overrides


def test_a_run_of_an_earlier_release_opens_with_the_names_of_then(tiny_copy):
    record = tiny_copy / ".hydra"
    text = (record / "config.yaml").read_text(encoding="utf-8")
    for old, new in MODULES.items():
        text = text.replace(f"_target_: sentiment.{new}.", f"_target_: sentiment.{old}.")
    assert "sentiment.text.Cleaning" in text
    assert "sentiment.model.SentimentClassifier" in text
    (record / "config.yaml").write_text(text, encoding="utf-8")
    (record / "overrides.yaml").write_text("- model.optimizer._target_=sentiment.optimizers.AdamW\n", encoding="utf-8")
    assert isinstance(run_data(tiny_copy), SentimentData)
    assert overrides(tiny_copy) == ["model.optimizer._target_=sentiment.training.optimizers.AdamW"]


@pytest.mark.parametrize(
    "text", ["data.train=sentiment.text.csv", "_target_: sentiment.training.model.X", "run: model"]
)
def test_nothing_else_is_renamed(text):
    assert current_names(text) == text
