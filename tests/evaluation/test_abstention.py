"""A promised error rate is kept, or refused."""

import numpy as np
import pytest
import torch
from scipy.stats import binom

from sentiment.data.splits import Split
from sentiment.errors import ConfigError
from sentiment.evaluation.abstention import fit_abstention
from sentiment.evaluation.proportions import upper_bound
from sentiment.evaluation.scoring import Evaluation
from sentiment.inference.abstention import level_of

LABELS = ["negative", "positive"]


def sample(rng, count):
    """Scores of a calibrated model: each is right with the probability that it gives."""
    scores = rng.uniform(0.5, 1, count) ** 0.5
    right = rng.uniform(size=count) < scores
    probabilities = torch.tensor(np.stack([1 - scores, scores], axis=1))
    labels = [LABELS[1] if hit else LABELS[0] for hit in right]
    return Evaluation(LABELS, Split([f"text {i}" for i in range(count)], labels), probabilities), scores, right


def test_the_bound_is_that_of_clopper_and_pearson():
    bound = upper_bound(3, 100, 0.95)
    assert binom.cdf(3, 100, bound) == pytest.approx(0.05)
    assert upper_bound(5, 5, 0.95) == 1


def test_the_promise_holds_on_texts_not_seen():
    rng, kept, answered = np.random.default_rng(0), [], []
    for _ in range(60):
        evaluation, _, _ = sample(rng, 1_500)
        level = fit_abstention(evaluation).level(0.10)
        _, scores, right = sample(rng, 20_000)
        some = scores >= level.threshold
        answered.append(some.mean())
        kept.append((~right[some]).mean() <= 0.10)
    assert np.mean(kept) >= 0.95
    assert np.mean(answered) > 0.3


def test_a_promise_that_the_split_is_too_small_for_is_refused():
    evaluation, _, _ = sample(np.random.default_rng(1), 40)
    abstention = fit_abstention(evaluation)
    with pytest.raises(ConfigError, match=r"max_error=0.01: the 40 validation texts can promise 0\.\d+ at best") as one:
        abstention.level(0.01)
    granted = float(str(one.value).split("promise ")[1].split(" ")[0])
    assert abstention.level(granted).answered > 0
    with pytest.raises(ConfigError, match="the export has no abstention.json"):
        level_of(None, 0.1, kind="single")


def test_texts_that_cannot_be_read_are_not_answered():
    evaluation, _, _ = sample(np.random.default_rng(2), 200)
    readable = [i % 2 == 0 for i in range(200)]
    unread = Evaluation(LABELS, evaluation.split, evaluation.probabilities, readable=readable)
    assert max(level.answered for level in fit_abstention(unread).levels) == 100
