"""The choice of an estimator, shares of few texts, and the files of an export."""

import itertools
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from sentiment.errors import ConfigError, DamagedFileError
from sentiment.evaluation.quantification import Method, Predictions, Quantifier, Rates, read_quantifier
from sentiment.evaluation.quantification.calibration import Calibration
from sentiment.evaluation.quantification.choice import decide, judges
from sentiment.evaluation.quantification.decision import likeliest_numbers
from sentiment.evaluation.quantification.errors import (
    absolute_error,
    divergence,
    earth_movers_distance,
    values_of,
)
from sentiment.evaluation.quantification.estimators import estimate
from sentiment.evaluation.quantification.methods import COUNTS
from sentiment.evaluation.quantification.reference import REFERENCE, Reference, read_reference
from sentiment.evaluation.quantification.simulation import bags, groups_of
from sentiment.inference.checksums import damage_of, export_hash
from sentiment.inference.export_dir import QUANTIFICATION
from tests.evaluation.quantification.made_up import PRIOR, draw, fitted


def test_shares_of_few_texts_are_those_of_the_likeliest_numbers():
    """A text has one label: half a text of each errs more than the likelier label."""
    made = draw(3000, np.random.default_rng(0), groups=10)
    known = fitted(*made)
    probabilities, targets, _ = draw(450, np.random.default_rng(1))
    found = {"shares": [], "mean": []}
    inside = []
    for rows in np.arange(450).reshape(-1, 3):
        predictions = Predictions.of(probabilities[rows])
        true = np.bincount(targets[rows], minlength=3) / 3
        shares = known.shares(predictions)
        assert shares * 3 == pytest.approx(np.rint(shares * 3))
        assert shares.sum() == pytest.approx(1)
        found["shares"].append(absolute_error(true, shares))
        found["mean"].append(absolute_error(true, estimate(known.choice.method, predictions, known.rates)))
        low, high = known.interval(predictions, shares, sampled=False)
        assert ((low <= shares) & (shares <= high)).all()
        inside.append((low <= true) & (true <= high))
    errors = {name: np.mean(values) for name, values in found.items()}
    assert errors["shares"] < errors["mean"]
    assert np.mean(inside) > 0.92
    single = Predictions.of(np.array([[0.1, 0.5, 0.4]]))
    assert sorted(known.shares(single)) == [0, 0, 1]
    assert max(known.as_served().shares(single)) < 1  # a recording rule cannot decide


def test_the_likeliest_numbers_have_the_smallest_expected_absolute_error():
    rows = np.array([[0.5, 0.3, 0.2], [0.2, 0.45, 0.35], [0.1, 0.5, 0.4], [0.34, 0.33, 0.33]])
    prior = np.ones(3) / 3
    rates = Rates(np.eye(3), np.eye(3), prior, prior, Calibration.none(prior))
    outcomes = [*itertools.product(range(3), repeat=4)]
    chances = [np.prod([rows[i, label] for i, label in enumerate(labels)]) for labels in outcomes]
    numbers = [np.bincount(labels, minlength=3) for labels in outcomes]

    def risk(given):
        return sum(p * np.abs(given - n).sum() for p, n in zip(chances, numbers, strict=True))

    found = likeliest_numbers(Predictions.of(rows), prior, rates) * 4
    assert risk(found) == pytest.approx(min(risk(given) for given in numbers))


def test_a_correction_is_chosen_where_texts_of_a_label_stay_the_same():
    choice = fitted(*draw(3000, np.random.default_rng(0), groups=10)).choice
    assert choice.method.name != "counts"
    assert choice.errors["em"]["absolute_error_shifts"] < choice.errors["counts"]["absolute_error_shifts"]
    assert "errs least on held-out groups and simulated shifts" in choice.reason


@pytest.mark.parametrize(
    ("gain", "chosen", "opening"),
    [
        ([0.01, -0.01, 0.02, -0.015], "counts", "nothing clearly beats it: counting the predicted labels errs by 5.0"),
        ([-0.01, -0.01, -0.01, -0.01], "counts", "nothing beats it"),
        ([0.01, 0.012, 0.009, 0.011], "em", "it errs least on held-out groups and simulated shifts: expectation"),
    ],
)
def test_counts_stay_unless_another_is_clearly_better(gain, chosen, opening):
    tested = [SimpleNamespace(kind=kind, group=group) for kind in ("group", "shift") for group in range(4)]
    counted = np.full(8, 0.05)
    method, reason = decide({COUNTS: counted, Method("em"): counted - np.tile(gain, 2)}, tested)
    assert method.name == chosen
    assert reason.startswith(opening)


def test_few_texts_are_counted_and_the_reason_is_given(tmp_path):
    probabilities, targets, groups = draw(60, np.random.default_rng(0))
    known = fitted(probabilities, targets, groups)
    assert known.choice.reason == "60 labelled texts are too few to compare estimators (at least 100)"
    low, high = known.interval(Predictions.of(probabilities), np.array([0.2, 0.45, 0.35]), sampled=False)
    assert (high - low > 0.2).all()


