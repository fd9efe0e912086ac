import pytest

from sentiment.schema import Prediction, RequestError, check_text

SUNNY = Prediction("positive", 0.9, {"negative": 0.1, "positive": 0.9}, tokens=5, truncated=False)


def test_a_prediction_tells_its_tokens_only_when_asked():
    assert set(SUNNY.to_json()) == {"label", "score", "probabilities"}
    assert SUNNY.to_json(details=True) == {**SUNNY.to_json(), "tokens": 5, "truncated": False}


def test_a_prediction_comes_back_from_its_json():
    assert Prediction.from_json(SUNNY.to_json(details=True)) == SUNNY
    assert Prediction.from_json(SUNNY.to_json()) == Prediction("positive", 0.9, SUNNY.probabilities)


def test_half_a_surrogate_pair_is_no_text():
    with pytest.raises(RequestError, match="surrogate"):
        check_text("a \ud800 b")
    assert check_text("a \U0001f600 b")
