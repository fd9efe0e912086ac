"""Sums in bounded memory, changes and noise, the words that moved, and drift."""

import numpy as np
import pytest

from sentiment.errors import DataError
from sentiment.evaluation.quantification import Method, Predictions, Quantifier, Rates, Spread, estimate
from sentiment.evaluation.quantification.calibration import Calibration
from sentiment.evaluation.quantification.chosen import Choice, Fitted
from sentiment.evaluation.quantification.reference import Reference
from sentiment.monitoring import drift
from sentiment.monitoring.cells import MOST_GROUPS, Cells
from sentiment.monitoring.changes import compare
from sentiment.monitoring.evidence import evidence, moved_words, terms
from sentiment.monitoring.model import Model
from sentiment.monitoring.periods import Every
from sentiment.monitoring.reservoir import Reservoir
from sentiment.monitoring.rows import Chunk
from sentiment.monitoring.shares import estimates
from tests.evaluation.quantification.made_up import LABELS, PRIOR, draw

DAY = np.timedelta64(86_400, "s")
FIRST = np.datetime64("2026-01-05", "s")


def chunk(probabilities, *, day=0, group="a", texts=None):
    n, answers = len(probabilities), probabilities.argmax(axis=1)
    return Chunk(np.full(n, FIRST + day * DAY), [group] * n, texts or ["some text"] * n, probabilities, answers)


def by_hand(far=None):
    """A quantifier that averages the probabilities, with intervals of coefficients made up by hand."""
    even = np.full(3, 0.01)
    rates = Rates(np.eye(3), np.eye(3), PRIOR, PRIOR, Calibration.none(np.ones(3) / 3))
    spread = Spread(even, even, even, 2.0)
    unlike = None if far is None else Fitted(Method(far), Spread(even, 9 * even, even, 2.0), "it errs least")
    return Quantifier(LABELS, Choice(Method("mean_probability"), "it was fitted"), rates, spread, far=unlike)


def daily(mixes, *, count=300, seed=0):
    """Cells of a day for each mix of labels."""
    cells, rng = Cells(LABELS, Every.of("1d")), np.random.default_rng(seed)
    for day, mix in enumerate(mixes):
        cells.add(chunk(draw(count, rng, np.array(mix))[0], day=day))
    return cells.predictions()


@pytest.mark.parametrize(
    ("asked", "separability", "chosen"),
    [("auto", 0.9, "averaged"), ("auto", 0.7, "mean_probability"), ("mean_probability", 0.9, "mean_probability")],
)
def test_texts_far_from_those_of_validation_get_the_estimator_for_them(asked, separability, chosen):
    model = Model(lambda: None, "")
    model.quantifier, model.chooses = by_hand("averaged"), asked == "auto"
    before = model.quantifier.interval(Predictions.of(PRIOR[None].repeat(50, 0)), PRIOR, sampled=False)
    model.allow_for(drift.Drift(separability_by_label=separability))
    assert model.quantifier.choice.method.name == chosen
    assert any("unlike those of validation" in note for note in model.notes) is (chosen == "averaged")
    after = model.quantifier.interval(Predictions.of(PRIOR[None].repeat(50, 0)), PRIOR, sampled=False)
    assert (after[1] - after[0] > before[1] - before[0]).all() == (chosen == "averaged")


def test_an_export_of_before_keeps_its_estimator_for_far_texts():
    model = Model(lambda: None, "")
    model.quantifier = by_hand()
    model.allow_for(drift.Drift(separability_by_label=0.95))
    assert model.quantifier.choice.method.name == "mean_probability"
    assert model.notes == []


@pytest.mark.parametrize(("usual", "label"), [([0.9, 0.05, 0.05], 0), ([0.05, 0.05, 0.9], 2)])
def test_a_day_of_one_text_leans_on_the_mix_of_its_group(usual, label):
    cells = Cells(LABELS, Every.of("1d"))
    cells.add(chunk(np.array([usual] * 200), day=0))
    cells.add(chunk(np.array([[0.45, 0.1, 0.45]]), day=1))
    whole, single = estimates(cells.predictions(), by_hand(), sampled=False)["a"]
    assert whole.shares == pytest.approx(usual)
    assert single.shares == pytest.approx(np.eye(3)[label])
    assert (single.low <= single.shares).all()
    assert (single.shares <= single.high).all()


def test_binned_sums_give_the_estimates_of_the_rows():
    probabilities, targets, _ = draw(6000, np.random.default_rng(0))
    rates, cells = Rates.of(probabilities, targets, PRIOR), Cells(LABELS, Every.of("1d"))
    for part in np.array_split(probabilities, 7):
        cells.add(chunk(part))
    [binned] = cells.predictions().values()
    assert len(binned.rows) < 600 < len(probabilities)
    whole = Predictions.of(probabilities)
    for name in ("counts", "mean_probability", "adjusted_counts", "adjusted_probability", "em"):
        assert estimate(Method(name), binned, rates) == pytest.approx(estimate(Method(name), whole, rates), abs=0.003)


