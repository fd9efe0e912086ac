"""The gate, by probabilities whose distances are known."""

from math import log, sqrt

import numpy as np
import pytest

from sentiment.inference.exclusive import Scale, Single
from sentiment.inference.fidelity import Fidelity, compare
from sentiment.inference.multilabel import Multi

EVEN = (0.5, 0.5)


def test_equal_answers_pass():
    rows = [[0.9, 0.1], [0.2, 0.8]]
    assert compare(rows, rows, Single()) == Fidelity(2, 1.0, 0.0, 0.0, 0.0)
    assert compare(rows, rows, Single()).passes


def test_a_changed_answer_costs_the_margin_of_pytorch():
    found = compare([[0.9, 0.1], [0.45, 0.55], [0.2, 0.8]], [[0.9, 0.1], [0.55, 0.45], [0.2, 0.8]], Single())
    assert (found.texts, found.agreement) == (3, 2 / 3)
    assert (found.loss, found.margin) == (pytest.approx(0.1 / 3), pytest.approx(0.1))
    assert found.rms == pytest.approx(sqrt(log(0.55 / 0.45) ** 2 / 3))  # by 0.55 + 0.45 of one text of three


def test_a_third_answer_costs_more_than_the_second():
    found = compare([[0.2, 0.3, 0.5]], [[0.5, 0.3, 0.2]], Single())
    assert found.margin == pytest.approx(0.3)
    assert found.rms == pytest.approx(sqrt((0.5 + 0.2) * log(2.5) ** 2))


def test_an_improbable_label_counts_by_its_probability():
    found = compare([[1 - 2e-6, 2e-6]], [[1 - 1e-6, 1e-6]], Single())
    assert found.rms == pytest.approx(log(2) * 1e-3, rel=1e-3)


def test_what_is_not_a_number_fails():
    assert not compare([[np.nan, np.nan]], [[0.9, 0.1]], Single()).passes


def test_each_of_several_labels_is_an_answer_with_a_margin():
    """0.8 is 0.2 above a threshold of 0.6, a third of the 0.6 below it; 0.3 is 0.2 above 0.1, of at most 0.9."""
    found = compare([[0.5, 0.05]], [[0.8, 0.3]], Multi((0.6, 0.1)))
    assert found.agreement == 0
    assert found.loss == pytest.approx((0.2 / 0.6 + 0.2 / 0.9) / 2)
    assert found.margin == pytest.approx(0.2 / 0.6)
    one = compare([[0.4, 0.9]], [[0.6, 0.9]], Multi(EVEN))
    assert (one.agreement, one.margin) == (0.5, pytest.approx(0.2))  # 0.6 beside 0.4, as of two labels
    assert one.rms == pytest.approx(sqrt(log(0.6 / 0.4) ** 2 / 2))


def test_a_median_costs_the_steps_that_it_is_expected_to_be_off():
    """Of 0.6 below a cut and 0.4 above it, the wrong side is off by 0.2 steps more."""
    scale = Scale((-1, 0, 1))
    found = compare([[0.2, 0.2, 0.6]], [[0.2, 0.4, 0.4]], scale)
    assert found.margin == pytest.approx(0.6 - 0.4)
    two = compare([[0.0, 0.0, 1.0]], [[0.7, 0.2, 0.1]], scale)
    assert two.margin == pytest.approx((0.7 - 0.3) + (0.9 - 0.1))


def test_the_prior_of_a_scale_is_divided_out():
    """0.4 and 0.6 over priors of 0.2 and 0.8 weigh 2 and 0.75."""
    scale = Scale((0, 1), decision="argmax", prior=(0.2, 0.8))
    found = compare([[0.1, 0.9]], [[0.4, 0.6]], scale)
    assert found.margin == pytest.approx((2 - 0.75) / 2.75)


@pytest.mark.parametrize(
    ("loss", "rms", "margin", "passes"),
    [(0.0005, 0.05, 0.3, True), (0.0006, 0, 0, False), (0, 0.051, 0, False), (0, 0, 0.31, False)],
)
def test_each_limit_alone_decides(loss, rms, margin, passes):
    assert Fidelity(1000, 0.5, loss, rms, margin).passes is passes
