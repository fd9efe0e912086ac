"""A monitor of texts that may have several labels: each label is a separate problem, the label and its absence."""

import datetime as dt

import numpy as np
import pytest

from sentiment.cli import main
from sentiment.evaluation.quantification import (
    Predictions,
    SeveralPredictions,
    SeveralQuantifier,
    fit_quantifier,
    problems,
    read_quantifier,
)
from sentiment.evaluation.quantification.errors import divergence, several_divergence
from sentiment.evaluation.quantification.reference import read_reference
from sentiment.evaluation.quantification.simulation import bags
from sentiment.files import write_json
from sentiment.monitoring.drift import label_weights
from tests.conftest import read_csv, read_json, write_csv
from tests.monitoring.predictions import HEADER, day, moved, predicted

LABELS = ["joy", "anger", "fear"]
SHARES = np.array([0.4, 0.2, 0.05])
COLUMNS = ("created", "brand", "text", "truth", "prediction", *(f"p_{label}" for label in LABELS), "unreadable")


def drawn(shares, count, rng):
    """Probabilities (n, 3) and true labels; a threshold of 0.4 is right for most texts."""
    true = rng.random((count, len(shares))) < shares
    return np.where(true, rng.beta(6, 2, true.shape), rng.beta(1, 8, true.shape)).round(6), true


def table_of(path, *, days=10, count=100):
    """Texts of which on the last but one day joy is more common and anger rarer."""
    rng, rows = np.random.default_rng(0), []
    for number in range(days):
        shares = np.array([0.8, 0.02, 0.05]) if number == days - 2 else SHARES
        for p, true in zip(*drawn(shares, count, rng), strict=True):
            text = (
                f"{'a refund' if true[0] and number == days - 2 else 'some'} words {'late parcel' if true[1] else ''}"
            )
            names = ["|".join(np.array(LABELS)[given]) for given in (true, p >= 0.4)]
            rows.append((day(number), "Acme", f"{text} {len(rows)}", names[0] or "[]", names[1], *p, 0.0))
    return write_csv(path, rows, header=COLUMNS)


def run(*overrides):
    main(["monitor", "time=created", "quiet=true", *map(str, overrides)])


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("several")
    table = table_of(folder / "p.csv")
    run(f"input={table}", f"output={folder}/out", "by=brand", "true_column=truth", "tables=[csv,parquet,xlsx]")
    return folder / "out"


def test_the_shares_are_those_of_texts_with_a_label_and_need_not_add_up_to_1(out):
    rows = [row for row in read_csv(out / "shares.csv") if row["period"] == "2026-01-05"]
    input_rows = [row for row in read_csv(out.parent / "p.csv") if row["created"].startswith("2026-01-05")]
    for row in rows:
        given = sum(row["label"] in one["prediction"].split("|") for one in input_rows)
        assert float(row["counted"]) == pytest.approx(given / 100, abs=1e-6)
        assert float(row["share"]) == pytest.approx((given + 1) / 102, abs=1e-6)  # Laplace's rule, two classes
        assert float(row["low"]) <= float(row["share"]) <= float(row["high"])
    assert [row["label"] for row in rows] == LABELS
    assert "mean" not in rows[0]
    assert abs(sum(float(row["share"]) for row in rows) - 1) > 0.1


def test_the_errors_are_those_of_each_label_beside_its_absence(out):
    whole = read_csv(out / "errors.csv")[0]
    true = read_csv(out.parent / "p.csv")
    shares = [sum(label in row["truth"].split("|") for row in true) / 1000 for label in LABELS]
    counted = [sum(label in row["prediction"].split("|") for row in true) / 1000 for label in LABELS]
    assert whole["texts"] == "1000"
    assert float(whole["counted_absolute_error"]) == pytest.approx(
        np.abs(np.subtract(shares, counted)).mean(), abs=1e-6
    )
    pairs = [divergence(np.array([s, 1 - s]), np.array([c, 1 - c]), 1000) for s, c in zip(shares, counted, strict=True)]
    assert float(whole["counted_divergence"]) == pytest.approx(np.mean(pairs), abs=1e-6)
    assert several_divergence(np.array(shares), np.array(counted), 1000) == pytest.approx(np.mean(pairs))


