"""Metrics, thresholds, calibration and baseline of several labels, held to scikit-learn."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    f1_score,
    hamming_loss,
    log_loss,
    precision_score,
    recall_score,
)

from sentiment.data.splits import Split
from sentiment.evaluation import computation, metrics
from sentiment.evaluation.baseline import Baseline
from sentiment.evaluation.bootstrap import resample, resample_scores
from sentiment.evaluation.calibration import errors, fit_platt
from sentiment.evaluation.comparison import compare
from sentiment.evaluation.resampling import Answers, Resamples, draws
from sentiment.evaluation.scoring import Evaluation
from sentiment.evaluation.thresholds import best_threshold, best_thresholds
from sentiment.inference.multilabel import Multi
from sentiment.inference.preprocessing import Cleaning

LABELS = ["anger", "fear", "joy"]
MULTI = Multi((0.3, 0.5, 0.6))


def answers(rows=300, seed=0):
    generator = np.random.default_rng(seed)
    targets = (generator.random((rows, 3)) < [0.1, 0.3, 0.6]).astype(int)
    logits = 2 * targets - 1 + generator.normal(size=(rows, 3)) * 1.5
    return (1 / (1 + np.exp(-logits))).round(2).astype(np.float32), targets  # rounded, so that some are equal


def test_scores_are_those_of_scikit_learn():
    rows, targets = answers()
    given = rows >= np.array(MULTI.thresholds, np.float32)
    scores = computation.score(torch.from_numpy(rows), torch.from_numpy(targets), LABELS, MULTI)
    expected = {
        "f1": f1_score(targets, given, average="macro"),
        "micro_f1": f1_score(targets, given, average="micro"),
        "macro_recall": recall_score(targets, given, average="macro"),
        "average_precision": average_precision_score(targets, rows, average="macro"),
        "subset_accuracy": accuracy_score(targets, given),
        "hamming": hamming_loss(targets, given),
        "loss": np.mean([log_loss(targets[:, i], rows[:, i].clip(1e-12, 1 - 1e-7)) for i in range(3)]),
    }
    for i, label in enumerate(LABELS):
        expected[f"precision/{label}"] = precision_score(targets[:, i], given[:, i])
        expected[f"recall/{label}"] = recall_score(targets[:, i], given[:, i])
        expected[f"label_f1/{label}"] = f1_score(targets[:, i], given[:, i])
        expected[f"label_ap/{label}"] = average_precision_score(targets[:, i], rows[:, i])
    assert scores == pytest.approx(expected, abs=1e-5)


def test_each_metric_of_resamples_is_that_of_the_drawn_rows():
    rows, targets = answers(60)
    [counts] = draws(60, 4, seed=1)
    prepared = Resamples.of(Answers.of(rows, targets, MULTI), counts)
    fast = resample_scores(prepared, LABELS)
    for metric in metrics.of_task("multi"):
        slow = resample(replace(metric, resampled=None), prepared)
        own = (
            {metric.name: slow} if slow.ndim == 1 else {f"{metric.name}/{x}": slow[:, i] for i, x in enumerate(LABELS)}
        )
        for name, values in own.items():
            np.testing.assert_allclose(fast[name], values, atol=1e-4, err_msg=name)


def test_the_threshold_of_a_label_has_its_best_f1():
    rows, targets = answers(400)
    for i, threshold in enumerate(best_thresholds(rows, targets)):
        own = [f1_score(targets[:, i], rows[:, i] >= at) for at in np.unique(rows[:, i])]
        assert f1_score(targets[:, i], rows[:, i] >= threshold) == pytest.approx(max(own))
    assert best_threshold(np.array([0.9, 0.2, 0.1, 0.1]), np.array([True, False, False, False])) == 0.5  # too few


def test_calibration_puts_right_what_a_weight_of_positives_has_shifted():
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(4000, 2)) * 2
    targets = torch.from_numpy((generator.random((4000, 2)) < 1 / (1 + np.exp(-logits))).astype(int))
    shifted = torch.from_numpy(1 / (1 + np.exp(-(2 * logits + 1.5)))).float()
    slopes, biases = fit_platt(shifted, targets)
    assert slopes == pytest.approx([0.5, 0.5], abs=0.05)
    assert biases == pytest.approx([-0.75, -0.75], abs=0.1)
    decoding = Multi((0.5, 0.5), tuple(slopes), tuple(biases))
    calibrated = torch.from_numpy(decoding.calibrated(shifted.numpy(), 1.0))
    assert errors(calibrated, targets)["ece"] < 0.03 < errors(shifted, targets)["ece"]
    np.testing.assert_allclose(decoding.uncalibrated(calibrated.numpy()), shifted, atol=1e-3)
    assert fit_platt(shifted, torch.zeros_like(targets)) == ([1.0, 1.0], [0.0, 0.0])


def test_the_baseline_gives_several_labels_and_the_lead_is_in_macro_f1():
    words = ["happy", "scared", "angry"]
    generator = np.random.default_rng(0)
    targets = generator.random((160, 3)) < 0.4
    targets[:, 2] = targets[:, 2] & ~targets[:, 0]
    texts = [" ".join(["a day", *[w for w, own in zip(words, row, strict=True) if own]]) for row in targets]
    names = ["joy", "fear", "anger"]
    labels = [tuple(sorted(n for n, own in zip(names, row, strict=True) if own)) for row in targets]
    baseline = Baseline(texts[:120], labels[:120], cleaning=Cleaning())
    found = baseline.probabilities(texts[120:], LABELS)
    assert baseline.decoding(LABELS).decide(found.numpy()).tolist() == [
        [name in own for name in LABELS] for own in labels[120:]
    ]
    split = Split(texts[120:], labels[120:])
    chance = Evaluation(LABELS, split, torch.full((40, 3), 0.55), decoding=Multi((0.5, 0.5, 0.5)))
    compared = compare({"test": chance}, Split(texts[:120], labels[:120]), Cleaning())["test"]
    assert compared.scores["f1"] == 1
    assert compared.lead == pytest.approx(chance.scores["f1"] - 1, abs=1e-6)
    assert compared.lead_interval[0] <= compared.lead <= compared.lead_interval[1] < 0
