"""What the page shows, and that a text stays a text."""

import re
from dataclasses import replace

import pytest

from sentiment.errors import BusyError, DataError, UnreachableError
from sentiment.inference.types import Model, Prediction
from sentiment.ui import render
from sentiment.ui.app_state import render_error
from sentiment.ui.backend import State
from sentiment.ui.compare import sentence
from sentiment.ui.model import scores_table

STATE = State(Model("sentiment", "1.0", ("negative", "positive"), 64, "tail"))


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0.978094, "97.8%"),
        (1.0, "100.0%"),
        (0.99999, "over 99.9%"),
        (0.0, "0.0%"),
        (0.0001, "under 0.1%"),
        (0.5, "50.0%"),
    ],
)
def test_no_doubt_is_rounded_away(share, told):
    assert render.percent(share) == told


def test_a_bar_keeps_the_colour_of_its_label_whatever_the_answer():
    drawn = render.bars({"negative": 0.25, "positive": 0.75}, {"negative": 10, "positive": 3000})
    assert '<li class="series-1"><span class="name">negative</span>' in drawn
    assert '<li class="series-0 best"><span class="name">positive</span>' in drawn
    assert 'style="width:25.0%"' in drawn
    assert "3,000 · 75.0%" in drawn
    assert '<li class="series-1 best"><span class="name">negative</span>' in render.bars(
        {"negative": 0.9, "positive": 0.1}
    )


def test_the_bar_of_the_decided_label_stands_out_and_nothing_is_minus_zero():
    """The median of a scale need not be its most probable label."""
    shares = {"-2": 0.498, "0": 0.008, "2": 0.494}
    one = Prediction("0", 0.008, shares, value=-0.001, interval=(-2.0, 2.0), readable=True)
    shown = render.answer(one, STATE)
    assert shown.count(' best"') == 1
    assert ' best"><span class="name">0</span>' in shown
    assert "value 0.00, 90 % between −2 and 2" in shown
    assert "polarity +0.00" in shown
    none = render.answer(Prediction("", 0.4, {"a": 0.4, "b": 0.3}, labels=()), STATE)
    assert "none of the labels" in none
    assert ' best"' not in none


def test_the_threshold_of_each_of_several_labels_is_a_line_on_its_bar():
    task = {"kind": "multi", "thresholds": [0.3, 0.6], "slopes": [1.0, 1.0], "biases": [0.0, 0.0]}
    state = State(Model("m", "1", ("a", "b"), 64, "tail", task=task))
    one = Prediction("a", 0.4, {"a": 0.4, "b": 0.5}, labels=("a",))
    shown = render.answer(one, state)
    assert [shown.count(f'<i style="left:{place}"></i>') for place in ("30.0%", "60.0%")] == [1, 1]
    assert "A label is given where its bar reaches the line." in shown
    same = replace(state.model, task=task | {"thresholds": [0.3, 0.3]})
    assert "reaches the line, from 30.0% on." in render.answer(replace(one, labels=("a", "b")), State(same))
    assert "reaches the line" not in render.answer(replace(one, labels=("b",)), state)  # of another version
    other = replace(one, probabilities={"a": 0.4, "b": 0.5, "c": 0.1})
    assert "reaches the line" not in render.answer(other, state)


def test_an_answer_of_a_scale_that_is_not_its_most_probable_label_says_why():
    task = {"kind": "scale", "values": [-1, 0, 1], "link": "softmax", "decision": "median", "prior": None}
    state = State(Model("m", "1", ("-1", "0", "1"), 64, "tail", task=task))
    one = Prediction("0", 0.15, {"-1": 0.4, "0": 0.15, "1": 0.45}, value=0.05, interval=(-1.0, 1.0))
    shown = render.answer(one, state)
    assert "1 is more probable than 0, but the answer is the median of the distribution." in shown
    assert "unsure" not in shown
    weighed = State(replace(state.model, task=task | {"prior": [0.2, 0.6, 0.2]}))
    assert "the median of the distribution after the shares of the labels" in render.answer(one, weighed)


def test_scores_have_the_names_of_the_report():
    shown = scores_table({"test": {"f1": 0.5, "recall/joy": 1.0, "own": 1.0}}, {"test": {"f1": [0.4, 0.6]}}, "Scores")
    for cell in ("macro F1", "recall, joy", "own", "0.500 (0.400", "1.000"):
        assert re.search(rf">{re.escape(cell)}", shown)


