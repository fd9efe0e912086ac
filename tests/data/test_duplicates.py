import pytest

from sentiment.data.duplicates import Dropped, hash_normalised, without_duplicates, without_leaks
from sentiment.data.splits import Split
from sentiment.errors import DataError
from sentiment.inference.preprocessing import Cleaning

CLEANING = Cleaning()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Great film!", "great, film"),
        ("so<br />good", "so good"),
        ("fish &amp; chips", "fish chips"),
        ("STRASSE", "straße"),
        ("well - done", "well\u2014done\u3002"),
    ],
)
def test_case_markup_punctuation_and_spaces_tell_no_texts_apart(first, second):
    assert hash_normalised(first, CLEANING) == hash_normalised(second, CLEANING)


@pytest.mark.parametrize(("first", "second"), [("good 😍", "good 😡"), ("good", "goods"), ("?!", "..."), ("5", "6")])
def test_words_numbers_and_emoji_do(first, second):
    assert hash_normalised(first, CLEANING) != hash_normalised(second, CLEANING)


TRAIN = Split(["good", "bad", "Good!", "good", "so so", "so so"], ["pos", "neg", "pos", "pos", "pos", "neg"])


def test_the_first_of_exact_copies_stays():
    kept, dropped = without_duplicates(TRAIN, "exact", CLEANING)
    assert kept == Split(["good", "bad", "Good!"], ["pos", "neg", "pos"])
    assert dropped == Dropped(duplicates=1, conflicts=2)


def test_the_first_of_normalised_copies_stays_and_copies_that_disagree_all_go():
    kept, dropped = without_duplicates(TRAIN, "normalised", CLEANING)
    assert kept == Split(["good", "bad"], ["pos", "neg"])
    assert dropped == Dropped(duplicates=2, conflicts=2)


def test_train_gives_way_to_validation_and_both_to_test():
    splits = {
        "train": Split(["a", "b", "c", "d"], ["x"] * 4),
        "validation": Split(["B!", "c", "e"], ["x"] * 3),
        "test": Split(["c", "f"], ["x"] * 2),
    }
    kept, leaks = without_leaks(splits, "normalised", CLEANING)
    assert {name: split.texts for name, split in kept.items()} == {
        "train": ["a", "d"],
        "validation": ["B!", "e"],
        "test": ["c", "f"],
    }
    assert leaks == {"train": 2, "validation": 1, "test": 0}
    exact, _ = without_leaks(splits, "exact", CLEANING)
    assert exact["train"].texts == ["a", "b", "d"]


def test_nothing_is_dropped_unasked():
    assert without_duplicates(TRAIN, "none", CLEANING) == (TRAIN, Dropped())
    assert without_leaks({"train": TRAIN, "test": TRAIN}, "none", CLEANING)[0]["train"] is TRAIN


def test_a_split_that_would_be_empty_is_said():
    with pytest.raises(DataError, match="drop_leaks leaves no row of the train split"):
        without_leaks({"train": TRAIN, "test": TRAIN}, "exact", CLEANING)