def test_a_quantifier_is_the_same_after_it_was_stored(tmp_path):
    known = fitted(*draw(1000, np.random.default_rng(0), groups=8))
    (tmp_path / QUANTIFICATION).write_text(json.dumps(known.to_json()))
    again = read_quantifier(tmp_path)
    predictions = Predictions.of(draw(200, np.random.default_rng(1))[0])
    assert again.shares(predictions) == pytest.approx(known.shares(predictions), abs=1e-5)
    assert again.choice == known.choice
    assert again.served.method == known.served.method
    assert again.as_served().shares(predictions) == pytest.approx(known.as_served().shares(predictions), abs=1e-5)
    with pytest.raises(ConfigError, match="estimator=serving: quantification.json has none; make it again"):
        replace(again, served=None).as_served()
    assert read_quantifier(tmp_path / "elsewhere") is None
    (tmp_path / QUANTIFICATION).write_text("{}")
    with pytest.raises(DamagedFileError, match="it has no 'prior'"):
        read_quantifier(tmp_path)


def test_a_run_leaves_both_files_in_its_export_and_lists_them(tiny_run):
    known, reference = read_quantifier(tiny_run / "export"), read_reference(tiny_run / "export")
    assert known.labels == ["negative", "positive"]
    assert known.texts == len(reference) == 16
    assert known.choice.method.name == "counts"
    assert known.export == export_hash(tiny_run / "export")  # nothing that decides an answer was written later
    assert (reference.tokens > 2).all()
    assert damage_of(tiny_run / "export") is None
    assert REFERENCE in (tiny_run / "export" / "SHA256SUMS").read_text()


def test_the_reference_holds_no_rare_word_and_no_user(tmp_path):
    texts = [f"@someone likes this film {'secretword' if i == 3 else ''} http://t.co/{i}" for i in range(8)]
    Reference.of(texts, np.zeros(8), np.full((8, 2), 0.5), None).write(tmp_path)
    read = read_reference(tmp_path)
    assert read.words == [["film", "likes", "this"]] * 8
    (tmp_path / REFERENCE).write_text("no parquet")
    with pytest.raises(DamagedFileError, match="Parquet"):
        read_reference(tmp_path)


@pytest.mark.slow
def test_on_a_scale_the_estimator_is_chosen_by_the_earth_movers_distance():
    made = draw(3000, np.random.default_rng(0), groups=10)
    options = {"prior": PRIOR, "groups": made[2], "described": "groups"}
    choice = Quantifier.fit(*made[:2], ["-1", "0", "2"], values=[-1, 0, 2], **options).choice
    errors = {name: found["earth_movers_distance_groups"] for name, found in choice.errors.items()}
    assert errors[str(choice.method)] < errors["counts"]
    assert "on the scale (earth mover's distance)" in choice.reason
    plain = Quantifier.fit(*made[:2], ["-1", "0", "2"], **options).choice
    assert "earth_movers_distance_groups" not in plain.errors["counts"]
    assert "points of share" in plain.reason


def test_many_groups_of_the_data_judge_alone():
    made = draw(1600, np.random.default_rng(0), moved=0.5, groups=25)
    for natural, kinds in ((True, {"group"}), (False, {"group", "shift"})):
        tested = list(bags(*made, PRIOR, natural=natural))
        assert {tested[i].kind for i in judges(tested, natural=natural)} == kinds
    few = [bag for bag in tested if bag.kind == "shift" or bag.group < 19]
    assert {few[i].kind for i in judges(few, natural=True)} == {"group", "shift"}


def test_the_errors_are_those_of_semeval():
    true, found = np.array([0.2, 0.3, 0.5]), np.array([0.4, 0.3, 0.3])
    assert absolute_error(true, found) == pytest.approx(0.4 / 3)
    assert earth_movers_distance(true, found, [-1, 0, 1]) == pytest.approx(0.4)  # 0.2 of the texts, two steps
    assert earth_movers_distance(true, found, [0, 1, 5]) == pytest.approx(0.2 * 1 + 0.2 * 4)
    smooth = [(share + 0.01) / 1.03 for share in (0.2, 0.3, 0.5, 0.4, 0.3, 0.3)]  # 1 / (2 * 50 texts)
    kld = sum(p * np.log(p / q) for p, q in zip(smooth[:3], smooth[3:], strict=True))
    assert divergence(true, found, 50) == pytest.approx(kld)
    assert divergence(np.array([true] * 2), np.array([found, true]), [50, 9]) == pytest.approx([kld, 0])
    assert values_of(["-2", "0", "1.5"]) == [-2, 0, 1.5]
    assert values_of(["2", "1"]) is None
    assert values_of(["a", "b"]) is None


def test_groups_that_the_data_names_are_held_out_where_they_are_many_and_large():
    texts = [f"text {i}" for i in range(200)]
    assert groups_of(texts, [i % 5 for i in range(200)]) == ([i % 5 for i in range(200)], True)
    assert groups_of(texts, [i % 4 for i in range(200)])[1] is False
    assert groups_of(texts, list(range(200)))[1] is False
    assert groups_of(texts, None)[1] is False