def test_labels_that_hold_a_comma_are_told_apart():
    labels = ("calm, or bored", "joy")
    shown = render.answer(Prediction("", 0.9, dict.fromkeys(labels, 0.9), labels=labels), STATE)
    assert "<strong>&quot;calm, or bored&quot;, joy</strong>" in shown
    assert "&quot;calm, or bored&quot;, joy" in render.model_facts(Model("m", "1", labels, 8, "head"), "here")


def test_an_unsure_answer_is_said_in_words():
    unsure = Prediction("positive", 0.5, {"negative": 0.1, "neutral": 0.4, "positive": 0.5})
    assert "The model is unsure: positive is only a little more probable than neutral." in render.answer(unsure, STATE)
    sure = Prediction("positive", 0.7, {"negative": 0.1, "neutral": 0.2, "positive": 0.7})
    assert "unsure" not in render.answer(sure, STATE)


def test_truncation_is_said_when_it_happens():
    whole = Prediction("positive", 0.9, {"positive": 0.9, "negative": 0.1}, 5, False)
    cut = Prediction("positive", 0.9, {"positive": 0.9, "negative": 0.1}, 64, True)
    assert "longer than the model reads" not in render.answer(whole, STATE)
    assert "it has read its end, 64 word pieces" in render.answer(cut, STATE)


@pytest.mark.parametrize(
    "drawn",
    [
        render.notice("<script>"),
        render.empty("<script>"),
        render.answer(Prediction("<script>", 1.0, {"<script>": 1.0}), STATE, title="<script>"),
        render.status(State(Model("<script>", "1.0", (), 1, "head")), "<script>"),
        render.facts([("<script>", "<script>")]),
        render.table(["<script>"], [["<script>", "<script>"]], "<script>"),
        render.details("<script>", "<script>"),
        render.sentences(["<script>"]),
    ],
)
def test_what_a_user_wrote_never_becomes_a_tag(drawn):
    assert "&lt;script&gt;" in drawn
    assert "<script" not in drawn


def test_a_visitor_reads_what_he_can_do_and_not_what_the_server_said():
    down = UnreachableError("no answer from http://there: Errno 111; start the server with: sentiment serve")
    assert "Errno" not in render_error(down)
    assert "The model does not answer now." in render_error(down)
    assert "The model is busy." in render_error(BusyError("503"))
    assert "Errno" not in render.status(State(None, str(down)), "there")
    assert "labels.csv has no rows" in render_error(DataError("/private/labels.csv has no rows"), "/private/labels.csv")


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("language", "it is in another language than the texts that the model has learned from"),
        ("script", "it is in another script than the model learned"),
        ("spelling", "its words are spelled like none that the model knows"),
        ("nothing", "it has no words"),
        (None, "it is in another script or language than the model learned"),  # an earlier server
    ],
)
def test_the_page_says_why_a_text_cannot_be_read(reason, told):
    unread = Prediction(
        "negative", 0.5, {"negative": 0.5, "positive": 0.5}, unreadable=1.0, readable=False, reason=reason
    )
    shown = render.answer(unread, STATE)
    assert "cannot be read" in shown
    assert told in shown
    assert "50" not in shown


def test_the_aspect_is_named_where_the_model_reads_one():
    unread = Prediction("negative", 0.5, {"negative": 0.5, "positive": 0.5}, readable=False, reason="script")
    aspects = State(Model("sentiment", "1.0", ("negative", "positive"), 64, "tail", aspects=True))
    assert "it, or the aspect beside it, is in another script" in render.answer(unread, aspects)
    assert "aspect" not in render.answer(unread, STATE)


@pytest.mark.parametrize(
    ("changed", "what", "told"),
    [
        ({"readable": False}, "text", "the first text is positive, the second cannot be read."),
        ({"readable": False}, "version", "the first version is positive, the second cannot read it."),
        ({"abstained": True}, "text", "the first text is positive, the second is left to a person."),
    ],
)
def test_an_answer_without_grounds_is_not_compared(changed, what, told):
    one = Prediction("positive", 0.9, {"negative": 0.1, "positive": 0.9})
    assert sentence(one, replace(one, **changed), what) == f"They cannot be compared: {told}"
    assert sentence(one, one, what) == "Both are positive, and equally so."
