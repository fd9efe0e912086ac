"""Rows with an aspect: reading, missing aspects, duplicates and leaks by the pair, and the cache of token ids."""

import json

import pytest

from sentiment.data.module import SentimentData
from sentiment.data.preprocess import preprocess
from sentiment.errors import ConfigError, DataError
from sentiment.inference.pairs import Pair
from tests.conftest import read_csv, write_csv

HEADER = ("text", "target", "label")
ROWS = [
    ("good <b>film</b>", "the <b>film</b>", "positive"),
    ("good film", "meal", "negative"),
    ("bad", "it", "negative"),
]


def data(tiny_backbone, tmp_path, rows=ROWS, others=ROWS, **options):
    paths = {
        name: write_csv(tmp_path / f"{name}.csv", own, HEADER) for name, own in (("train", rows), ("test", others))
    }
    options = {"aspect_column": "target", "validation": paths["test"], "train": paths["train"]} | options
    return SentimentData(backbone=tiny_backbone, cache_dir=tmp_path / "cache", max_length=16, **options)


def test_texts_are_read_with_their_aspects_and_both_are_cleaned(tiny_backbone, tmp_path):
    module = data(tiny_backbone, tmp_path)
    report = preprocess(data=module, into=tmp_path / "out")
    assert module.splits["train"].inputs[1] == Pair("good film", "meal")
    assert read_csv(tmp_path / "out" / "train.csv")[0] == {
        "text": "good film",
        "aspect": "the film",
        "label": "positive",
    }
    assert report.splits["train"].tokens.percentiles["100"] == 7  # [CLS] good film [SEP] the film [SEP]
    batch = next(iter(module.val_dataloader()))
    types = [[0, 0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1, 0], [0, 0, 0, 0, 1, 1, 1]]  # the shortest first
    assert batch["token_type_ids"].tolist() == types
    alone = data(tiny_backbone, tmp_path, aspect_column=None, label_map={"positive": "p", "negative": "p2"})
    alone.setup()
    assert "token_type_ids" not in next(iter(alone.val_dataloader()))


def test_the_token_cache_knows_aspects(tiny_backbone, tmp_path):
    def train_keys():
        return {path.name for path in (tmp_path / "cache").iterdir()}

    data(tiny_backbone, tmp_path, validation_fraction=0.3).setup()
    before = train_keys()
    other = [(text, "other" if target == "it" else target, label) for text, target, label in ROWS]
    data(tiny_backbone, tmp_path, rows=other, others=other).setup()
    assert before < train_keys()
    again = data(tiny_backbone, tmp_path, rows=other, others=other)
    now = train_keys()
    again.setup()
    assert train_keys() == now


def test_a_missing_aspect_is_refused_skipped_or_filled(tiny_backbone, tmp_path):
    rows = [*ROWS, ("fine", "", "positive"), ("poor", "<br>", "negative")]
    with pytest.raises(
        DataError, match=r"2 of 5 train rows are unusable \(first: row 4, the aspect is empty; data.default"
    ):
        data(tiny_backbone, tmp_path, rows).read()
    assert len(data(tiny_backbone, tmp_path, rows, skip_bad_rows=True).read()["train"]) == 3
    for blank in ("", " ", "\t"):
        rows[3] = ("fine", blank, "positive")
        filled = data(tiny_backbone, tmp_path, rows[:4], default_aspect="all of it")
        assert filled.read()["train"].inputs[3] == Pair("fine", "all of it")
    with pytest.raises(DataError, match="first: row 5, the aspect is empty but for markup or invisible characters"):
        data(tiny_backbone, tmp_path, rows, default_aspect="all of it").read()
    assert (filled.preprocessing.aspects, filled.preprocessing.default_aspect) == (True, "all of it")


def test_aspects_that_are_no_texts_name_the_key_of_their_column(tiny_backbone, tmp_path):
    lines = [{"text": text, "target": i, "label": label} for i, (text, _, label) in enumerate(ROWS)]
    (tmp_path / "n.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(DataError, match="row 1: column 'target' holds a number .0., no text; set aspect_column to the"):
        data(tiny_backbone, tmp_path, train=tmp_path / "n.jsonl").read()


def test_duplicates_and_leaks_are_those_of_pairs(tiny_backbone, tmp_path):
    rows = [*ROWS, ("Good film!", "Meal.", "negative"), ("good film", "screen", "negative")]
    kept = data(tiny_backbone, tmp_path, rows, ROWS[1:2], dedupe="normalised", drop_leaks="normalised")
    assert [pair.aspect for pair in kept.read()["train"].inputs] == ["the <b>film</b>", "it", "screen"]


def test_keys_that_can_do_nothing_are_refused(tiny_backbone, tmp_path):
    with pytest.raises(ConfigError, match="^data.default_aspect=it does nothing without data.aspect_column"):
        data(tiny_backbone, tmp_path, aspect_column=None, default_aspect="it")
    for column, told in {"none": "no column 'none', only 'text', 'target', 'label'; set data.aspect_column",
                         "text": "data.text_column and data.aspect_column are both 'text'"}.items():  # fmt: skip
        with pytest.raises(DataError, match=told):
            data(tiny_backbone, tmp_path, aspect_column=column).read()
    (tmp_path / "tree" / "train" / "pos").mkdir(parents=True)
    (tmp_path / "tree" / "train" / "pos" / "1.txt").write_text("fine")
    with pytest.raises(DataError, match="has no columns, so no data.aspect_column=target"):
        data(tiny_backbone, tmp_path, train=None, validation=None, dir=tmp_path / "tree").read()


def test_an_aspect_that_is_too_long_names_its_row(tiny_backbone, tmp_path):
    with pytest.raises(DataError, match="^train, row 4: the aspect has 7 tokens, of which the model reads 6 at most"):
        data(tiny_backbone, tmp_path, [*ROWS, ("a", "b " * 7, "positive")]).setup()


class Own:
    def __init__(self, rows):
        self.rows = rows

    def read(self):
        return {"train": self.rows, "validation": self.rows}


def test_a_source_of_ones_own_gives_aspects_as_the_second_of_three(tiny_backbone, tmp_path):
    def module(rows, **options):
        return SentimentData(backbone=tiny_backbone, cache_dir=tmp_path, source=Own(rows), **options)

    found = module(ROWS, default_aspect="it")
    assert found.read()["train"].inputs[1] == Pair("good film", "meal")
    assert found.preprocessing.aspects
    with pytest.raises(DataError, match="row 2: expected a text, its aspect and its label, got tuple of 2"):
        module([ROWS[0], ("a", "b")]).read()
    with pytest.raises(DataError, match="row 1: expected a text and its label, got tuple of 4"):
        module([(*ROWS[0], "b")]).read()
    with pytest.raises(ConfigError, match="^data.default_aspect=it does nothing: no row has an aspect"):
        module([("a", "x"), ("b", "y")], default_aspect="it").read()
    with pytest.raises(ConfigError, match="^data.aspect_column says nothing where data.source"):
        module(ROWS, aspect_column="target")


def test_a_rank_without_rows_has_token_types_too():
    from sentiment.data.batches import Collate

    empty, full = Collate(0, pairs=True)([]), Collate(0, pairs=True)([{"input_ids": [5, 6, 7], "types": 1, "label": 1}])
    assert empty.keys() == full.keys()
    assert full["token_type_ids"].tolist() == [[0, 0, 1]]
