from dataclasses import replace

import numpy as np
import pytest

from sentiment.evaluation.report.figures import length_bins, roc, thin, wilson
from sentiment.evaluation.report.history import average, read_history
from tests.conftest import write_csv
from tests.results import made_up


def test_every_text_is_in_one_bin_of_length():
    result = made_up().evaluations["test"]
    bins = length_bins(result)
    assert sum(count for _, count, _ in bins) == 300
    assert sum(right for *_, right in bins) == int((result.predicted == result.targets).sum())
    assert len(bins) > 2


def test_texts_that_were_cut_are_a_bin_of_their_own():
    result = made_up().evaluations["test"]
    result.truncated[:40] = [True] * 40
    assert length_bins(result)[-1][:2] == ("cut", 40)


def test_a_bin_of_one_length_is_named_by_it():
    result = made_up().evaluations["test"]
    result.tokens[:] = [5] * 100 + [6] * 100 + [7] * 100
    assert [name for name, *_ in length_bins(result)] == ["5", "6–7"]


def test_wilson_intervals_have_a_width_at_the_ends_too():
    assert wilson(50, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)  # as in Agresti and Coull 1998
    assert wilson(10, 10)[0] == pytest.approx(0.722, abs=1e-3)
    assert wilson(10, 10)[1] == pytest.approx(1)


def test_a_curve_of_many_points_is_thinned_and_keeps_its_ends():
    x = np.linspace(0, 1, 25_000)
    keep = thin(x, x**2)
    assert len(keep) <= 301
    assert (keep[0], keep[-1]) == (0, len(x) - 1)
    assert np.abs(np.interp(x, x[keep], x[keep] ** 2) - x**2).max() < 1e-3


@pytest.mark.parametrize("label", ["a long name of surprise and of wonder " * 9, "x" * 3000, "a b"])
def test_the_axes_of_a_label_of_any_length_have_room(label):
    result = made_up().evaluations["test"]
    named = {one: f"{one} {label} {one}" for one in result.labels}  # their ends tell them apart
    split = replace(result.split, labels=[named[one] for one in result.split.labels])
    figure = roc(replace(result, labels=list(named.values()), split=split))
    assert figure.svg.count("…") == len(named) * (len(label) > 50)


def test_a_long_history_is_averaged_to_few_points():
    shown = average([(i, float(i % 2)) for i in range(1000)])
    assert len(shown) == 25
    assert all(value == pytest.approx(0.5) for _, value in shown)
    assert shown[-1][0] == 999


def test_the_history_goes_on_over_a_resume_and_ends_with_the_learning(tmp_path):
    header = ("epoch", "step", "train/loss", "validation/loss")
    for version, rows in {10: [("1", "20", "0.2", ""), ("2", "30", "", "0.9")], 9: [("0", "10", "0.5", "")]}.items():
        (tmp_path / f"version_{version}").mkdir()
        write_csv(tmp_path / f"version_{version}" / "metrics.csv", rows, header=header)
    assert [row["step"] for row in read_history(tmp_path)] == ["10", "20"]