def test_more_groups_than_a_page_can_show_are_refused():
    cells = Cells(LABELS, Every.of("1d"))
    for number in range(MOST_GROUPS):
        cells.add(chunk(np.full((1, 3), 1 / 3), group=f"user {number}"))
    with pytest.raises(DataError, match=f"by= makes more than {MOST_GROUPS} groups"):
        cells.add(chunk(np.full((1, 3), 1 / 3), group="one more"))


def test_a_change_is_found_and_noise_is_called_so():
    quantifier = Quantifier.without_fit(LABELS)
    still = daily([PRIOR] * 12)
    moved = daily([PRIOR] * 11 + [[0.6, 0.25, 0.15]])
    for cells, changes in ((still, 0), (moved, 1)):
        found = compare(estimates(cells, quantifier, sampled=True), quantifier, window=7, sampled=True)
        assert len(found) == 11
        assert sum(one.is_change for one in found) == changes
    assert LABELS[found[0].rose] == "negative"
    assert found[0].after.start == int((FIRST + 11 * DAY).astype("int64"))


def test_days_that_vary_more_than_chance_are_no_changes():
    rng = np.random.default_rng(0)
    mixes = [rng.dirichlet(PRIOR * 60) for _ in range(30)]
    quantifier = Quantifier.without_fit(LABELS)
    found = compare(estimates(daily(mixes), quantifier, sampled=True), quantifier, window=7, sampled=True)
    assert sum(one.p_value < 0.05 for one in found) <= 6
    assert sum(one.is_change for one in found) <= 2


BEFORE = [f"the seat was too small on row {i}" for i in range(60)]
AFTER = [f"the seat was fine, flight cancelled again by @user{i} http://t.co/{i}" for i in range(40)] + BEFORE[:20]


def test_the_words_that_moved_come_first_and_texts_stand_for_them():
    found = evidence(BEFORE, AFTER)
    words = [one.word for one in found.words]
    assert any("cancelled" in word for word in words[:3])
    assert not any(word in ("the", "seat", "was") for word in words)
    assert "flight cancelled again by @user http" in found.texts[0]
    assert all("@user0" not in text and "t.co" not in text for text in found.texts)


def test_log_odds_are_those_of_the_paper():
    before, after = [{"a", "b"}] * 30, [{"a", "c"}] * 30
    [word] = [one for one in moved_words(before, after) if one.word == "c"]
    alpha, n = 500 * 30 / 120, 60  # equation 16 with a prior of 500 words, as frequent as in both sides together
    odds = np.log((30 + alpha) / (n + 500 - 30 - alpha)) - np.log(alpha / (n + 500 - alpha))
    assert word.score == pytest.approx(odds / np.sqrt(1 / (30 + alpha) + 1 / alpha))
    assert terms("Not good, not GOOD") == {"not", "good", "not good", "good not"}


def texts_of(targets, rng, *, moved=False):
    words = [["bad", "late", "sorry"], ["today", "news", "monday"], ["great", "love", "happy"]]
    topic = ["airline", "bags"] if moved else ["film", "song"]
    return [f"{rng.choice(words[label])} {rng.choice(words[label])} {rng.choice(topic)}" for label in targets]


@pytest.mark.parametrize(
    ("mix", "moved", "kind"),
    [(PRIOR, False, "none"), (np.array([0.75, 0.15, 0.1]), False, "labels"), (PRIOR, True, "texts")],
)
def test_a_shift_of_labels_is_told_apart_from_one_of_texts(tiny_run, mix, moved, kind):
    rng = np.random.default_rng(0)
    probabilities, targets, _ = draw(1500, rng)
    reference = Reference.of(texts_of(targets, rng), targets, probabilities, [6] * 1500)
    now, labels, _ = draw(1500, rng, mix)
    sample = [*zip(texts_of(labels, rng, moved=moved), now, strict=True)]
    found = drift.measure(sample, reference, tiny_run / "export", np.bincount(labels, minlength=3) / len(labels))
    assert found.kind == kind
    if kind == "texts":
        assert {"airline", "bags"} <= set(found.words)
        assert {"film", "song"} <= set(found.missing)
        assert not found.trusted
        assert "Do not trust these intervals" in found.sentence


def test_a_sample_of_rows_is_bounded_and_even():
    sample = Reservoir(drift.MOST_TEXTS)
    for day in range(10):
        sample.add(2000, ([day] * 2000).__getitem__)
    assert len(sample.items) == drift.MOST_TEXTS
    assert all(300 < sample.items.count(day) < 500 for day in range(10))
