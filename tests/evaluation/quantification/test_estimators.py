"""Estimators of label shares: the right shares under a pure shift of the mix, and QuaPy's numbers."""

import json
import warnings

import numpy as np
import pytest

from sentiment.evaluation.quantification import ESTIMATORS, Method, Predictions, Rates, estimate
from sentiment.evaluation.quantification.calibration import Calibration
from sentiment.evaluation.quantification.estimators import closest_mixture, shift_of
from tests.evaluation.quantification.made_up import PRIOR, draw

SHIFTED = np.array([0.6, 0.25, 0.15])


@pytest.fixture(scope="module")
def labelled():
    return draw(4000, np.random.default_rng(0))[:2]


@pytest.fixture(scope="module")
def rates(labelled):
    return Rates.of(*labelled, PRIOR)


@pytest.fixture(scope="module")
def shifted():
    return draw(4000, np.random.default_rng(1), SHIFTED)


@pytest.mark.parametrize("name", ["adjusted_counts", "adjusted_probability", "em", "calibrated_em"])
def test_what_corrects_finds_a_mix_that_moved(name, rates, shifted):
    probabilities, targets, _ = shifted
    true = np.bincount(targets) / len(targets)
    counted = estimate(Method("counts"), Predictions.of(probabilities), rates)
    found = estimate(Method(name), Predictions.of(probabilities), rates)
    assert np.abs(found - true).max() < 0.04 < np.abs(counted - true).max()


@pytest.mark.parametrize("name", ["calibrated_probability", "calibrated_em"])
def test_class_weights_of_training_do_not_bias_calibrated_shares(name, labelled):
    """Weights multiply the odds of a label, so that plain means and expectation maximisation count too much of it."""
    weights, temperature = np.array([5.0, 1.0, 1.0]), 1.5

    def trained_with_weights(probabilities):
        powers = (weights * probabilities) ** (1 / temperature)
        return powers / powers.sum(axis=1, keepdims=True)

    probabilities, targets = labelled
    rates = Rates.of(trained_with_weights(probabilities), targets, PRIOR)
    assert rates.calibration(trained_with_weights(probabilities)) == pytest.approx(probabilities, abs=0.06)
    mix = PRIOR if name == "calibrated_probability" else SHIFTED
    texts, true, _ = draw(4000, np.random.default_rng(2), mix)
    predictions, shares = Predictions.of(trained_with_weights(texts)), np.bincount(true) / len(true)
    plain = "mean_probability" if name == "calibrated_probability" else "em"
    assert np.abs(estimate(Method(plain), predictions, rates) - shares).max() > 0.1
    assert np.abs(estimate(Method(name), predictions, rates) - shares).max() < 0.04


def test_a_calibration_without_texts_of_a_label_is_finite_and_returns_from_json():
    rows = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.6, 0.1]])
    found = Calibration.fit(rows, np.array([0, 1, 1]))
    assert np.isfinite(found.offsets).all()
    again = Calibration.from_json(json.loads(json.dumps(found.to_json())))
    assert again(rows) == pytest.approx(found(rows), abs=1e-5)
    assert Calibration.none(PRIOR)(rows) == pytest.approx(rows)


def test_counts_have_one_text_added_to_each_label(rates):
    predictions = Predictions.of(np.eye(3)[[0, 0, 1]])
    assert estimate(Method("counts"), predictions, rates) == pytest.approx([3 / 6, 2 / 6, 1 / 6])


def test_equal_rows_may_be_stored_once_with_their_number(rates):
    rows = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    weights = np.array([3.0, 2.0])
    grouped = Predictions(np.array([3.0, 0.0, 2.0]), weights @ rows, rows, weights)
    single = Predictions.of(np.repeat(rows, [3, 2], axis=0))
    for name in ESTIMATORS:
        assert estimate(Method(name), grouped, rates) == pytest.approx(estimate(Method(name), single, rates), abs=1e-6)


def test_estimates_are_distributions_even_where_no_mixture_fits(rates):
    extreme = Predictions.of(np.array([[0.999, 0.0005, 0.0005]] * 5))
    for name in ESTIMATORS:
        found = estimate(Method(name), extreme, rates)
        assert found.sum() == pytest.approx(1)
        assert (found >= 0).all()
    assert closest_mixture(np.eye(2), np.array([0.3, 0.7])) == pytest.approx([0.3, 0.7])


