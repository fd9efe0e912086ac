import pytest

from sentiment.data import SentimentData
from sentiment.errors import ConfigError
from sentiment.text import Cleaning
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


def test_tokens_are_made_once_and_found_again(make, tmp_path):
    def stamps():
        return {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.arrow")}

    make().setup()
    first = stamps()
    make().setup()
    assert stamps() == first
    assert len(first) == 2


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
