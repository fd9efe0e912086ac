import pytest
import torch
from torchmetrics.functional.classification import multiclass_calibration_error

from sentiment.data.splits import Split
from sentiment.evaluation.calibration import COLDEST, HOTTEST, apply_temperature, errors, fit_temperature, reliability
from sentiment.evaluation.scoring import evaluate
from sentiment.inference.predictor import Predictor
from tests.conftest import read_json


def answers(rows, *, sharpened, classes=3, seed=0):
    """Probabilities `sharpened` times as sure as they should be, and labels drawn from the honest ones."""
    generator = torch.Generator().manual_seed(seed)
    logits = 1.5 * torch.randn(rows, classes, generator=generator)
    targets = torch.multinomial(logits.softmax(dim=-1), 1, generator=generator).flatten()
    return (logits * sharpened).softmax(dim=-1), targets


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_of_known_overconfidence_is_found(temperature):
    assert fit_temperature(*answers(8000, sharpened=temperature)) == pytest.approx(temperature, rel=0.05)


def test_a_fitted_temperature_lowers_the_errors_on_other_texts_and_changes_no_label():
    temperature = fit_temperature(*answers(1000, sharpened=3))
    probabilities, targets = answers(4000, sharpened=3, seed=1)
    after = apply_temperature(probabilities, temperature)
    assert after.argmax(dim=-1).equal(probabilities.argmax(dim=-1))
    before, softer = errors(probabilities, targets), errors(after, targets)
    assert before["ece"] > 0.15
    assert softer["ece"] < 0.03
    assert softer["brier"] < before["brier"]
    assert softer["nll"] < before["nll"]


def test_a_dozen_texts_that_are_all_right_ask_for_no_certainty():
    probabilities = torch.tensor([[0.95, 0.05]] * 12)
    assert 0.6 < fit_temperature(probabilities, torch.zeros(12, dtype=torch.long)) <= 1
    assert fit_temperature(torch.tensor([[0.8, 0.2]] * 5000), torch.zeros(5000, dtype=torch.long)) >= COLDEST
    assert fit_temperature(torch.tensor([[0.8, 0.2]] * 5000), torch.ones(5000, dtype=torch.long)) <= HOTTEST


def test_a_temperature_works_as_on_the_logits():
    logits = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(apply_temperature(logits.softmax(dim=-1), 1.7), (logits / 1.7).softmax(dim=-1))
    torch.testing.assert_close(
        apply_temperature(apply_temperature(logits.softmax(-1), 1.7), 1 / 1.7), logits.softmax(dim=-1)
    )


def test_the_calibration_error_is_that_of_torchmetrics():
    probabilities, targets = answers(3000, sharpened=2)
    expected = multiclass_calibration_error(probabilities, targets, num_classes=3, n_bins=15, norm="l1")
    assert errors(probabilities, targets)["ece"] == pytest.approx(expected.item(), abs=1e-4)
    found = reliability(probabilities, targets)
    assert sum(found.counts) == 3000
    assert all(0 <= share <= 1 for share in (*found.confidence, *found.accuracy))


def test_the_errors_are_those_counted_by_hand():
    found = errors(torch.tensor([[0.75, 0.25], [0.25, 0.75]]), torch.tensor([0, 0]))
    assert found["brier"] == pytest.approx((2 * 0.25**2 + 2 * 0.75**2) / 2)
    assert found["nll"] == pytest.approx(-torch.tensor([0.75, 0.25]).log().mean().item())
    assert found["ece"] == pytest.approx(0.25)  # 0.75 sure, right one time of two


def test_the_temperature_of_a_run_is_fitted_exported_and_told(tiny_run):
    found = read_json(tiny_run / "calibration.json")
    assert found["temperature"] == read_json(tiny_run / "export" / "preprocessing.json")["temperature"] != 1
    assert found["validation"]["after"]["nll"] < found["validation"]["before"]["nll"]
    predictor = Predictor.load(tiny_run)
    again = evaluate(predictor, Split(["good film", "bad film"], ["positive", "negative"]), predictor.labels)
    assert fit_temperature(again.probabilities, again.targets) == pytest.approx(1, abs=0.2)
