import logging
import os
import re
from types import SimpleNamespace

import pytest
import pytorch_lightning as pl
import torch
from rich import get_console
from torch.utils.data import DataLoader

from sentiment.cli import main
from sentiment.console import quiet_libraries
from sentiment.training.averaging import StochasticAveraging
from sentiment.training.callbacks import Throughput
from sentiment.training.checkpoints import WholeCheckpoints


def test_a_checkpoint_that_does_not_fit_leaves_the_former_one(tmp_path, monkeypatch):
    path = tmp_path / "last.ckpt"
    WholeCheckpoints().save_checkpoint({"epoch": 1}, path)

    def full(checkpoint, target):
        target.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        WholeCheckpoints().save_checkpoint({"epoch": 2}, path)
    assert torch.load(path, weights_only=True) == {"epoch": 1}
    assert os.listdir(tmp_path) == ["last.ckpt"]


class Line(pl.LightningModule):
    """y = wx, on batches as ours are."""

    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, index):
        loss = ((batch["x"] * self.w - batch["labels"]) ** 2).mean()
        self.log("train/loss", loss)
        return loss

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.01)


class ValidatedLine(Line):
    def validation_step(self, batch, index):
        values = {"validation/loss": 0.0, "validation/accuracy": 1.0}
        self.log_dict({name: torch.tensor(value) for name, value in values.items()}, batch_size=1)


def lines_of(caplog, folder, monkeypatch, *, terminal, report_every, validated=False):
    monkeypatch.setattr(get_console(), "_force_terminal", terminal)
    rows = [{"x": torch.tensor(1.0), "labels": torch.tensor(1.0)} for _ in range(8)]
    trainer = pl.Trainer(
        max_epochs=2, accumulate_grad_batches=2, callbacks=[Throughput(report_every=report_every)], accelerator="cpu",
        default_root_dir=folder, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    with quiet_libraries(), caplog.at_level(logging.INFO, logger="sentiment.training.callbacks"):
        loaders = [torch.utils.data.DataLoader(rows, batch_size=size) for size in (2, 4)]
        trainer.fit(ValidatedLine() if validated else Line(), *loaders[: 1 + validated])
    return [record.message for record in caplog.records if record.name == "sentiment.training.callbacks"]


def test_without_a_bar_lines_tell_how_far_training_is(caplog, tmp_path, monkeypatch):
    lines = lines_of(caplog, tmp_path, monkeypatch, terminal=False, report_every=0)
    assert len(lines) == 8
    last = re.fullmatch(r"epoch 2 of 2, step 4 of 4: loss (\S+), (\S+) texts/s, 0 min left", lines[-1])
    assert last
    assert 0 < float(last[1]) < 1
    assert float(last[2]) > 0
    assert "epoch 1 of 2, step 0 of 4: loss 1.0000" in lines[0]
    assert "1 min left" in lines[0]


def test_without_a_bar_lines_tell_how_far_validation_is(caplog, tmp_path, monkeypatch):
    lines = lines_of(caplog, tmp_path, monkeypatch, terminal=False, report_every=0, validated=True)
    told = [line for line in lines if line.startswith("validating")]
    assert told[-2:] == ["validating: 1 of 2 batches", "validating: 2 of 2 batches"]


def test_no_lines_beside_a_bar_or_before_their_time(caplog, tmp_path, monkeypatch):
    assert lines_of(caplog, tmp_path, monkeypatch, terminal=True, report_every=0) == []
    assert lines_of(caplog, tmp_path, monkeypatch, terminal=False, report_every=60) == []


def test_throughput_counts_the_wait_between_batches_but_not_validation(monkeypatch):
    now = 0.0
    monkeypatch.setattr("sentiment.training.callbacks.time.perf_counter", lambda: now)
    speed, trainer = Throughput(), SimpleNamespace(world_size=1)
    speed.on_train_start()
    monkeypatch.setattr(get_console(), "_force_terminal", True)
    for starts, ends, validated in ((1, 2, False), (5, 6, True), (106, 107, False)):
        now = starts
        speed.on_train_batch_start()
        now = ends
        speed.on_train_batch_end(trainer, None, None, {"labels": [0] * 3}, 0)
        if validated:
            speed.on_validation_start()
    assert (speed.samples, speed.seconds) == (9, 6)  # 1 to 6 and 106 to 107


def test_swa_is_the_mean_of_the_weights_of_the_last_part(tmp_path):
    weights, saved = [], []

    class Watch(pl.Callback):
        def on_train_batch_end(self, trainer, module, *_):
            weights.append(module.w.item())

        def on_train_epoch_end(self, trainer, module):
            trainer.save_checkpoint(tmp_path / "a.ckpt")
            saved.append(torch.load(tmp_path / "a.ckpt", weights_only=True)["state_dict"]["w"].item())

    rows = [{"x": torch.tensor(1.0), "labels": torch.tensor(1.0)} for _ in range(4)]
    trainer = pl.Trainer(
        max_epochs=2, callbacks=[StochasticAveraging(start=0.5), Watch()], accelerator="cpu",
        default_root_dir=tmp_path, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    with quiet_libraries():
        trainer.fit(Line(), DataLoader(rows))
    assert len(set(weights)) == 8
    assert saved == pytest.approx([weights[3], sum(weights[4:]) / 4]), "until then, the weights of the last step"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["+callbacks.mine={_target_:pytorch_lightning.callbacks.StochasticWeightAveraging,swa_lrs:1e-3}"],
            "callbacks.mine: Lightning's StochasticWeightAveraging sets its average after .*; set .callbacks=swa",
        ),
        (["callbacks=[default,ema,swa]"], "callbacks.ema and callbacks.swa: a run exports one average; leave one"),
    ],
)
def test_an_average_that_nothing_exports_is_refused(overrides, message, capsys):
    with pytest.raises(SystemExit):
        main(["train", *overrides])
    assert re.search(message, capsys.readouterr().err)
