"""Metrics of ordered labels, held to scikit-learn and scipy; their fast forms, to the slow ones."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import accuracy_score, cohen_kappa_score, mean_absolute_error, recall_score

from sentiment.data.splits import Split
from sentiment.evaluation import computation, metrics
from sentiment.evaluation.bootstrap import resample, resample_scores
from sentiment.evaluation.comparison import compare_one
from sentiment.evaluation.resampling import Answers, Resamples, draws
from sentiment.evaluation.scoring import Evaluation
from sentiment.inference.exclusive import Scale

LABELS = ["-2", "-1", "0", "1", "2"]
VALUES = np.array([-2.0, -1, 0, 1, 2])
PRIOR = (0.03, 0.1, 0.4, 0.37, 0.1)
SCALE = Scale(tuple(VALUES), decision="median", prior=PRIOR)


def answers(rows=300, seed=0):
    """Probabilities near the right label, whose shares are those of PRIOR."""
    generator = np.random.default_rng(seed)
    targets = generator.choice(5, size=rows, p=PRIOR)
    logits = -np.abs(np.arange(5) - targets[:, None]) + generator.normal(size=(rows, 5)) + np.log(PRIOR)
    return (np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)).astype(np.float32), targets


def test_scores_are_those_of_scikit_learn_and_scipy_on_the_decided_labels():
    probabilities, targets = answers()
    decided = SCALE.decide(probabilities)
    assert (decided != probabilities.argmax(axis=1)).any()
    scores = computation.score(torch.from_numpy(probabilities), torch.from_numpy(targets), LABELS, SCALE)
    own = [mean_absolute_error(VALUES[targets[targets == c]], VALUES[decided[targets == c]]) for c in range(5)]
    assert scores["macro_mae"] == pytest.approx(np.mean(own), abs=1e-5)
    assert scores["mae"] == pytest.approx(mean_absolute_error(VALUES[targets], VALUES[decided]), abs=1e-5)
    assert scores["quadratic_kappa"] == pytest.approx(
        cohen_kappa_score(targets, decided, weights="quadratic"), abs=1e-5
    )
    assert scores["spearman"] == pytest.approx(spearmanr(probabilities @ VALUES, targets).statistic, abs=1e-4)
    assert scores["accuracy"] == pytest.approx(accuracy_score(targets, decided), abs=1e-6)
    assert scores["macro_recall"] == pytest.approx(recall_score(targets, decided, average="macro"), abs=1e-5)
    assert "auroc" not in scores


def test_each_metric_of_resamples_is_that_of_the_drawn_rows():
    probabilities, targets = answers(80)
    [counts] = draws(80, 5, seed=1)
    prepared = Resamples(Answers(probabilities, targets, SCALE), counts)
    fast = resample_scores(prepared, LABELS)
    for metric in metrics.of_task("scale"):
        slow = resample(replace(metric, resampled=None), prepared)
        np.testing.assert_allclose(fast[metric.name], slow, atol=1e-4, err_msg=metric.name)


def test_the_median_without_the_prior_has_the_lowest_macro_mae():
    probabilities, targets = answers(20_000)
    found = {}
    for decision in ("argmax", "median"):
        for prior in (None, PRIOR):
            scale = Scale(tuple(VALUES), decision=decision, prior=prior)
            counts = np.ones((1, len(targets)))
            found[decision, prior] = Resamples(Answers(probabilities, targets, scale), counts).macro_mae()[0]
    assert min(found, key=found.get) == ("median", PRIOR)


def test_the_lead_over_the_baseline_is_in_macro_mae():
    probabilities, targets = answers()
    split = Split(["a text"] * len(targets), [LABELS[i] for i in targets])
    result = Evaluation(LABELS, split, torch.from_numpy(probabilities), decoding=SCALE)
    assert -result.row_scores.mean().item() == pytest.approx(result.scores["macro_mae"], abs=1e-5)

    class Chance:
        def probabilities(self, texts, labels):
            return torch.full((len(texts), len(labels)), 0.2)

    compared = compare_one(result, Chance())
    assert compared.lead == pytest.approx(compared.scores["macro_mae"] - result.scores["macro_mae"], abs=1e-5)
    assert compared.lead_interval[0] > 0
