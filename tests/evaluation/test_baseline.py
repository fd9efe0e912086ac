import csv

import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from sentiment.evaluation.baseline import Baseline
from sentiment.inference.preprocessing import Cleaning
from tests.conftest import read_json


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return zip(*((row["text"], row["label"]) for row in csv.DictReader(file)), strict=True)


def test_the_baseline_is_scikit_learn_on_the_cleaned_training_texts(corpus, tiny_run):
    (train, labels), (test, truth) = rows(corpus / "train.csv"), rows(corpus / "test.csv")
    clean = Cleaning()
    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = LogisticRegression(C=10, max_iter=1000).fit(words.fit_transform(map(clean, train)), labels)
    expected = model.predict_proba(words.transform(map(clean, test)))
    found = Baseline(train, labels, cleaning=clean).probabilities(test, ["negative", "positive"])
    torch.testing.assert_close(found.double(), torch.from_numpy(expected), atol=1e-6, rtol=0)
    written = read_json(tiny_run / "baseline.json")["test"]
    assert written["scores"]["accuracy"] == pytest.approx(model.score(words.transform(map(clean, test)), truth))
    assert written["scores"]["accuracy"] > 0.9  # the texts are easy: one word tells
    assert written["lead"] == pytest.approx(
        read_json(tiny_run / "metrics.json")["test"]["accuracy"] - written["scores"]["accuracy"]
    )


def test_probabilities_come_in_the_order_asked_with_none_for_a_label_never_met():
    found = Baseline(["good film", "bad film"], ["pos", "neg"], cleaning=Cleaning())
    first = found.probabilities(["good trip"], ["pos", "unheard", "neg"])
    second = found.probabilities(["good trip"], ["neg", "pos", "unheard"])
    assert first[0].tolist() == [second[0, 1], 0.0, second[0, 0]]
    assert first[0, 0] > first[0, 2]


@pytest.mark.slow
def test_words_alone_reach_the_reference_on_sst2(shared_data):
    train, labels = rows(shared_data / "sst2" / "train.csv")
    test, truth = rows(shared_data / "sst2" / "test.csv")
    found = Baseline(train, labels, cleaning=Cleaning()).probabilities(test, ["negative", "positive"])
    right = sum(["negative", "positive"][i] == label for i, label in zip(found.argmax(1).tolist(), truth, strict=True))
    assert right / len(test) == pytest.approx(0.813, abs=0.01)
