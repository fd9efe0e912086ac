"""A stop is a stop wherever it comes: exit status 130, and `resume=` finishes the run to the same numbers."""

import signal

import pytest

from tests.conftest import read_json
from tests.training.conftest import resumed

FAST = ("after_training.baseline=true", "trainer.max_epochs=2", "model.lr=1e-3")
SANITY = "trainer.num_sanity_val_steps=1"
STAGES = {  # where the signal comes: the function that is begun, and at which of its calls
    "data": ("sentiment.training.fit.SentimentData.setup", 1),
    "sanity": ("sentiment.training.model.SentimentClassifier.validation_step", 1),
    "batch": ("sentiment.training.model.SentimentClassifier.training_step", 3),
    "last batch of an epoch": ("sentiment.training.model.SentimentClassifier.training_step", 8),
    "validation": ("sentiment.training.model.SentimentClassifier.validation_step", 3),
    "last batch": ("sentiment.training.model.SentimentClassifier.training_step", 16),
    "last validation": ("sentiment.training.model.SentimentClassifier.validation_step", 5),
    "choice": ("sentiment.training.fit.choose", 1),
    "export": ("sentiment.training.fit.export", 1),
    "conversion": ("sentiment.training.fit.convert_export", 1),
    "scoring": ("sentiment.export.fitting.score_export", 1),
    "calibration": ("sentiment.export.fitting.calibrate", 1),
    "baseline": ("sentiment.training.fit.compare_with_baseline", 1),
    "report": ("sentiment.training.fit.write_report", 1),
}
QUICK = ("batch",)
BEFORE = ("data", "sanity")  # stages in which there is nothing to go on from


@pytest.fixture(scope="module")
def unbroken(train_tiny):
    return train_tiny("unbroken", *FAST, SANITY)


@pytest.mark.parametrize(
    "stage", [pytest.param(stage, marks=() if stage in QUICK else pytest.mark.slow) for stage in STAGES]
)
def test_a_stop_at_any_stage_is_resumed_to_the_numbers_of_an_unbroken_run(
    stage, stop_at, stopped, train_tiny, unbroken
):
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    stop_at(*STAGES[stage], signal.SIGTERM if stage in ("batch", "scoring") else signal.SIGINT)
    error = stopped(train_tiny, "broken", *FAST, SANITY)
    assert error.startswith("error: stopped")
    assert {number: signal.getsignal(number) for number in before} == before
    if stage in BEFORE:
        assert error.endswith("it has no checkpoint yet, start it again")
        return
    run = resumed(error)
    for name in ("metrics.json", "calibration.json", "baseline.json"):
        assert read_json(run / name) == read_json(unbroken / name)


def test_a_second_signal_stops_at_once(stop_at, stopped, train_tiny):
    stop_at("sentiment.training.model.SentimentClassifier.training_step", 12, signal.SIGINT, signal.SIGINT)
    error = stopped(train_tiny, "broken", *FAST, SANITY)
    assert error.startswith("error: stopped at once; go on with: sentiment train resume=")


@pytest.mark.slow
def test_a_stop_after_a_validation_within_an_epoch_is_resumed_exactly(stop_at, stopped, train_tiny):
    """The checkpoint is then one that was written between two batches."""
    often = ("trainer.val_check_interval=3",)
    whole = train_tiny("often", *FAST, *often)
    stop_at("sentiment.training.model.SentimentClassifier.validation_step", 3, signal.SIGINT)
    run = resumed(stopped(train_tiny, "broken-often", *FAST, *often))
    assert read_json(run / "metrics.json") == read_json(whole / "metrics.json")
