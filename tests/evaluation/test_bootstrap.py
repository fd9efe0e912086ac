import math

import numpy as np
import pytest
import torch

from sentiment.evaluation import computation
from sentiment.evaluation.bootstrap import interval_text, intervals, mean_interval, resample_scores
from sentiment.evaluation.resampling import Answers, Resamples, draws

LABELS = ["anger", "joy", "sadness"]


def answers(rows, *, classes=3, skill=1.5, seed=0):
    """Probabilities and label numbers of a classifier that is right more often than not, with ties among its scores."""
    rng = np.random.default_rng(seed)
    targets = rng.integers(classes, size=rows)
    logits = rng.normal(size=(rows, classes)).round(1)
    logits[np.arange(rows), targets] += skill
    return torch.tensor(logits).softmax(dim=-1).float().numpy(), targets


def test_rows_that_count_once_give_the_scores_themselves():
    probabilities, targets = answers(400)
    once = resample_scores(Resamples(Answers(probabilities, targets), np.ones((1, 400))), LABELS)
    expected = computation.score(torch.from_numpy(probabilities), torch.from_numpy(targets), LABELS)
    assert {name: value[0] for name, value in once.items()} == pytest.approx(expected, abs=1e-6)


def test_a_resample_has_the_scores_of_the_rows_drawn():
    probabilities, targets = answers(60)
    [counts] = draws(60, 5, seed=3)
    found = resample_scores(Resamples(Answers(probabilities, targets), counts), LABELS)
    for i, row in enumerate(counts.astype(int)):
        drawn = np.repeat(np.arange(60), row)
        expected = computation.score(torch.from_numpy(probabilities[drawn]), torch.from_numpy(targets[drawn]), LABELS)
        assert {name: values[i] for name, values in found.items()} == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("right", "expected"), [(True, (0.926, 1.0)), (False, (0.0, 0.074))])
def test_of_answers_that_are_all_right_or_all_wrong_only_the_accuracy_has_an_interval(right, expected):
    """Clopper and Pearson's for 48 texts: one of 48 in forty may be otherwise, which no resample shows."""
    targets = np.arange(48) % 3
    answered = targets if right else (targets + 1) % 3
    found = intervals(np.eye(3)[answered] * 0.94 + 0.02, targets, LABELS)
    assert found["accuracy"] == pytest.approx(expected, abs=5e-4)
    assert not {"f1", "macro_recall", "recall/joy", "precision/joy", "loss"} & {*found}


def test_the_interval_of_an_accuracy_is_the_binomial_one():
    rows, share = 500, 0.8
    right = np.arange(rows) < share * rows
    probabilities = np.where(right[:, None], [[0.9, 0.1]], [[0.1, 0.9]])
    low, high = intervals(probabilities, np.zeros(rows, dtype=int), ["a", "b"], resamples=4000)["accuracy"]
    reach = 1.96 * math.sqrt(share * (1 - share) / rows)
    assert (low, high) == pytest.approx((share - reach, share + reach), abs=0.004)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Over 200 samples of a population with known scores; 95 % of 200 is 190, give or take 3 at one standard error."""
    population, targets = answers(200_000, classes=2, seed=1)
    truth = computation.score(torch.from_numpy(population), torch.from_numpy(targets), ["a", "b"])
    rng = np.random.default_rng(2)
    held = dict.fromkeys(("accuracy", "f1", "auroc", "loss"), 0)
    for _ in range(200):
        rows = rng.integers(len(targets), size=200)
        found = intervals(population[rows], targets[rows], ["a", "b"], resamples=200)
        for name in held:
            held[name] += found[name][0] <= truth[name] <= found[name][1]
    assert all(180 <= count <= 198 for count in held.values()), held


def test_the_same_seed_gives_the_same_interval_and_more_rows_a_narrower_one():
    small, large = (intervals(*answers(rows), LABELS, resamples=200)["f1"] for rows in (200, 3200))
    assert small == intervals(*answers(200), LABELS, resamples=200)["f1"]
    assert (large[1] - large[0]) * 3 < small[1] - small[0]


def test_a_split_of_one_label_has_no_auroc_and_a_missing_label_is_left_out_of_it():
    probabilities, targets = answers(50)
    assert "auroc" not in intervals(probabilities, np.zeros_like(targets), LABELS)
    assert "auroc" not in computation.score(torch.from_numpy(probabilities), torch.zeros(50, dtype=torch.long), LABELS)
    some = np.minimum(targets, 1)
    score = computation.score(torch.from_numpy(probabilities), torch.from_numpy(some), LABELS)["auroc"]
    low, high = intervals(probabilities, some, LABELS)["auroc"]
    assert low < score < high


def test_the_interval_of_a_mean_has_the_width_of_its_standard_error():
    values = np.random.default_rng(0).normal(3, 2, size=4000)
    low, high = mean_interval(values)
    assert (high - low) / 2 == pytest.approx(1.96 * 2 / math.sqrt(4000), rel=0.1)
    assert low < values.mean() < high


def test_a_score_that_is_missing_has_no_interval_to_show():
    assert interval_text("f1", {"f1": 0.5}, {"f1": (0.4, 0.61)}) == "0.5000 (0.400-0.610)"
    assert interval_text("auroc", {"f1": 0.5}, {"f1": (0.4, 0.61)}) == "-"
