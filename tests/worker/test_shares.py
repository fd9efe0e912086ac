"""Shares that recording rules correct, held to the estimator of the monitor on the same predictions."""

import json
from dataclasses import replace
from functools import partial
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from sentiment.evaluation.quantification import Method, Predictions, Quantifier, estimate
from sentiment.evaluation.quantification.methods import SERVED
from sentiment.evaluation.quantification.write import reference_json
from sentiment.inference.export_dir import QUANTIFICATION
from sentiment.inference.types import Prediction
from sentiment.worker.metrics import BINS, METRICS, Telemetry, find_series
from sentiment.worker.shares import MOST_LABELS, share_gauges
from tests.evaluation.quantification.made_up import LABELS, PRIOR, draw
from tests.worker.rules import check, firing, near, series_of, values_of
from tests.worker.test_metrics import metrics_cache

pytestmark = pytest.mark.requires("promtool")

METHODS = [Method("counts"), Method("mean_probability"), Method("adjusted_probability", "mean_probability", 0.02)]
MIXES = {"usual": PRIOR, "shifted": np.array([0.6, 0.1, 0.3]), "one label": np.array([0.98, 0.01, 0.01])}


@pytest.fixture(scope="module")
def known():
    probabilities, targets, groups = draw(1200, np.random.default_rng(0), groups=10)
    return Quantifier.fit(probabilities, targets, LABELS, prior=PRIOR, groups=groups, described="groups")


def validation(probabilities):
    split = SimpleNamespace(texts=[""] * len(probabilities))
    return SimpleNamespace(split=split, probabilities=torch.tensor(probabilities), tokens=[9, 11] * 600, readable=None)


def stored(folder, quantifier):
    folder.mkdir(exist_ok=True)
    reference = reference_json(validation(draw(1200, np.random.default_rng(0), groups=10)[0]))
    (folder / QUANTIFICATION).write_text(json.dumps({**quantifier.to_json(), "reference": reference}))
    return folder


def answers(probabilities):
    return [
        Prediction.best(LABELS, [float(value) for value in row], tokens=10, truncated=False) for row in probabilities
    ]


def scraped(export, probabilities, folder, caplog, *, model="mood"):
    """The series of a worker that has answered in batches of 32."""
    caplog.clear()
    with caplog.at_level("INFO"):
        made = Telemetry(partial(find_series, metrics_cache(folder)), model=model, version="1.0", labels=LABELS)
        for metric, value, names in share_gauges(export, LABELS):
            made.add(metric, value, *names)
        found = answers(probabilities)
        for start in range(0, len(found), 32):
            made.batch(found[start : start + 32], rejected=[], explained=0, requests=1, seconds=0.1)
    return series_of(caplog.messages)


def test_corrected_shares_intervals_and_drift_are_those_of_the_monitor(known, tmp_path, caplog):
    values, expressions = {}, []
    for number, (method, (mix, shares)) in enumerate(product(METHODS, MIXES.items())):
        own = replace(known, served=replace(known.served, method=method))
        now, model = draw(800, np.random.default_rng(1), shares)[0], f"model{number}"
        values |= values_of(scraped(stored(tmp_path / model, own), now, tmp_path, caplog, model=model))
        within = 0.01 if mix == "one label" else 1e-4  # of a share below 0, see the next test but one
        expressions += expected(own.as_served(), now, model, within)
    check(tmp_path, values, [*expressions, f"count(sentiment:share:corrected{{}}) == bool {2 * 3 * 9}"])


def expected(quantifier, probabilities, model, within):
    predictions = Predictions.of(probabilities)
    shares = quantifier.shares(predictions)
    half = quantifier.multiplier * np.sqrt(quantifier.variance(predictions, shares, sampled=True))
    for window, (j, label) in product(("1h", "1d"), enumerate(LABELS)):
        at = f'{{label="{label}", window="{window}", model_name="{model}", model_version="1.0"}}'
        yield near(f"sentiment:share:corrected{at}", shares[j], within=within)
        yield near(f"sentiment:share:counted{at}", predictions.counts[j] / predictions.n)
        yield near(f"sentiment:share:half_width{at}", half[j], within=within)
    at, before = f'{{model_name="{model}", window="1h"}}', draw(1200, np.random.default_rng(0), groups=10)[0]
    yield near(f"sentiment:drift:labels{at}", np.abs(shares - PRIOR).sum() / 2, within=within)
    yield near(f"sentiment:drift:scores{at}", psi(probabilities, before))
    yield near(f'sentiment:drift:tokens{{model_name="{model}"}}', 1.0)  # 10 of each text, and 10 on average before
    yield near(f'sentiment:drift:unreadable{{model_name="{model}"}}', 0.0)


def psi(now, before):
    counts = [np.histogram(rows.max(axis=1), BINS, (0, 1))[0] for rows in (now, before)]
    a, e = ((own + 0.5) / (own.sum() + BINS / 2) for own in counts)
    return float(((a - e) * np.log(a / e)).sum())


