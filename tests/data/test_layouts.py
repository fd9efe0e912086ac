"""Data sets in the layouts of published ones, read as a user would; tests/test_real_data.py reads the real ones."""

from collections import Counter

import pytest

from sentiment.data import SentimentData
from sentiment.data.quality import inspect
from sentiment.text import Preprocessing
from tests.corpora import write_emotion, write_imdb, write_sst2


@pytest.fixture
def read(tiny_backbone, tmp_path):
    def splits(write):
        (tmp_path / "data").mkdir()
        return SentimentData(backbone=tiny_backbone, cache_dir=tmp_path / "cache", dir=write(tmp_path / "data")).read()

    return splits


def test_three_files_are_three_splits(read):
    splits = read(write_sst2)
    assert {name: len(split) for name, split in splits.items()} == {"train": 240, "validation": 40, "test": 80}
    assert set(splits["test"].labels) == {"negative", "positive"}


def test_two_parquet_files_get_a_stratified_validation_split(read):
    splits = read(write_imdb)
    assert {name: len(split) for name, split in splits.items()} == {"train": 270, "validation": 30, "test": 300}
    shares = {name: Counter(split.labels)["positive"] / len(split) for name, split in splits.items()}
    assert shares["validation"] == pytest.approx(shares["train"], abs=0.02)
    assert any("<br />" in text for text in splits["train"].texts)  # cleaned when it is tokenized, not when it is read


def test_four_labels_and_emoji_are_kept(read):
    splits = read(write_emotion)
    assert sorted(set(splits["train"].labels)) == ["anger", "joy", "optimism", "sadness"]
    assert len(splits["test"]) == 100
    assert any("😂" in text for text in splits["test"].texts)


@pytest.mark.parametrize(("write", "leaks", "repeats"), [(write_sst2, 2, 6), (write_imdb, 5, 5)])
def test_copies_inside_and_across_splits_are_found(read, write, leaks, repeats):
    splits = read(write)
    report = inspect(splits, {name: [1] * len(split) for name, split in splits.items()}, Preprocessing(64), dropped={})
    assert report.splits["test"].leaks.exact == leaks
    texts = [text for split in splits.values() for text in split.texts]
    inside = sum(split.duplicates.exact for split in report.splits.values())
    across = sum(split.leaks.exact for split in report.splits.values())
    assert inside + across == len(texts) - len(set(texts)) == repeats
