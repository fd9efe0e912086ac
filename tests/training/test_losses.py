"""Training losses: their arguments, their mean over rows and ranks, and losses of a user's own."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from sentiment.cli import main
from sentiment.errors import ConfigError
from sentiment.training.losses import CrossEntropy, Focal, as_loss

LABELS = ["a", "b", "c"]
LOGITS, TARGETS = torch.randn(12, 3, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 3
MINE = "{_target_: torch.nn.functional.multi_margin_loss, _partial_: true, margin: 0.5, reduction: none}"


def mean(loss, logits=LOGITS, targets=TARGETS):
    """The mean as `SentimentClassifier.training_step` makes it on one rank."""
    return loss(logits, targets).sum() / loss.row_weights(targets).sum()


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, {"a": 1.0, "b": 2.0, "c": 4.0}, "balanced"])
def test_cross_entropy_is_the_one_of_torch_with_the_same_weights(weights, smoothing):
    loss = CrossEntropy(weights=weights, label_smoothing=smoothing)
    loss.prepare(LABELS, {"a": 2, "b": 4, "c": 6})
    own = {None: None, "balanced": torch.tensor([2.0, 1.0, 2 / 3])}.get(
        weights if isinstance(weights, str) or weights is None else "", torch.tensor([1.0, 2.0, 4.0])
    )
    torch.testing.assert_close(mean(loss), cross_entropy(LOGITS, TARGETS, own, label_smoothing=smoothing))


def test_focal_without_focus_is_cross_entropy_and_with_it_turns_to_the_wrong_rows():
    torch.testing.assert_close(mean(Focal(gamma=0.0)), cross_entropy(LOGITS, TARGETS))
    right, wrong = Focal(gamma=2.0)(torch.tensor([[4.0, 0.0], [0.0, 4.0]]), torch.tensor([0, 0]))
    p = torch.sigmoid(torch.tensor(4.0))
    torch.testing.assert_close(right, -((1 - p) ** 2) * p.log())
    torch.testing.assert_close(wrong, -(p**2) * (1 - p).log())


def test_focal_has_a_gradient_where_a_row_is_certain():
    logits = torch.tensor([[100.0, 0.0]], requires_grad=True)
    Focal(gamma=0.5)(logits, torch.tensor([0])).sum().backward()
    assert logits.grad.isfinite().all()


def test_a_function_is_a_loss_if_it_returns_one_number_for_each_row():
    loss = as_loss(lambda logits, targets: (logits.gather(1, targets[:, None])[:, 0] - 1).abs())
    assert loss(LOGITS, TARGETS).shape == (12,)
    with pytest.raises(ConfigError, match=r"model.loss: expected one loss for each of 12 rows, got \(\)"):
        as_loss(lambda logits, targets: logits.mean())(LOGITS, TARGETS)
    with pytest.raises(ConfigError, match="model.loss: int is no loss"):
        as_loss(3)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["+model.loss.gamma=2"], "model.loss.gamma: sentiment.training.losses.CrossEntropy takes no 'gamma'"),
        (["loss=focal", "model.loss.gamma=-1"], "model.loss.gamma=-1: expected greater than or equal to 0"),
        (["loss=focal", "model.loss.weights={a:0,b:1}"], "model.loss.weights: the weight of 'a' is 0"),
        (
            ["loss=null", "+model.loss={_target_: mine.none}"],
            "model.loss._target_=mine.none: no such class or function",
        ),
        (["loss=null", "+model.loss={_target_: torch.tensor, data: 3.0}"], "model.loss: Tensor is no loss"),
    ],
)
def test_a_wrong_loss_is_refused_before_any_data_is_read(overrides, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["train", "data.dir=nowhere", f"paths.output_dir={tmp_path}", *overrides])
    error = capsys.readouterr().err.strip()
    assert (caught.value.code, error.count("\n")) == (2, 0)
    assert message in error


def test_a_run_learns_by_a_loss_of_its_own(train_tiny):
    run = train_tiny("own_loss", "loss=null", f"+model.loss={MINE}", "trainer.max_epochs=4")
    assert (run / "metrics.json").is_file()
