import re
from dataclasses import replace

import pytest

from sentiment.inference.exclusive import Scale
from sentiment.inference.types import Model, Prediction
from sentiment.serving.rollout.gate import Evidence, Limits, changes_of, measure_candidate, next_version, violations


def predictions(*scores):
    """One for each probability of "positive"."""
    return [
        Prediction("positive" if p >= 0.5 else "negative", max(p, 1 - p), {"negative": 1 - p, "positive": p})
        for p in scores
    ]


def evidence(**changes):
    values = {"texts": 100, "agreement": 1.0, "difference": 0.0, "accuracy": 0.9, "accuracy_in_place": 0.9, "p95_ms": 9}
    return Evidence(**(values | changes))


def test_the_evidence_is_computed_from_the_predictions():
    found = measure_candidate(
        served=predictions(0.9, 0.4, 0.7, 0.2),
        exported=predictions(0.9, 0.6, 0.7, 0.25),
        in_place=predictions(0.1, 0.6, 0.7, 0.2),
        labels=["positive", "positive", "positive", "negative"],
        seconds=[0.010] * 19 + [0.200],
    )
    assert found.texts == 4
    assert found.agreement == 0.75
    assert found.difference == pytest.approx(0.2)
    assert (found.accuracy, found.accuracy_in_place) == (0.75, 0.75)
    assert found.p95_ms == pytest.approx(19.5)


def test_a_scale_in_place_with_other_labels_is_scored_by_its_very_labels():
    """Its labels lie at other places than those of the new version's scale."""
    new = [Prediction(label, 1.0, dict.fromkeys("135", 0.0) | {label: 1.0}, value=3.0) for label in "135"]
    old = [Prediction(label, 1.0, dict.fromkeys("12345", 0.0) | {label: 1.0}, value=3.0) for label in "145"]
    found = measure_candidate(
        served=new, exported=new, in_place=old, labels=["1", "3", "3"], seconds=[0.01] * 20, decoding=Scale((1, 3, 5))
    )
    assert found.accuracy == pytest.approx(2.5 / 3)  # 5 instead of 3 is half the scale
    assert found.accuracy_in_place == pytest.approx(1 / 3)


def test_without_labels_or_a_version_in_place_there_is_no_score():
    scored = {"served": predictions(0.9), "exported": predictions(0.9), "seconds": [0.1, 0.1]}
    assert measure_candidate(**scored, in_place=None, labels=["negative"]).accuracy_in_place is None
    found = measure_candidate(**scored, in_place=predictions(0.9), labels=None)
    assert (found.accuracy, found.accuracy_in_place) == (None, None)
    assert violations(found, Limits(max_p95_ms=1000)) == []


def test_other_labels_are_as_different_as_can_be():
    other = [Prediction("joy", 1.0, {"joy": 1.0})]
    found = measure_candidate(served=predictions(0.9), exported=other, in_place=None, labels=None, seconds=[0.1, 0.1])
    assert (found.agreement, found.difference) == (0.0, 1.0)


def test_a_version_that_asks_or_answers_otherwise_is_told_from_the_one_in_place():
    single = Model("a", "1.0", ("negative", "positive"), 64, "head")
    aspects, filled = replace(single, aspects=True), replace(single, aspects=True, default_aspect="it")
    assert changes_of(single, single) == changes_of(filled, single) == changes_of(aspects, filled) == []
    assert changes_of(aspects, single) == ["a text without an aspect is refused"]
    assert changes_of(single, aspects) == ["no aspects are read any more"]
    multi = replace(single, labels=("joy", "negative"), task={"kind": "multi"})
    told = ["task=multi instead of single", "the labels joy, negative instead of negative, positive"]
    assert changes_of(multi, single) == told
    assert violations(evidence(changes=told), Limits(same_answers=False)) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"agreement": 0.98}, "label of the exported model to 98.0% of 100 texts, wanted 99.0%"),
        ({"difference": 0.02}, "differs by 0.0200 .* allowed 0.0100"),
        ({"accuracy": 0.88}, "accuracy is 0.8800, that of the version in place 0.9000, allowed drop 0.0100"),
        ({"p95_ms": 300}, "take up to 300 ms, allowed 250 ms"),
        (
            {"changes": ["task=multi instead of single"]},
            "clients would meet task=multi instead of single .same_answers",
        ),
    ],
)
def test_each_limit_that_is_broken_is_a_reason(changes, reason):
    [found] = violations(evidence(**changes), Limits())
    assert re.search(reason, found)


@pytest.mark.parametrize(
    "changes", [{"agreement": 0.99}, {"difference": 0.01}, {"accuracy": 0.895}, {"accuracy": 0.95}, {"p95_ms": 250}]
)
def test_a_limit_that_is_just_kept_is_none(changes):
    assert violations(evidence(**changes), Limits()) == []


def test_all_reasons_are_told():
    assert len(violations(evidence(agreement=0, difference=1, accuracy=0, p95_ms=999), Limits())) == 4


def test_any_drop_may_be_allowed():
    assert violations(evidence(accuracy=0.0), Limits(max_drop=None)) == []


@pytest.mark.parametrize(
    ("taken", "expected"), [([], "1.0"), ([1.0], "2.0"), ([1.0, 2.5], "3.0"), ([9.0, 10.0], "11.0")]
)
def test_the_next_version_is_the_next_whole_number(taken, expected):
    assert next_version(taken) == expected
