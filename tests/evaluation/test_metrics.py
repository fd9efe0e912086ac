import numpy as np
import pytest
import torch
from torchmetrics.classification import MulticlassCohenKappa

from sentiment.evaluation import metrics
from sentiment.evaluation.bootstrap import resample_scores
from sentiment.evaluation.leaderboard import sweep_report
from sentiment.evaluation.metric import Metric
from sentiment.evaluation.resampling import Answers, Resamples, draws
from tests.conftest import read_json

LABELS = ["negative", "positive"]


def test_names_titles_and_directions_are_those_of_the_records():
    assert metrics.title("recall/very, good") == "recall, very, good"
    assert metrics.title("mine") == "mine"
    assert metrics.sort_scores(["mine", "loss", "recall/b", "accuracy"]) == ["accuracy", "recall/b", "loss", "mine"]
    assert {metric.name for metric in metrics.METRICS if metric.mode == "min"} == {
        "loss",
        "mae",
        "macro_mae",
        "hamming",
    }


@pytest.fixture
def kappa(monkeypatch):
    """Cohen's kappa added to the records, in the one line that it takes."""
    record = Metric("kappa", MulticlassCohenKappa, "Cohen's kappa", "the agreement beyond chance")
    monkeypatch.setattr(metrics, "METRICS", [*metrics.METRICS, record])
    return record


def test_a_metric_without_a_form_for_counts_is_resampled_row_by_row(kappa):
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet([1, 1], size=60).astype(np.float32)
    targets = generator.integers(2, size=60)
    [counts] = draws(60, 3, seed=1)
    found = resample_scores(Resamples(Answers(probabilities, targets), counts), LABELS)["kappa"]
    for value, row in zip(found, counts.astype(int), strict=True):
        drawn = np.repeat(np.arange(60), row)
        expected = MulticlassCohenKappa(2)(torch.from_numpy(probabilities[drawn]), torch.from_numpy(targets[drawn]))
        assert value == pytest.approx(expected.item())


@pytest.mark.slow
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
