import pytest
import torch

from sentiment.data import SentimentData
from sentiment.errors import ConfigError
from sentiment.inference.preprocessing import Cleaning
from tests.conftest import write_csv


@pytest.fixture
def make(tiny_backbone, corpus, tmp_path):
    def build(**changes):
        options = {"backbone": tiny_backbone, "cache_dir": tmp_path / "cache", "dir": corpus, "max_length": 32}
        return SentimentData(**{**options, **changes})

    return build


def test_batches_hold_what_the_model_takes(make):
    data = make(batch_size=8)
    data.setup()
    batch = next(iter(data.train_dataloader()))
    assert batch["input_ids"].shape == batch["attention_mask"].shape
    assert batch["labels"].shape == (8,)
    assert data.labels == ["negative", "positive"]


def test_validation_batches_hold_rows_of_one_length_in_an_order_that_stays(make):
    module = make(batch_size=4)
    module.setup()
    first, again = ([batch["attention_mask"].sum(dim=1) for batch in module.val_dataloader()] for _ in range(2))
    assert [lengths.tolist() for lengths in first] == [lengths.tolist() for lengths in again]
    lengths = [len(ids) for ids in module._tokenized["validation"]["input_ids"]]
    assert sorted(torch.cat(first).tolist()) == sorted(lengths)
    padded = sum(len(batch) * int(batch.max()) for batch in first)
    in_file_order = sum(len(rows) * max(rows) for rows in (lengths[i : i + 4] for i in range(0, len(lengths), 4)))
    assert sum(lengths) <= padded < in_file_order


def test_tokens_are_made_once_and_found_again(make, tmp_path):
    def stamps():
        return {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.arrow")}

    make().setup()
    first = stamps()
    make().setup()
    assert stamps() == first
    assert len(first) == 2, "validation and test hold the same texts"


@pytest.mark.parametrize(
    "change",
    [
        {"max_length": 16},
        {"truncation": "tail"},
        {"cleaning": Cleaning(urls=False)},
        {"labels": ["positive", "negative"]},
    ],
)
def test_whatever_changes_the_tokens_changes_the_cache(make, tmp_path, change):
    make().setup()
    make(**change).setup()
    assert len(list((tmp_path / "cache").iterdir())) == 4


def test_a_missing_validation_split_is_carved_out_of_train(make, corpus):
    data = make(dir=None, train=corpus / "train.csv", validation_fraction=0.25)
    splits = data.read()
    assert {name: len(split) for name, split in splits.items()} == {"train": 48, "validation": 16}


def test_numbers_and_other_scripts_are_label_names_too(make, tmp_path):
    path = write_csv(tmp_path / "stars.csv", [(f"text {i}", ["1", "5", "größe"][i % 3]) for i in range(30)])
    data = make(dir=None, train=path)
    data.setup()
    assert data.labels == ["1", "5", "größe"]


def test_more_tokens_than_positions_are_refused(make):
    with pytest.raises(ConfigError, match=r"max_length=129 exceeds the 128 positions .*; lower data.max_length"):
        make(max_length=129).setup()


def test_what_is_dropped_is_reported_and_changes_the_fingerprint(make, tmp_path):
    rows = [(f"text {i}", ["a", "b"][i % 2]) for i in range(40)]
    path = write_csv(tmp_path / "train.csv", [*rows, ("Text 3!", "b"), ("text 4", "b"), ("text 9", "b")])
    test = write_csv(tmp_path / "test.csv", [("TEXT 0", "a"), ("text 100", "b")])
    given = {"dir": None, "train": path, "test": test}
    data, plain = make(**given, dedupe="normalised", drop_leaks="normalised"), make(**given)
    data.setup()
    plain.setup()
    splits = data.report.splits
    assert {name: split.rows for name, split in splits.items()} == {"train": 34, "validation": 4, "test": 2}
    dropped = [split.dropped for split in splits.values()]
    assert (dropped[0].duplicates, dropped[0].conflicts, sum(d.leaks for d in dropped)) == (2, 2, 1)
    assert splits["train"].sha256 != plain.report.splits["train"].sha256
    assert not data.report.overlaps[0].texts.normalised
    assert plain.report.conflicts.texts == 1
    assert data.report.to_json()["dedupe"] == "normalised"


def test_the_tokens_of_texts_that_are_cut_are_counted_whole(make, tmp_path):
    rows = [("word " * count, "ab"[count % 2]) for count in (3, 4, 5, 6, 5000, 5001)]
    data = make(dir=None, train=write_csv(tmp_path / "long.csv", rows), test=tmp_path / "long.csv", max_length=8)
    data.setup()
    tokens = data.report.splits["test"].tokens
    assert tokens.percentiles["100"] == 5003
    assert tokens.truncated == pytest.approx(2 / 6, abs=1e-6)
