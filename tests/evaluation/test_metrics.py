import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassCohenKappa

from sentiment.evaluation import metrics
from sentiment.evaluation.bootstrap import resampled_scores
from sentiment.evaluation.leaderboard import sweep_report
from sentiment.evaluation.resampling import Answers, Resamples, draws
from tests.conftest import read_json

LABELS = ["negative", "positive"]


def test_scores_are_those_counted_by_hand():
    probabilities = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.2, 0.8], [0.7, 0.3]])
    scores = metrics.score(probabilities, torch.tensor([0, 0, 1, 1]), LABELS)
    assert scores["accuracy"] == pytest.approx(0.5)
    assert scores["precision/negative"] == pytest.approx(1 / 2)
    assert scores["recall/positive"] == pytest.approx(1 / 2)
    assert scores["f1"] == pytest.approx(0.5)
    assert scores["auroc"] == pytest.approx(0.75)  # of 4 pairs of classes, 3 are in order
    assert scores["loss"] == pytest.approx(-torch.tensor([0.9, 0.4, 0.8, 0.3]).log().mean().item())


def test_macro_f1_weighs_a_rare_class_as_much_as_a_common_one():
    probabilities = torch.tensor([[0.9, 0.1]] * 10)
    scores = metrics.score(probabilities, torch.tensor([0] * 9 + [1]), LABELS)
    assert scores["accuracy"] == pytest.approx(0.9)
    assert scores["f1"] == pytest.approx((2 * 0.9 / 1.9 + 0) / 2)


def test_accumulation_over_batches_is_not_an_average_of_batches():
    whole, parts = metrics.build(2), metrics.build(2)
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(50, 2, generator=generator).softmax(-1)
    targets = torch.randint(0, 2, (50,), generator=generator)
    whole.update(probabilities, targets)
    for rows in (slice(0, 3), slice(3, 40), slice(40, 50)):
        parts.update(probabilities[rows], targets[rows])
    assert metrics.flatten(parts.compute(), LABELS) == pytest.approx(metrics.flatten(whole.compute(), LABELS))


def test_the_confusion_matrix_has_a_row_for_each_true_class():
    assert metrics.confusion(torch.tensor([0, 1, 1, 1]), torch.tensor([0, 0, 1, 1]), 2) == [[1, 1], [0, 2]]


def test_macro_recall_is_the_mean_over_labels_that_have_rows():
    probabilities = torch.tensor([[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.2, 0.8, 0.0], [0.7, 0.3, 0.0]])
    scores = metrics.score(probabilities, torch.tensor([0, 0, 0, 1]), ["a", "b", "c"])
    assert scores["macro_recall"] == pytest.approx((1 / 3 + 0) / 2)


def test_names_titles_and_directions_are_those_of_the_records():
    assert metrics.title("recall/very, good") == "recall, very, good"
    assert metrics.title("mine") == "mine"
    assert metrics.ordered(["mine", "loss", "recall/b", "accuracy"]) == ["accuracy", "recall/b", "loss", "mine"]
    assert {metric.name for metric in metrics.METRICS if metric.mode == "min"} == {
        "loss",
        "mae",
        "macro_mae",
        "hamming",
    }


@pytest.fixture
def kappa(monkeypatch):
    """Cohen's kappa added to the records, in the one line that it takes."""
    record = metrics.Metric("kappa", MulticlassCohenKappa, "Cohen's kappa", "the agreement beyond chance")
    monkeypatch.setattr(metrics, "METRICS", [*metrics.METRICS, record])
    return record


def test_a_metric_without_a_form_for_counts_is_resampled_row_by_row(kappa):
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet([1, 1], size=60).astype(np.float32)
    targets = generator.integers(2, size=60)
    [counts] = draws(60, 3, seed=1)
    found = resampled_scores(Resamples(Answers(probabilities, targets), counts), LABELS)["kappa"]
    for value, row in zip(found, counts.astype(int), strict=True):
        drawn = np.repeat(np.arange(60), row)
        expected = MulticlassCohenKappa(2)(torch.from_numpy(probabilities[drawn]), torch.from_numpy(targets[drawn]))
        assert value == pytest.approx(expected.item())


def test_one_record_is_all_that_a_new_metric_takes(kappa, train_tiny):
    """A run is judged by it, and report, model card, intervals and leaderboard show it."""
    chosen = ["optimized_metric=kappa", "callbacks.best.monitor=validation/kappa", "trainer.max_epochs=2"]
    run = train_tiny("kappa", *chosen)
    scores, intervals = (read_json(run / name)["test"] for name in ("metrics.json", "intervals.json"))
    low, high = intervals["kappa"]
    assert -1 <= low <= scores["kappa"] <= high <= 1
    assert "Cohen&#39;s kappa" in (run / "report" / "report.html").read_text()
    assert "Cohen's kappa" in (run / "export" / "README.md").read_text()
    [row] = sweep_report(folder=run.parent, metric="kappa")
    assert row.test.value == scores["kappa"]
