"""The last epoch is exported, unless an earlier one is better by more than chance."""

import numpy as np
import pytest
import torch

from sentiment.evaluation import computation
from sentiment.training.checkpoints import VALIDATION, Judged
from sentiment.training.selection import choose, p_value
from tests.conftest import read_json

LABELS = ["negative", "positive"]


def judged(number, right, *, rows=200, metric="accuracy"):
    """A validation of `rows` texts, by turns of either label, of which the first `right` are answered rightly."""
    targets = torch.arange(rows) % 2
    predicted = torch.where(torch.arange(rows) < right, targets, 1 - targets)
    probabilities = torch.nn.functional.one_hot(predicted, 2) * 0.8 + 0.1
    score = computation.score(probabilities, targets, LABELS)[metric]
    return Judged(number, number, 8 * number, score, probabilities, targets)


def write(folder, best, last):
    for name, one in {"best": best, "last": last}.items():
        state = {"number": torch.tensor(one.number)}
        torch.save({"state_dict": state, VALIDATION: vars(one)}, folder / f"{name}.ckpt")


@pytest.mark.parametrize(
    ("best", "last", "kind", "reason"),
    [
        (
            (2, 180),
            (3, 178),
            "last",
            "epoch 3, the last one, is exported; the lead of epoch 2 may be chance: ",
        ),
        (
            (2, 180),
            (3, 140),
            "earlier",
            "epoch 2 is exported; its lead over the last one is more than",
        ),
        ((3, 180), (3, 180), "last", "epoch 3, the last one, is exported; no earlier one validates better"),
        ((1, 180), (3, 180), "last", "epoch 3, the last one, is exported; no earlier one validates better"),
    ],
)
def test_an_earlier_epoch_needs_more_than_a_better_number(best, last, kind, reason, tmp_path):
    write(tmp_path, judged(*best), judged(*last))
    choice = choose(tmp_path, metric="accuracy", labels=LABELS)
    assert choice.kind == kind
    assert choice.weights["number"] == choice.epoch == (best if kind == "earlier" else last)[0]
    assert choice.reason.startswith(reason)


def test_the_more_epochs_there_were_the_more_the_best_of_them_has_to_show(tmp_path):
    """A lead of 5 texts of 200, p of about 0.007: enough for the better of two epochs, not for the best of twenty."""
    for last, kind in ((2, "earlier"), (20, "last")):
        write(tmp_path, judged(1, 180), judged(last, 175))
        assert choose(tmp_path, metric="accuracy", labels=LABELS).kind == kind


def test_the_test_is_as_strict_as_it_says():
    """Of pairs of equally good epochs about one in twenty passes p < 0.05, and half are the better by number."""
    rng = np.random.default_rng(0)
    targets = torch.tensor(rng.integers(2, size=150))
    passed = []
    for _ in range(100):
        sides = []
        for number in (1, 2):
            answers = torch.where(torch.tensor(rng.random(150) < 0.8), targets, 1 - targets)
            probabilities = torch.nn.functional.one_hot(answers, 2) * 0.8 + 0.1
            sides.append(Judged(number, number, number, 0.0, probabilities, targets))
        passed.append(p_value(*sides, "f1", LABELS) < 0.05)
    assert 1 <= sum(passed) <= 11


def test_a_lower_loss_and_a_label_s_score_are_compared_the_right_way_round():
    better, worse = judged(1, 190), judged(2, 120)
    for metric in ("loss", "macro_recall", "recall/positive", "auroc"):
        assert p_value(better, worse, metric, LABELS) < 0.01
        assert p_value(worse, better, metric, LABELS) > 0.99


def test_a_run_says_what_it_exports_and_why(tiny_run):
    exported = read_json(tiny_run / "run_summary.json")["exported"]
    assert exported["reason"].startswith("epoch 8, the last one, is exported; ")
    assert exported["reason"] in (tiny_run / "report" / "report.html").read_text()
