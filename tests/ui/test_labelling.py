"""Labelling on the page: which texts come first, what each answer leaves in the feedback file, corrected copies."""

import json
from dataclasses import replace

import numpy as np
import pytest

from sentiment.data.tables import Limits
from sentiment.errors import DataError
from sentiment.inference.types import Model, Prediction
from sentiment.ui.feedback import Corrections
from sentiment.ui.labelling import (
    Item,
    Session,
    card,
    changes,
    corrected_copy,
    distinct_texts,
    is_suspects,
    review_of,
    session_of,
)
from sentiment.ui.suggestions import suggest, uncertainty, word_vectors
from tests.conftest import read_csv, write_csv

MODEL = Model("demo", "2", ("bad", "good"), 128, "head")
SUSPECTS = ("rank", "row", "text", "label", "suggested", "probability", "margin")


def answer(share, **more):
    return Prediction(
        "good" if share > 0.5 else "bad", max(share, 1 - share), {"bad": 1 - share, "good": share}, **more
    )


def lines(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def started(texts=("a", "b", "c"), **more):
    return Session(tuple(Item(text, answer(0.6)) for text in texts), ("bad", "good"), "2", **more)


def test_the_unsure_come_first_and_unlike_each_other():
    texts = [
        "the same old words 1",
        "the same old words 2",
        "the same old words 3",
        "quite another thing",
        "sure thing",
    ]
    answers = [answer(0.5), answer(0.51), answer(0.52), answer(0.6), answer(0.999)]
    assert suggest(texts, answers, 2) == [0, 3]
    assert suggest(texts, answers, 9)[:2] == [0, 3]
    assert sorted(suggest(texts, answers, 9)) == [0, 1, 2, 3, 4]


def test_suggestions_are_more_varied_than_the_least_sure_texts():
    generator = np.random.default_rng(0)
    topics = [[f"topic{topic}word{i}" for i in range(8)] for topic in range(10)]
    common = [0] * 60 + [*range(1, 10)] * 4  # most unsure texts are of one topic
    texts = [" ".join(generator.choice(topics[topic], 5, replace=False)) for topic in common]
    answers = [answer(0.5 + 0.001 * i) for i in range(len(texts))]
    assert len({common[i] for i in suggest(texts, answers, 10)}) == 10
    assert len({common[i] for i in range(10)}) == 1  # what uncertainty alone would take


def test_uncertainty_is_the_entropy_of_one_label_and_the_mean_of_several():
    assert uncertainty({"a": 0.5, "b": 0.5}) == pytest.approx(1)
    assert uncertainty({"a": 1.0, "b": 0.0}) == pytest.approx(0, abs=1e-9)
    assert uncertainty({"a": 0.5, "b": 1.0}, several=True) == pytest.approx(0.5)
    vectors = word_vectors(["one two", "Two one!", "three"])
    assert vectors @ vectors.T == pytest.approx(np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]]), abs=1e-6)


def test_copies_labelled_and_unreadable_texts_are_left_out(tmp_path):
    table = write_csv(
        tmp_path / "t.csv", [("Fine film",), ("fine  film!",), ("known",), ("",), ("???",), ("dull",)], ("text",)
    )
    texts = distinct_texts(table, "text", Limits(), known={"Known."})
    assert texts == ["Fine film", "???", "dull"]
    answers = [answer(0.5), answer(0.5, readable=False), answer(0.6)]
    assert [item.text for item in session_of(texts, answers, model=MODEL).items] == ["Fine film", "dull"]
    with pytest.raises(DataError, match="No text of this table is left to label"):
        session_of(["???"], answers[1:2], model=MODEL)


def test_each_label_is_one_line_and_undo_takes_it_back(tmp_path):
    file = Corrections(tmp_path / "feedback.jsonl")
    session = started().answered("good", file).skipped().answered("bad", file)
    assert [(line["text"], line["label"], line["predicted"], line["version"]) for line in lines(file.path)] == [
        ("a", "good", "good", "2"), ("c", "bad", "good", "2"),
    ]  # fmt: skip
    assert session.current is None
    assert len(session.given) == 2
    session, taken = session.undone(file)
    assert taken
    assert session.current.text == "c"
    assert [line["text"] for line in lines(file.path)] == ["a"]
    assert file.texts() == {"a"}


