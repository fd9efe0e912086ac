from collections import Counter

import pytest

from sentiment.data.label_sets import label_names, unify_labels
from sentiment.data.labelled import Labelled
from sentiment.data.splits import Split, check_rows, split_stratified
from sentiment.errors import DataError

MANY = Split([f"text {i}" for i in range(100)], ["rare" if i % 10 == 0 else "common" for i in range(100)])


def test_a_stratified_split_keeps_the_shares_and_loses_no_row():
    train, held = split_stratified(MANY, 0.2, seed=1)
    assert Counter(held.labels) == {"common": 18, "rare": 2}
    assert sorted(train.texts + held.texts) == sorted(MANY.texts)


def test_a_split_depends_on_its_seed_alone():
    assert split_stratified(MANY, 0.2, seed=1) == split_stratified(MANY, 0.2, seed=1)
    assert split_stratified(MANY, 0.2, seed=1) != split_stratified(MANY, 0.2, seed=2)


def test_every_label_is_in_both_parts_however_rare():
    train, held = split_stratified(Split(["a", "b", "c", "d"], ["x", "x", "y", "y"]), 0.01, seed=0)
    assert set(train.labels) == set(held.labels) == {"x", "y"}


def test_labels_are_sorted_or_as_given():
    splits = {"train": Split(["a", "b"], ["positive", "negative"])}
    assert label_names(splits, None) == ["negative", "positive"]
    assert label_names(splits, ["positive", "negative"]) == ["positive", "negative"]


def test_an_unknown_label_is_named_with_its_row():
    splits = {"train": Split(["a", "b"], ["x", "y"]), "test": Split(["c", "d"], ["x", "z"])}
    with pytest.raises(DataError, match="test row 2 has the label 'z', unknown to the train split: x, y"):
        unify_labels(splits, label_names(splits, None), given=False)


def test_one_label_is_not_enough():
    with pytest.raises(DataError, match="two labels or more"):
        label_names({"train": Split(["a"], ["x"])}, None)


def test_unusable_rows_stop_or_are_skipped():
    rows = Labelled(["a", " ", None, "d"], ["x", "x", "y", None])
    with pytest.raises(DataError, match=r"3 of 4 train rows are unusable \(first: row 2, the text is empty\)"):
        check_rows("train", rows, skip_bad_rows=False)
    assert check_rows("train", rows, skip_bad_rows=True) == Split(["a"], ["x"])


def test_a_split_with_hidden_labels_is_left_out():
    assert len(check_rows("test", Labelled(["a"], [None]), skip_bad_rows=False)) == 0


def test_the_fingerprint_tells_any_change():
    base = Split(["a", "bc"], ["x", "y"]).fingerprint()
    assert base != Split(["ab", "c"], ["x", "y"]).fingerprint()
    assert base != Split(["a", "bc"], ["y", "x"]).fingerprint()
    assert base == Split(["a", "bc"], ["x", "y"]).fingerprint()
