"""The sentence on the baseline, in the words and the unit of each task."""

from types import SimpleNamespace

import pytest

from sentiment.evaluation.comparison import Comparison
from sentiment.evaluation.report.verdict import baseline_sentence, interval


@pytest.mark.parametrize(
    ("lead", "interval", "options", "shown"),
    [
        (0.052, (0.01, 0.09), {"digits": 1, "points": True}, "the model is ahead by 5.2 points (1.0 to 9.0)"),
        (-0.0521, (-0.09, -0.0104), {"digits": 3}, "the model is behind by 0.052 (0.010 to 0.090)"),
        (
            -0.3,
            (-0.4, -0.2),
            {"digits": 2, "better": "nearer", "worse": "farther off"},
            "the model is farther off by 0.30 (0.20 to 0.40)",
        ),
        (
            -0.02,
            (-0.05, 0.01),
            {"digits": 3},
            "a lead of -0.020 (-0.050 to +0.010), too small to tell apart on this many texts",
        ),
    ],
)
def test_the_side_is_named_where_the_interval_tells_it(lead, interval, options, shown):
    baseline = Comparison("", {}, {}, lead, interval)
    sentence = baseline_sentence(baseline, "gets 80.0 %", **options)
    assert sentence == f"The baseline, which only counts words, gets 80.0 %: {shown}."


def test_a_score_without_an_interval_has_none_in_its_sentence():
    result = SimpleNamespace(intervals={"f1": (0.81, 0.9249)})
    assert interval(result, "f1", digits=3) == ", 95 % interval 0.810 to 0.925"
    assert interval(result, "macro_mae", digits=2) == ""
