"""`Predictor.pipeline` answers as transformers' text-classification pipeline does."""

from dataclasses import replace

import pytest
from transformers import pipeline

from sentiment import Predictor
from sentiment.errors import ConfigError


@pytest.mark.parametrize("options", [{}, {"top_k": None}, {"top_k": 1}, {"top_k": 2}, {"top_k": 9}])
@pytest.mark.parametrize("texts", ["good film", ["good film", "bad meal"]])
def test_pipeline_answers_as_that_of_transformers(options, texts, tiny_run):
    predictor = Predictor.from_pretrained(tiny_run, runtime="torch")
    predictor.preprocessing = replace(predictor.preprocessing, temperature=1.0)  # transformers knows none
    theirs = pipeline("text-classification", model=str(tiny_run / "export"))(texts, **options)
    ours = predictor.pipeline(texts, **options)
    assert flat(ours) == pytest.approx(flat(theirs), abs=1e-5)


def flat(value, path=""):
    """Return nested answers as {path: score}, labels in the paths."""
    if isinstance(value, dict):
        assert set(value) == {"label", "score"}
        return {f"{path}/{value['label']}": value["score"]}
    return {key: score for i, one in enumerate(value) for key, score in flat(one, f"{path}/{i}").items()}


def test_top_k_is_a_number_of_labels(tiny_run):
    predictor = Predictor.from_pretrained(tiny_run)
    for wrong in (0, -1, 1.5, "2", True):
        with pytest.raises(ConfigError, match="top_k="):
            predictor.pipeline("good film", top_k=wrong)