def test_a_change_is_one_of_a_label_with_its_words(out):
    found = read_json(out / "changes.json")
    first, second = found["changes"]
    assert len(found["changes"]) + len(found["noise"]) == 3 * 9
    assert (first["rose"], list(first["labels"]), first["period"]) == ("joy", ["joy"], "2026-01-13")
    assert "refund" in " ".join(word["word"] for word in first["words"])
    assert (second["fell"], list(second["labels"])) == ("anger", ["anger"])
    assert second["labels"]["anger"]["difference"] < -0.1
    assert {"joy", "anger", "fear"} == set(found["estimator"])
    page = (out / "monitor.html").read_text(encoding="utf-8").replace("&nbsp;", " ")
    assert "A text may have several labels, or none, so the shares need not add up to 100 %." in page
    assert "2 changes of the shares are too large for chance; 25 other movements could be noise." in page


def test_prometheus_gets_the_change_of_each_label(out):
    lines = (out / "shares.prom").read_text(encoding="utf-8").splitlines()
    assert 'sentiment_change{group="Acme",label="fear"} 0' in lines
    assert sum(line.startswith("sentiment_share{") for line in lines) == 3


def test_labels_that_exclude_each_other_have_the_numbers_of_one_label_a_text(tmp_path):
    rows = predicted(moved)
    single = write_csv(tmp_path / "single.csv", rows, header=HEADER)
    multi = [(*row[:5], 0.0, *row[6:]) for row in rows]
    multi = write_csv(tmp_path / "multi.csv", multi, header=[name.replace("score", "unreadable") for name in HEADER])
    for name, table in (("single", single), ("multi", multi)):
        run(f"input={table}", f"output={tmp_path}/{name}")
    one, other = (read_csv(tmp_path / name / "shares.csv") for name in ("single", "multi"))
    assert one == other
    one, other = (read_json(tmp_path / name / "changes.json")["changes"] for name in ("single", "multi"))
    assert len(other) == 2 * len(one) > 0  # one test twice, so that the correction is the same
    of_period = {change["period"]: change for change in one}
    for change in other:
        same, [(label, numbers)] = of_period[change["period"]], change["labels"].items()
        assert change["corrected_p_value"] == pytest.approx(same["corrected_p_value"], rel=1e-9)
        assert numbers == same["labels"][label]


def predictions_of(probabilities):
    return SeveralPredictions([Predictions.of(*one) for one in problems(probabilities, probabilities >= 0.4)])


def test_a_mix_that_moved_is_found_for_each_label_with_its_interval(tmp_path):
    probabilities, true = drawn(SHARES, 3000, np.random.default_rng(1))
    known = fit_quantifier(
        probabilities, true.astype(int), LABELS, prior=SHARES, groups=np.arange(3000) % 12, described="groups",
        answers=probabilities >= 0.4,
    )  # fmt: skip
    assert known.parts[2].rates.hard[0, 0] == pytest.approx((probabilities[true[:, 2], 2] >= 0.4).mean())
    moved_probabilities, moved_true = drawn(np.array([0.15, 0.5, 0.15]), 2000, np.random.default_rng(2))
    predictions, true_shares = predictions_of(moved_probabilities), moved_true.mean(axis=0)
    shares = known.shares(predictions)
    low, high = known.interval(predictions, shares, sampled=False)
    assert np.abs(shares - true_shares).max() < 0.02
    assert ((low <= true_shares) & (true_shares <= high)).all()
    write_json(tmp_path / "quantification.json", known.to_json())
    assert read_quantifier(tmp_path).shares(predictions) == pytest.approx(shares, abs=1e-5)


