"""Labels and weights of a config as YAML reads them."""

import pytest

from sentiment.data.labels import label_texts, read_class_weights
from sentiment.errors import ConfigError


def test_numbers_stand_for_their_texts():
    assert label_texts([0, 1, "2", 4.0], "data.labels") == ["0", "1", "2", "4.0"]
    assert read_class_weights({0: 1, 1: 2.5}, ["0", "1"]) == {"0": 1.0, "1": 2.5}
    assert read_class_weights("balanced", ["0", "1"]) == "balanced"
    assert read_class_weights(None) is None


@pytest.mark.parametrize("labels", [["a"], ["a", "a"], [0, "0"], [True, False], ["a", None], ["a", " "]])
def test_labels_that_would_be_a_guess_are_refused(labels):
    with pytest.raises(ConfigError, match="^data.labels"):
        label_texts(labels, "data.labels")


@pytest.mark.parametrize(
    "weights",
    [{"a": 1}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 0}, {"a": 1, "b": -1}, {"a": 1, "b": float("nan")}]
    + [{"a": 1, "b": float("inf")}, {"a": 1, "b": "2"}, {"a": True, "b": 1}, [1.0, 2.0], {"a": 1, "B": 2}, "balance"],
)
def test_weights_that_are_not_one_positive_number_a_label_are_refused(weights):
    with pytest.raises(ConfigError, match="^model.loss.weights"):
        read_class_weights(weights, ["a", "b"])