def test_a_label_that_another_one_follows_stays_and_the_next_one_counts(tmp_path):
    file = Corrections(tmp_path / "feedback.jsonl")
    session = started().answered("good", file)
    started(texts=("of another visitor",)).answered("good", file)
    session, taken = session.undone(file)
    assert not taken
    session.answered("bad", file)
    assert [(line["text"], line["label"]) for line in lines(file.path)] == [
        ("a", "good"), ("of another visitor", "good"), ("a", "bad"),
    ]  # fmt: skip


def test_several_labels_are_kept_as_a_list(tmp_path):
    file = Corrections(tmp_path / "feedback.jsonl")
    several = Prediction("bad", 0.7, {"bad": 0.7, "good": 0.6}, labels=("bad", "good"))
    session = session_of(["a", "b"], [several, several], model=MODEL)
    assert 'aria-pressed="false"' in card(session)
    session.answered("bad|good", file).answered("", file)
    assert [line["label"] for line in lines(file.path)] == [["bad", "good"], []]


def test_a_review_is_walked_through_and_a_corrected_copy_has_its_changes_alone(tmp_path):
    rows = [("1", "9", "fine <b>", "bad", "good", "0.9", "-0.8"), ("2", "4", "dull", "good", "bad", "0.8", "-0.6")]
    suspects = write_csv(tmp_path / "suspects.csv", rows, SUSPECTS)
    assert is_suspects(SUSPECTS)
    session = review_of(suspects, Limits(), MODEL)
    assert "Labelled <b>bad</b>; the review suggests <b>good, 90.0% probable</b>" in card(session)
    assert "fine &lt;b&gt;" in card(session)
    file = Corrections(tmp_path / "feedback.jsonl")
    session = session.answered("good", file).answered("good", file)
    assert [(line["label"], line["predicted"], line["version"]) for line in lines(file.path)] == [
        ("good", "good", "review"), ("good", "bad", "review"),
    ]  # fmt: skip
    assert changes(session) == {"fine <b>": ("bad", "good")}
    table = [("007", "fine <b>", "bad"), ("8", "fine <b>", "good"), ("9", "dull", "good")]
    mine = write_csv(tmp_path / "mine.csv", table, ("id", "text", "label"))
    copy, count = corrected_copy(mine, tmp_path, changes(session))
    assert count == 1
    assert [tuple(row.values()) for row in read_csv(copy)] == [
        ("007", "fine <b>", "good"), ("8", "fine <b>", "good"), ("9", "dull", "good"),
    ]  # fmt: skip
    assert copy.name == "mine-corrected.csv"
    with pytest.raises(DataError, match="mine.csv has none of the 1 changed labels"):
        corrected_copy(mine, tmp_path, {"elsewhere": ("bad", "good")})


def test_labels_that_are_numbers_are_met_by_value_in_a_review(tmp_path):
    rows = [("1", "9", "fine", "1.0", "2.0", "0.9", "-0.8")]
    session = review_of(write_csv(tmp_path / "s.csv", rows, SUSPECTS), Limits(), replace(MODEL, labels=("1", "2")))
    assert (session.items[0].given, session.items[0].prediction.label) == ("1", "2")
    mine = write_csv(tmp_path / "mine.csv", [("fine", "1.0")], ("text", "label"))
    assert corrected_copy(mine, tmp_path, {"fine": ("1", "2")})[1] == 1


def test_suspects_of_another_model_and_an_empty_list_are_one_line(tmp_path):
    aspects = write_csv(tmp_path / "a.csv", [("1", "1", "a", "bad", "good", "0.9", "-0.8", "x")], (*SUSPECTS, "aspect"))
    with pytest.raises(DataError, match="These suspects are of texts with aspects"):
        review_of(aspects, Limits(), MODEL)
    other = write_csv(tmp_path / "suspects.csv", [("1", "1", "a", "joy", "good", "0.9", "-0.8")], SUSPECTS)
    with pytest.raises(DataError, match="These suspects have the label 'joy', and the model here has bad, good"):
        review_of(other, Limits(), MODEL)
    with pytest.raises(DataError, match="empty: the review found no label that is likely wrong"):
        review_of(write_csv(tmp_path / "none.csv", [], SUSPECTS), Limits(), MODEL)
