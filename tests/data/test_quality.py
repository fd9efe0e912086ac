import json

import pytest

from sentiment.data.duplicates import Dropped
from sentiment.data.quality import BINS, Count, inspect
from sentiment.data.splits import Split
from sentiment.inference.preprocessing import Preprocessing

SPLITS = {
    "train": Split(["good", "Good!", "good", "bad", "so so"], ["pos", "pos", "pos", "neg", "neg"]),
    "validation": Split(["fine", "GOOD"], ["pos", "neg"]),
    "test": Split(["good", "bad.", "new"], ["pos", "neg", "pos"]),
}
LENGTHS = {"train": [3, 4, 3, 3, 40], "validation": [3, 3], "test": [3, 4, 500]}


@pytest.fixture(scope="module")
def report():
    dropped = {"train": Dropped(duplicates=7)}
    return inspect(SPLITS, LENGTHS, Preprocessing(32, "tail"), dropped=dropped, dedupe="exact")


def test_rows_labels_and_copies_inside_a_split_are_counted(report):
    train = report.splits["train"]
    assert (train.rows, train.labels) == (5, {"neg": 2, "pos": 3})
    assert train.duplicates == Count(exact=1, normalised=2)
    assert train.dropped.duplicates == 7
    assert train.sha256 == SPLITS["train"].fingerprint()


def test_a_leak_is_a_text_of_any_earlier_split(report):
    assert report.splits["train"].leaks == Count(0, 0)
    assert report.splits["validation"].leaks == Count(exact=0, normalised=1)
    assert report.splits["test"].leaks == Count(exact=1, normalised=2)


def test_each_pair_of_splits_has_its_overlap(report):
    found = {overlap.splits: (overlap.texts, overlap.examples) for overlap in report.overlaps}
    assert found == {
        ("train", "validation"): (Count(0, 1), ["GOOD"]),
        ("train", "test"): (Count(1, 2), ["good", "bad."]),
        ("validation", "test"): (Count(0, 1), ["good"]),
    }


def test_a_text_with_two_labels_is_a_conflict(report):
    assert (report.conflicts.texts, report.conflicts.rows) == (1, 5)
    assert report.conflicts.examples == [{"text": "good", "labels": {"pos": 4, "neg": 1}}]


def test_lengths_are_those_of_whole_texts(report):
    tokens = report.splits["train"].tokens
    assert (tokens.mean, tokens.truncated) == (10.6, 0.2)
    assert (tokens.percentiles["0"], tokens.percentiles["50"], tokens.percentiles["100"]) == (3, 3, 40)
    assert len(report.edges) == BINS + 2
    for name, split in report.splits.items():
        assert sum(split.tokens.counts) == len(SPLITS[name])
    assert report.splits["test"].tokens.counts[-1] == 1, "the longest text is in the open bin"


def test_the_report_is_json_and_warns_in_words(report):
    assert json.loads(json.dumps(report.to_json()))["splits"]["test"]["leaks"] == {"exact": 1, "normalised": 2}
    assert report.warnings() == [
        "texts of validation that are in train too: 1, letter by letter 0; data.drop_leaks=normalised drops them there",
        "texts of test that are in train too: 2, letter by letter 1; data.drop_leaks=normalised drops them there",
        "texts of test that are in validation too: 1, letter by letter 0; data.drop_leaks=normalised drops them there",
        "texts with different labels: 1, in 5 rows",
    ]