def test_simulated_shares_of_a_label_are_about_its_usual_one():
    probabilities, true = drawn(SHARES, 3000, np.random.default_rng(1))
    rows, answers = problems(probabilities, probabilities >= 0.4)[2]
    for mixes, mean in ((None, 0.5), (np.array([0.1, 1.9]), 0.05)):
        found = bags(rows, 1 - true[:, 2], np.arange(3000) % 12, np.array([0.05, 0.95]), answers=answers, mixes=mixes)
        assert np.mean([bag.drawn_from[0] for bag in found if bag.kind == "shift"]) == pytest.approx(mean, abs=0.04)


def test_texts_are_weighted_so_that_every_label_has_the_share_asked_for():
    true = drawn(SHARES, 2000, np.random.default_rng(0))[1].astype(int)
    weights = label_weights(true, np.array([0.2, 0.5, 0.1]))
    assert np.average(true, axis=0, weights=weights) == pytest.approx([0.2, 0.5, 0.1], abs=1e-6)
    single = label_weights(np.array([0, 0, 0, 1]), np.array([0.5, 0.5]))
    assert single == pytest.approx([2 / 3, 2 / 3, 2 / 3, 2])


def test_a_trained_run_scores_and_monitors_texts_and_its_history(multi_run, tmp_path):
    export = multi_run / "export"
    known, reference = read_quantifier(export), read_reference(export)
    assert isinstance(known, SeveralQuantifier)
    assert reference.labels.shape == (len(reference), len(known.labels))
    texts = ["I am so happy and thankful", "this makes me angry and sad", "happy day", "sad night"] * 5
    rows = [(text, (dt.datetime(2026, 1, 5) + dt.timedelta(days=i // 10)).isoformat()) for i, text in enumerate(texts)]
    table = write_csv(tmp_path / "new.csv", rows, header=("text", "created"))
    history = f"history={tmp_path}/history"
    run(f"run={multi_run}", f"input={table}", f"output={tmp_path}/out", history)
    first = read_csv(tmp_path / "out" / "shares.csv")
    assert [row["label"] for row in first[: len(known.labels)]] == known.labels
    run(f"run={multi_run}", f"input={table}", f"output={tmp_path}/again", history, "estimator=counts")
    assert "0 of 20 rows are new" in " ".join(read_json(tmp_path / "again" / "changes.json")["notes"])
    predictions = tmp_path / "out" / "predictions.parquet"
    run(f"input={predictions}", f"output={tmp_path}/predicted", "time=time")
    assert read_csv(tmp_path / "predicted" / "shares.csv") == first


def test_labels_that_other_thresholds_decided_are_said(multi_run, tmp_path):
    table = write_csv(
        tmp_path / "new.csv", [("I am so happy", day(0)), ("a sad night", day(0))], header=("text", "created")
    )
    run(f"run={multi_run}", f"input={table}", f"output={tmp_path}/out", "engine.threshold=0.0")
    notes = " ".join(read_json(tmp_path / "out" / "changes.json")["notes"])
    assert "The labels of 2 texts were decided by other thresholds than the export's" in notes
    counted = {row["counted"] for row in read_csv(tmp_path / "out" / "shares.csv")}
    assert counted == {"1.0"}


@pytest.mark.parametrize(
    ("row", "overrides", "message"),
    [
        (
            ("joy|hate", 0.9, 0.1, 0.2, 0),
            [],
            "prediction: 'hate' is no label of the model, which knows joy, anger, fear",
        ),
        (("joy", 1.2, 0.1, 0.2, 0), [], "a probability is not between 0 and 1"),
        (("joy", 0.9, 0.1, 0.2, 0), ["true_column=text"], "true_column=text: 'words' is no label of the model"),
        (("joy", 0.9, 0.1, 0.2, 0), ["estimator=em"], "estimator=em needs labelled texts"),
    ],
)
def test_a_mistake_is_answered_by_one_line(tmp_path, capsys, row, overrides, message):
    table = write_csv(tmp_path / "p.csv", [(day(0), "words", *row)] * 3, header=("created", "text", *COLUMNS[4:]))
    with pytest.raises(SystemExit) as stopped:
        run(f"input={table}", f"output={tmp_path}/out", *overrides)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.strip().splitlines()[-1].startswith(f"error: {message}")
