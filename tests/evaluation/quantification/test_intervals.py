"""Intervals of shares hold what they promise, on groups and mixes that were not seen."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from sentiment.evaluation.quantification import Predictions, read_quantifier
from sentiment.evaluation.quantification.errors import (
    absolute_error,
)
from sentiment.evaluation.quantification.estimators import disagreement, estimate
from sentiment.evaluation.quantification.intervals import fit_spread
from sentiment.evaluation.quantification.methods import FAR
from sentiment.evaluation.quantification.simulation import bags
from sentiment.inference.export_dir import QUANTIFICATION
from tests.evaluation.quantification.made_up import PRIOR, draw, fitted


def coverage(quantifier, probabilities, targets, groups, *, seed, texts=False):
    """Share of intervals that hold the true share, on held-out groups, simulated shifts and shifts of the texts."""
    inside = {"group": [], "shift": [], "texts": []}
    for bag in bags(probabilities, targets, groups, PRIOR, seed=seed, texts=texts):
        shares = quantifier.shares(bag.predictions)
        for sampled, true in ((False, bag.shares), (True, bag.drawn_from)):
            low, high = quantifier.interval(bag.predictions, shares, sampled=sampled)
            inside[bag.kind] += [(low <= true) & (true <= high)]
    return {kind: np.mean(values) for kind, values in inside.items() if values}


def test_the_intervals_are_fitted_to_the_disagreement_of_the_estimators_on_each_bag():
    made = draw(1200, np.random.default_rng(3), moved=0.5, groups=8)
    tested = list(bags(*made, PRIOR))
    doubts = np.array([disagreement(bag.predictions, bag.rates) for bag in tested])
    known = fitted(*made)
    estimates = np.array([estimate(known.choice.method, bag.predictions, bag.rates) for bag in tested])
    assert known.spread.to_json() == fit_spread(tested, estimates, doubts).to_json()


@pytest.mark.parametrize("moved", [0.0, pytest.param(0.5, marks=pytest.mark.slow)])
def test_intervals_hold_the_shares_of_held_out_groups_and_of_simulated_shifts(moved):
    found = {"group": [], "shift": []}
    for seed in range(2):
        rng = np.random.default_rng(seed)
        known = fitted(*draw(2400, rng, moved=moved, groups=30))
        for kind, value in coverage(known, *draw(2400, rng, moved=moved, groups=30), seed=seed).items():
            found[kind].append(value)
    both = np.mean([np.mean(values) for values in found.values()])
    assert 0.92 <= both <= 0.98, found
    assert min(np.mean(values) for values in found.values()) > 0.88, found


@pytest.mark.slow
def test_intervals_that_few_labelled_texts_fitted_hold_the_shares_of_one_text_and_of_two():
    """Sets of many texts do not show how a single one errs: its own probabilities do."""
    inside = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        known = fitted(*draw(200, rng, moved=0.5, groups=8))
        probabilities, targets, _ = draw(800, rng, moved=0.5, groups=8)
        own = known.within(Predictions.of(probabilities))
        for size, rows in itertools.product((1, 2), rng.permutation(800)[:400].reshape(-1, 2)):
            predictions = Predictions.of(probabilities[rows[:size]])
            low, high = own.interval(predictions, own.shares(predictions), sampled=False)
            true = np.bincount(targets[rows[:size]], minlength=3) / size
            inside.append((low <= true) & (true <= high))
    assert np.mean(inside) >= 0.92


@pytest.mark.slow
def test_the_estimator_for_unlike_texts_errs_less_and_its_intervals_hold_where_the_texts_of_a_label_changed(tmp_path):
    made = draw(2400, np.random.default_rng(0), moved=0.5, groups=12)
    known = fitted(*made)
    far = known.for_unlike_texts()
    other = draw(2400, np.random.default_rng(1), moved=0.5, groups=12)
    tested = [bag for bag in bags(*other, PRIOR, texts=True) if bag.kind == "texts"]
    errors = {
        name: np.mean([absolute_error(bag.shares, own.shares(bag.predictions)) for bag in tested])
        for name, own in (("usual", known), ("far", far))
    }
    assert far.choice.method in FAR
    assert errors["far"] < errors["usual"]
    assert 0.92 <= coverage(far, *other, seed=2, texts=True)["texts"] <= 0.985
    (tmp_path / QUANTIFICATION).write_text(json.dumps(known.to_json()))
    assert read_quantifier(tmp_path).for_unlike_texts().choice.method == far.choice.method
    assert replace(known, far=None).for_unlike_texts().choice == known.choice  # a file of before
