"""What the page shows, and that a text stays a text."""

import pytest

from sentiment.inference.types import Model, Prediction
from sentiment.ui import render
from sentiment.ui.backend import State

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


def test_the_best_label_is_marked_and_each_has_its_bar():
    drawn = render.bars({"negative": 0.25, "positive": 0.75}, {"negative": 10, "positive": 3000})
    assert '<li class=best><span class="name">positive</span>' in drawn
    assert 'style="width:25.0%"' in drawn
    assert "3,000 · 75.0%" in drawn


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
        render.status(State(None, "<script>"), "there"),
        render.status(State(Model("<script>", "1.0", (), 1, "head")), "<script>"),
        render.facts([("<script>", "<script>")]),
        render.table(["<script>"], [["<script>", "<script>"]], "<script>"),
    ],
)
def test_what_a_user_wrote_never_becomes_a_tag(drawn):
    assert "&lt;script&gt;" in drawn
    assert "<script" not in drawn
