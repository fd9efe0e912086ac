import pytest

from sentiment.errors import RequestError
from sentiment.inference.types import Prediction
from sentiment.protocol.validation import check_text

SUNNY = Prediction("positive", 0.9, {"negative": 0.1, "positive": 0.9}, 5, False, unreadable=0.0, readable=True)


def test_a_prediction_tells_its_tokens_only_when_asked():
    assert set(SUNNY.to_json()) == {"label", "score", "probabilities"}
    read = {"unreadable": 0.0, "readable": True}
    read["polarity"] = SUNNY.probabilities["positive"] - SUNNY.probabilities["negative"]
    assert SUNNY.to_json(details=True) == {**SUNNY.to_json(), "tokens": 5, "truncated": False, **read}


def test_a_prediction_comes_back_from_its_json():
    assert Prediction.from_json(SUNNY.to_json(details=True)) == SUNNY
    assert Prediction.from_json(SUNNY.to_json()) == Prediction("positive", 0.9, SUNNY.probabilities)


def test_half_a_surrogate_pair_is_no_text():
    with pytest.raises(RequestError, match="surrogate"):
        check_text("a \ud800 b")
    assert check_text("a \U0001f600 b")


@pytest.mark.parametrize(
    "text", ["\u200b\u200e", "<br />", "<br/>&nbsp;<p></p>", "\u200d\ufe0f", "\u3164", "\u0301", "&#8203;"]
)
def test_markup_and_invisible_characters_alone_are_an_empty_text(text):
    with pytest.raises(RequestError, match="text is empty but for markup or invisible characters") as told:
        check_text(text)
    assert told.value.reason == "empty_text"


@pytest.mark.parametrize("text", ["👍", "<3", "?!", "a < b", "\u200b.", "\U0001fae8", "<br>x", "#️⃣", "a\u0301"])
def test_emoji_and_punctuation_are_texts(text):
    assert check_text(text) == text
