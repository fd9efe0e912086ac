"""Joint training of early exits: what their heads read, what they learn, and what else a run with them does."""

import signal

import pytest
import pytorch_lightning as pl
import torch

from sentiment.cli import main
from sentiment.inference.batching import pad
from sentiment.inference.packing import enable_packing, pack
from sentiment.training.model import SentimentClassifier
from sentiment.training.optimizers import AdamW
from tests.conftest import read_json
from tests.training.conftest import assert_same_export, resumed

ROWS = [[101, 2000, 102], [101, *range(2000, 2009), 102], [101, 102]]
ON = ("model.exits=[1]", "after_training.convert.runtime=onnx")


@pytest.fixture
def model(tiny_backbone):
    """A classifier with an exit after the first of two layers, without dropout."""
    torch.manual_seed(0)
    made = SentimentClassifier(backbone=tiny_backbone, labels=["no", "yes"], optimizer=AdamW, exits=[1]).eval()
    made.trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    return made


@pytest.fixture
def batch():
    return {**pad(ROWS, 0), "labels": torch.tensor([0, 1, 1])}


def test_heads_read_the_same_of_padded_and_of_packed_rows(model):
    network = enable_packing(model.network)
    found = []
    for inputs in (pad(ROWS, 0), pack(ROWS, 0)):
        states = network(**inputs, output_hidden_states=True).hidden_states
        found += model.exit_heads(states, inputs)
    torch.testing.assert_close(found[1], found[0], atol=1e-6, rtol=1e-5)
    first = network(**pad(ROWS[:1], 0), output_hidden_states=True).hidden_states[1][0]
    alone = model.exit_heads.heads[0](torch.cat([first[0], first.mean(dim=0)]))
    torch.testing.assert_close(found[0][0], alone, atol=1e-6, rtol=1e-5)


def test_the_mean_loss_of_the_exits_is_added_and_trains_the_layers_below(model, batch, monkeypatch):
    monkeypatch.setattr(model, "log", lambda *args, **kwargs: None)
    logits, early = model._all_logits(batch)
    torch.testing.assert_close(logits, model._logits(batch))
    own = [torch.nn.functional.cross_entropy(one, batch["labels"]) for one in (logits, *early)]
    torch.testing.assert_close(model.training_step(batch, 0), own[0] + own[1])
    own[1].backward()
    moved = {name for name, one in model.named_parameters() if one.grad is not None and one.grad.any()}
    assert any("layer.0." in name for name in moved)
    assert any(name.startswith("exit_heads.") for name in moved)
    assert not any("layer.1." in name or "classifier" in name for name in moved)


def test_heads_and_layers_are_all_trained(model):
    trained = {id(one) for group in model.parameter_groups() for one in group["params"]}
    assert trained == {id(one) for one in model.parameters()}


@pytest.mark.slow
def test_a_stopped_run_with_exits_resumes_to_the_weights_of_an_unbroken_one(train_tiny, tiny_run, stop_at, stopped):
    options = [*ON, f"model.teacher={tiny_run}", "trainer.max_epochs=4", "after_training.baseline=false"]
    unbroken = train_tiny("unbroken", *options)
    stop_at("sentiment.training.model.SentimentClassifier.training_step", 20, signal.SIGINT)
    assert_same_export(resumed(stopped(train_tiny, "broken", *options)), unbroken)


@pytest.mark.slow
def test_trials_of_a_sweep_are_trained_with_exits_which_an_export_then_fits(train_tiny):
    folder = train_tiny("sweep", *ON, "seed=1,2", "trainer.max_epochs=1", flags=("-m",))
    trials = folder.parent / "sweeps" / "sweep"
    record = read_json(trials / "0" / "export" / "exits.json")
    assert (record["asked"], record["exits"]) == ([1], [])
    assert record["summary"] == "exits are of ONNX runtimes, and torch answers"
    main(["export", f"run={trials}/0"])
    assert read_json(trials / "0" / "export" / "exits.json")["asked"] == [1]
