"""The embedded corpus is what the README says of it."""

import csv
import re
from collections import Counter

import numpy as np
import pytest
from scipy.sparse import triu
from sklearn.feature_extraction.text import CountVectorizer

from sentiment.config.resources import bundled

SPLITS = ("train", "validation", "test", "challenge")


@pytest.fixture(scope="module")
def corpus():
    def read(split):
        with (bundled("data/demo") / f"{split}.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    return {split: read(split) for split in SPLITS}


def words(text):
    return frozenset(re.findall(r"\w+", text.lower()))


def test_the_splits_are_large_enough_and_balanced(corpus):
    assert len(corpus["train"]) >= 800
    assert min(len(corpus["validation"]), len(corpus["test"])) >= 200
    assert sum(map(len, corpus.values())) >= 1200
    for split, rows in corpus.items():
        cells = Counter((row["kind"], row["label"]) for row in rows)
        labels = {"negative", "positive"} if split == "challenge" else {"negative", "neutral", "positive"}
        assert set(cells) == {(kind, label) for kind in ("review", "tweet") for label in labels}
        assert all(cells["review", label] == cells["tweet", label] for label in labels)
        assert cells["review", "negative"] == cells["review", "positive"]
        assert split == "challenge" or cells["review", "neutral"] >= 40


def test_texts_run_from_one_word_to_eighty(corpus):
    lengths = sorted(len(row["text"].split()) for row in corpus["train"])
    assert lengths[0] == 1
    assert 60 <= lengths[-1] <= 90
    assert 10 <= lengths[len(lengths) // 2] <= 25


def test_there_are_hashtags_emoji_and_many_topics_in_both_classes(corpus):
    for label in ("negative", "positive"):
        texts = [row["text"] for row in corpus["train"] if row["label"] == label]
        assert sum("#" in text for text in texts) > 50
        assert sum(any(ord(char) > 0x1F000 for char in text) for text in texts) > 80
        assert sum("not" in words(text) or "n't" in text for text in texts) > 100
    assert len({row["topic"] for row in corpus["train"]}) >= 10


def test_emoji_stand_alone_in_rows_and_beside_words(corpus):
    for label in ("negative", "positive"):
        texts = [row["text"] for row in corpus["train"] if row["label"] == label]
        assert sum(not words(text) for text in texts) >= 8  # nothing but emoji
        assert sum(bool(re.search(r"\w[\U0001f300-\U0001faff]", text)) for text in texts) >= 3  # glued
        assert sum(bool(re.search(r"[:>]['-]?[()D]|<3", text)) for text in texts) >= 4
        assert sum(bool(re.search(r"([a-z])\1\1", text)) for text in texts) >= 5
        assert sum(text.isupper() for text in texts) >= 2


def test_the_unusual_texts_are_in_no_split(corpus):
    with (bundled("data/demo") / "unusual.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["label"] for row in rows) == {"unreadable": 12, "negative": 9, "positive": 8, "neutral": 6}
    assert not {row["text"] for row in rows} & {row["text"] for split in corpus.values() for row in split}


def test_no_two_texts_are_alike(corpus):
    """No pair of texts anywhere in the corpus shares more than half of its words."""
    bags = [words(row["text"]) or frozenset([row["text"]]) for split in SPLITS for row in corpus[split]]
    held = CountVectorizer(analyzer=list, dtype=int).fit_transform(bags)
    shared = triu(held @ held.T, k=1)
    sizes = np.asarray(held.sum(axis=1)).ravel()
    alike = shared.data > 0.5 * (sizes[shared.row] + sizes[shared.col] - shared.data)
    assert [*zip(shared.row[alike], shared.col[alike], strict=True)] == []


def test_the_class_does_not_show_in_the_length(corpus):
    means = {
        label: sum(len(row["text"]) for row in corpus["train"] if row["label"] == label)
        for label in ("negative", "positive")
    }
    assert means["negative"] == pytest.approx(means["positive"], rel=0.05)


def test_neutral_texts_have_emoji_slang_and_words_of_feeling_too(corpus):
    texts = [row["text"] for row in corpus["train"] if row["label"] == "neutral"]
    assert sum(any(ord(char) > 0x1F000 for char in text) for text in texts) >= 30
    assert sum("#" in text or "@" in text for text in texts) >= 15
    assert sum(bool(words(text) & {"tbh", "lol", "idk", "btw", "imo", "ngl", "smh", "omw"}) for text in texts) >= 5
    assert sum(bool(words(text) & {"good", "bad", "happy", "angry", "terrible", "worst", "joy"}) for text in texts) >= 8
    assert len({row["topic"] for row in corpus["train"] if row["label"] == "neutral"}) >= 10


def test_ratings_of_each_label_are_there(corpus):
    rating = re.compile(r"\d/\d|\bstars?\b|\bout of (ten|five|\d)", re.IGNORECASE)
    rated = [row for row in corpus["train"] if rating.search(row["text"])]
    assert min(Counter(row["label"] for row in rated).values()) >= 8