def test_expectation_maximisation_gives_the_numbers_of_its_definition(rates, shifted):
    prior, rows = rates.prior / rates.prior.sum(), shifted[0]
    shares = prior
    for _ in range(1000):
        posteriors = rows * shares / prior
        updated = (posteriors / posteriors.sum(axis=1, keepdims=True)).mean(axis=0)
        moved, shares = np.abs(updated - shares).max(), updated
        if moved < 1e-7:
            break
    assert estimate(Method("em"), Predictions.of(rows), rates) == pytest.approx(shares, abs=1e-12)


def test_shrinkage_keeps_the_base_where_nothing_moved_and_corrects_where_it_did(labelled, rates, shifted):
    method = Method("em", "mean_probability", 0.02)
    usual, moved = Predictions.of(labelled[0][:1000]), Predictions.of(shifted[0])
    assert shift_of(usual, rates) < 0.001
    assert estimate(method, usual, rates) == pytest.approx(estimate(Method(method.base), usual, rates), abs=0.005)
    between = [estimate(Method(name), moved, rates)[0] for name in ("mean_probability", "em")]
    assert between[0] < estimate(method, moved, rates)[0] < between[1]


def test_the_estimators_give_the_numbers_of_quapy(labelled, rates, shifted):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from quapy.method import aggregative
    (probabilities, targets), (posteriors, _, _) = labelled, shifted
    classes, predictions = np.arange(3), Predictions.of(posteriors)
    hard = aggregative.ACC.getPteCondEstim(classes, targets, probabilities.argmax(axis=1))
    soft = aggregative.PACC.getPteCondEstim(classes, targets, probabilities)
    assert rates.hard == pytest.approx(hard)
    assert rates.soft == pytest.approx(soft)
    solve = {"method": "inversion", "solver": "minimize"}
    counted = predictions.counts / predictions.n
    theirs = {
        "adjusted_counts": aggregative.ACC.solve_adjustment(hard, counted, **solve),
        "adjusted_probability": aggregative.ACC.solve_adjustment(soft, posteriors.mean(axis=0), **solve),
        "em": aggregative.EMQ.EM(PRIOR, posteriors, epsilon=1e-7)[0],
        "mean_probability": posteriors.mean(axis=0),
    }
    for name, shares in theirs.items():
        assert estimate(Method(name), predictions, rates) == pytest.approx(shares, abs=2e-3), name


def test_least_squares_of_many_labels_that_look_alike_end():
    """Columns of a model of 100 labels, two shapes and labels without texts, for which scipy gave up."""
    alike = np.array([
        [59669, 121474, 97939, 188006, 177284, 7491, 36742, 5171, 41792, 33806, 184792, 42069, 111790, 13957, 212340],
        [59564, 121356, 97660, 187377, 177356, 7490, 36610, 5163, 41699, 33877, 185081, 41993, 111585, 13970, 212692],
        [54390, 31268, 41241, 20835, 21368, 386090, 99264, 492578, 102915, 106344, 19083, 89642, 30707, 205212, 18218],
        [54513, 31283, 41353, 20999, 21435, 385378, 99505, 490868, 103292, 106056, 19022, 90037, 30720, 204427, 18237],
        [54370, 31255, 41191, 20827, 21391, 386359, 99125, 492297, 102902, 106495, 19087, 89678, 30670, 205336, 18244],
        [59516, 121321, 97529, 186952, 177355, 7496, 36553, 5166, 41654, 33932, 185307, 41952, 111508, 13989, 212845],
        [54433, 31256, 41287, 20892, 21370, 385795, 99408, 492192, 103064, 106134, 19039, 89778, 30709, 204841, 18199],
        [59684, 121507, 97990, 188068, 177248, 7491, 36765, 5172, 41800, 33795, 184793, 42071, 111842, 13956, 212273],
    ]) / 1e7  # fmt: skip
    observed = np.array(
        [56508, 67339, 63912, 87662, 83739, 234546, 74291, 297436, 78513, 77265, 85387, 70659, 63126, 128575, 95891]
    ) / 1e7  # fmt: skip
    columns = np.eye(15)
    columns[:, [1, 2, 5, 8, 9, 10, 11, 14]] = alike.T
    shares = closest_mixture(columns, observed)
    assert shares.sum() == pytest.approx(1)
    assert (shares >= 0).all()
    assert np.abs(columns @ shares - observed).max() < 1e-6
