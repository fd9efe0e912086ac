"""Confident learning on data whose wrong labels are known."""

import numpy as np
import pytest

from sentiment.review.confident import anchor_noise, confident_joint, confident_labels, margins, measure, suspects

ROWS, LABELS = 1500, 3


def answers(seed=0, *, sharpness=4.0):
    """True labels, and out-of-sample probabilities of a classifier that knows them well but not perfectly."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(LABELS, size=ROWS)
    logits = sharpness * np.eye(LABELS)[truth] + generator.normal(size=(ROWS, LABELS))
    odds = np.exp(logits)
    return truth, odds / odds.sum(axis=1, keepdims=True)


def flipped(truth, share, seed=1):
    generator = np.random.default_rng(seed)
    wrong = generator.random(len(truth)) < share
    return np.where(wrong, (truth + generator.integers(1, LABELS, size=len(truth))) % LABELS, truth), wrong


def test_wrong_labels_are_found_and_right_ones_are_left():
    truth, probabilities = answers()
    given, wrong = flipped(truth, 0.08)
    found = suspects(probabilities, given)
    assert wrong[found].mean() > 0.85  # precision
    assert wrong[found].sum() / wrong.sum() > 0.8  # recall; a threshold is a mean, so the least sure are left
    assert wrong[found[: wrong.sum() // 2]].all()  # the first are the surest
    assert (confident_labels(probabilities, given)[found] == truth[found])[wrong[found]].mean() > 0.95


def test_clean_labels_give_few_suspects():
    truth, probabilities = answers()
    assert len(suspects(probabilities, truth)) < 0.02 * ROWS
    assert anchor_noise(probabilities, truth) == 0


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_the_share_of_wrong_labels_is_in_its_interval(share):
    truth, probabilities = answers()
    given, wrong = flipped(truth, share)
    noise = measure(probabilities, given)
    low, high = noise.interval
    assert low <= wrong.mean() <= high
    assert high - low < 0.15


def test_anchor_points_leave_out_most_errors_of_a_weak_classifier_that_the_joint_counts_as_noise():
    truth, probabilities = answers(sharpness=1.5)
    assert (probabilities.argmax(axis=1) == truth).mean() < 0.8
    given, wrong = flipped(truth, 0.1)
    noise = measure(probabilities, given)
    assert noise.joint_share > 1.5 * wrong.mean()
    assert abs(noise.share - wrong.mean()) < 0.05


def test_the_joint_is_that_of_the_worked_example():
    """Two labels: thresholds are the means 0.7 and 0.55, so rows 2 and 4 count as wrong."""
    given = np.array([0, 0, 0, 1, 1])
    second = np.array([0.1, 0.1, 0.7, 0.9, 0.2])
    probabilities = np.stack([1 - second, second], axis=1)
    assert confident_labels(probabilities, given).tolist() == [0, 0, 1, 1, 0]
    assert suspects(probabilities, given).tolist() == [4, 2]
    assert margins(probabilities, given) == pytest.approx([0.8, 0.8, -0.4, 0.8, -0.6])
    assert confident_joint(probabilities, given) == pytest.approx(np.array([[2, 1], [1, 1]]) / 5)


def test_a_label_without_rows_is_nobodys():
    given = np.zeros(20, dtype=int)
    probabilities = np.tile([0.6, 0.4], (20, 1))
    assert suspects(probabilities, given).tolist() == []
    assert measure(probabilities, given).share == 0


@pytest.mark.parametrize("rows", [2, 7, 16])
def test_clean_labels_of_few_rows_have_no_share_of_wrong_ones(rows):
    """As many anchor points as ten would have to be of other labels too."""
    given = np.arange(2 * rows) % 2
    probabilities = np.where(given[:, None] == [0, 1], 0.9, 0.1)
    assert measure(probabilities, given).share == 0


def test_labels_without_a_wrong_anchor_point_may_yet_be_wrong():
    """Of 20 anchor points none is wrong: the exact interval ends at 1 - 0.025 ** (1 / 20)."""
    given = np.arange(200) % 2
    noise = measure(np.eye(2)[given] * 0.8 + 0.1, given)
    assert (noise.share, noise.interval) == (0, (0, pytest.approx(1 - 0.025 ** (1 / 20))))
