"""A source of data of a user's own: what it may return, and the keys that say nothing beside it."""

import pytest

from sentiment.data.readers import Columns
from sentiment.data.sources import own_source
from sentiment.data.tables import TableOptions
from sentiment.errors import ConfigError, DataError


class Rows:
    def __init__(self, splits):
        self.splits = splits

    def read(self):
        return self.splits


def read(splits):
    return own_source(Rows(splits), {}, TableOptions()).read(Columns())


def test_rows_are_read_as_those_of_files_are():
    splits = read({"test": [("c", None)], "train": [("a", 1), ["b", "0"]]})
    assert list(splits) == ["train", "test"]
    assert (splits["train"].texts, splits["train"].labels) == (["a", "b"], ["1", "0"])
    assert splits["test"].labels == [None]


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        (None, r"data.source=Rows: read\(\) must return rows by split, \{'train': rows\}, got NoneType"),
        ([("a", "b")], "got list"),
        ({"dev": [("a", "b")]}, r"read\(\) returned the split 'dev'; there are train, validation, test"),
        ({"train": []}, "data.source=Rows, train: no rows"),
        ({"train": ["a text"]}, "data.source=Rows, train, row 1: expected a text and its label, got str"),
        ({"train": [("a", "b"), ("a", "b", "c")]}, "row 2: expected a text and its label, got tuple of 3"),
        ({"train": [("a", "b"), (3.5, "b")]}, "data.source=Rows, train, row 2: "),
        ({"train": [None]}, "row 1: expected a text and its label, got NoneType"),
    ],
)
def test_what_is_no_rows_is_refused(splits, message):
    with pytest.raises(DataError, match=message):
        read(splits)


@pytest.mark.parametrize("key", ["train", "hub", "text_column"])
def test_a_key_that_says_nothing_beside_it_is_refused(key):
    with pytest.raises(ConfigError, match=f"^data.{key} says nothing where data.source reads the data"):
        own_source(Rows({}), {key: "x"}, TableOptions())


def test_a_table_option_is_refused_too_and_a_class_without_read():
    with pytest.raises(ConfigError, match="^data.separator says nothing"):
        own_source(Rows({}), {}, TableOptions.of("data.", ";", None, None, None))
    with pytest.raises(ConfigError, match=r"^data.source=int: it has no read\(\)"):
        own_source(3, {}, TableOptions())
