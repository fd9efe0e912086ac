"""Labels and weights of a config as YAML reads them."""

import pytest

from sentiment.data.label_sets import label_names, rename_labels
from sentiment.data.labelled import Labelled
from sentiment.data.labels import label_texts, read_class_weights
from sentiment.data.splits import Split
from sentiment.errors import ConfigError, DataError


def test_numbers_stand_for_their_texts():
    assert label_texts([0, 1, "2", 4.0], "data.labels") == ["0", "1", "2", "4"]
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


@pytest.mark.parametrize(
    ("there", "given", "expected"),
    [
        (["1.0", "2.0"], {"1": "low"}, ["low", "2.0"]),
        (["1", "1.0"], {"1.0": "low"}, ["low", "low"]),
        (["True", "false"], {"true": "yes", "False": "no"}, ["yes", "no"]),
        ([("1.0", "2"), ()], {"1": "low"}, [("low", "2"), ()]),
    ],
)
def test_a_number_is_renamed_in_any_spelling_since_formats_write_it_differently(there, given, expected):
    rows = Labelled(["a", "b"], there)
    assert rename_labels({"train": rows}, given)["train"].labels == expected


def test_a_train_split_without_any_label_is_refused_whatever_the_labels_are_called():
    for wanted in (None, ["joy", "anger"]):
        with pytest.raises(DataError, match="no row of the train split has any label, .*; check data.label_columns"):
            label_names({"train": Split(["a", "b"], [(), ()])}, wanted)