def test_the_estimator_of_the_rules_errs_less_than_counting(known):
    assert known.served.method in SERVED
    assert known.served.method.base == "mean_probability"
    rng, errors = np.random.default_rng(2), {"counts": [], "served": []}
    for _ in range(200):
        mix = rng.dirichlet(np.ones(3))
        predictions = Predictions.of(draw(300, rng, mix)[0])
        errors["counts"].append(np.abs(predictions.counts / 300 - mix).mean())
        errors["served"].append(np.abs(known.as_served().shares(predictions) - mix).mean())
    assert np.mean(errors["served"]) < 0.8 * np.mean(errors["counts"])


def test_a_share_below_0_is_set_to_0_and_errs_no_more_than_the_least_squares_of_the_monitor(known):
    """Where the matrix makes a share negative, the rules do not solve for the others again."""
    rng, matrix = np.random.default_rng(3), np.linalg.inv(known.rates.soft)
    apart, errors = [], []
    for _ in range(300):
        mix = rng.dirichlet(np.full(3, 0.5))
        predictions = Predictions.of(draw(300, rng, mix)[0])
        full = np.maximum(matrix @ (predictions.total / predictions.n), 0)
        both = np.array([full / full.sum(), estimate(Method("adjusted_probability"), predictions, known.rates)])
        apart.append(np.abs(both[0] - both[1]).max())
        errors.append(np.abs(both - mix).mean(axis=1))
    assert np.median(apart) < 1e-6
    assert np.quantile(apart, 0.95) < 0.03
    assert np.ptp(np.mean(errors, axis=0)) < 0.002


@pytest.mark.slow
def test_alerts_fire_for_what_is_no_chance(known, tmp_path, caplog):
    export, rng = stored(tmp_path / "export", known), np.random.default_rng(1)
    unsure = rng.dirichlet(np.full(3, 30), 800)
    later = {
        "usual": draw(800, rng)[0],
        "few": draw(150, rng, MIXES["shifted"])[0],
        "moved": draw(800, rng, MIXES["shifted"])[0],
        "unsure": unsure,
    }
    values = {}
    for model, probabilities in later.items():
        series = [scraped(export, rows, tmp_path, caplog, model=model) for rows in (draw(4000, rng)[0], probabilities)]
        values |= values_of(series[0], later=series[1])
    check(
        tmp_path,
        values,
        [
            firing("SentimentSharesMoved", 0, model="usual|few"),
            firing("SentimentSharesMoved", 2, model="moved"),
            firing("SentimentScoresDrift", 0, model="usual|few|moved"),
            firing("SentimentScoresDrift", 1, model="unsure"),
        ],
        minute=100,
    )


def test_without_a_quantification_of_now_shares_are_counted_and_the_log_says_why(known, tmp_path, caplog):
    older = {key: value for key, value in known.to_json().items() if key != "serving"}
    (tmp_path / QUANTIFICATION).write_text(json.dumps(older))
    probabilities = draw(320, np.random.default_rng(1))[0]
    series = scraped(tmp_path, probabilities, tmp_path, caplog)
    assert any(
        "shares of labels are counted, not corrected: quantification.json is missing or older" in one
        for one in caplog.messages
    )
    expressions = ["count(sentiment:share:counted{}) == bool 6", "absent(sentiment:share:corrected{}) == bool 1"]
    check(tmp_path, values_of(series), expressions)


def test_of_several_labels_for_a_text_there_are_no_shares(tmp_path, caplog):
    with caplog.at_level("INFO"):
        made = Telemetry(
            partial(find_series, metrics_cache(tmp_path)), model="mood", version="1.0", labels=LABELS, several=True
        )
        made.batch(answers(draw(320, np.random.default_rng(1))[0]), rejected=[], explained=0, requests=1, seconds=0.1)
    expressions = ["absent(sentiment:share:texts{}) == bool 1", "absent(sentiment:share:counted{}) == bool 1"]
    check(tmp_path, values_of(series_of(caplog.messages)), expressions)


def test_the_series_of_a_model_are_bounded(known, tmp_path, caplog):
    gauges = share_gauges(stored(tmp_path / "export", known), LABELS)
    k = len(LABELS)
    assert len(gauges) == len({(metric.name, names) for metric, _, names in gauges}) == k * k + 4 * k + 2 + BINS + 2
    assert {metric for metric, _, _ in gauges} <= set(METRICS)
    many = [f"label {i}" for i in range(MOST_LABELS + 1)]
    (tmp_path / QUANTIFICATION).write_text(json.dumps({"labels": many, "serving": {"name": "counts"}}))
    assert share_gauges(tmp_path, many) == []
    assert share_gauges(tmp_path / "export", LABELS[:2]) == []  # of another model
