"""The real data sets, read as a user would; tests/data/test_layouts.py does the same with rows made for it."""

from collections import Counter

import pytest

from sentiment.cli import main
from sentiment.data import SentimentData
from sentiment.data.quality import inspect
from sentiment.inference.preprocessing import Preprocessing
from tests.conftest import read_json

pytestmark = pytest.mark.slow  # skipped in a clone, which has no data beside it


@pytest.fixture
def read(shared_data, tiny_backbone, tmp_path):
    def splits(name):
        return SentimentData(backbone=tiny_backbone, cache_dir=tmp_path, dir=shared_data / name).read()

    return splits


def test_sst2_comes_in_its_published_splits(read):
    splits = read("sst2")
    assert {name: len(split) for name, split in splits.items()} == {"train": 6920, "validation": 872, "test": 1821}
    assert set(splits["test"].labels) == {"negative", "positive"}


def test_imdb_parquet_gets_a_stratified_validation_split(read):
    splits = read("imdb")
    assert {name: len(split) for name, split in splits.items()} == {"train": 22500, "validation": 2500, "test": 25000}
    assert set(Counter(splits["validation"].labels).values()) == {1250}


def test_emotion_keeps_its_four_labels(read, shared_data):
    splits = read("emotion")
    assert sorted(set(splits["train"].labels)) == ["anger", "joy", "optimism", "sadness"]
    assert len(splits["test"]) == 1421


@pytest.mark.parametrize(("name", "leaks", "repeats"), [("sst2", 2, 11), ("imdb", 123, 418)])
def test_copies_inside_and_across_splits_are_found(read, name, leaks, repeats):
    splits = read(name)
    report = inspect(splits, {name: [1] * len(split) for name, split in splits.items()}, Preprocessing(64), dropped={})
    assert report.splits["test"].leaks.exact == leaks
    texts = [text for split in splits.values() for text in split.texts]
    inside = sum(split.duplicates.exact for split in report.splits.values())
    across = sum(split.leaks.exact for split in report.splits.values())
    assert inside + across == len(texts) - len(set(texts)) == repeats


@pytest.mark.e2e
@pytest.mark.timeout(3600)
def test_a_plain_fine_tune_on_sst2_reaches_the_reference(shared_data, tmp_path):
    main(
        ["train", "data=sst2", f"data.dir={shared_data}/sst2", "trainer.max_epochs=3", "model.lr=5e-5"]
        + ["run_name=sst2", f"paths.output_dir={tmp_path}", f"paths.cache={tmp_path}/cache"]
    )
    assert read_json(tmp_path / "sst2" / "metrics.json")["test"]["accuracy"] >= 0.88
