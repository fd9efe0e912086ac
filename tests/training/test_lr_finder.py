"""The learning-rate finder: what it tries, and what a run does with the rate found."""

import pytest
import pytorch_lightning as pl
import torch

from sentiment.console import quiet_libraries
from sentiment.errors import ConfigError
from sentiment.training.lr_finder import FindLearningRate


class Line(pl.LightningModule):
    """y = wx + b, whose b learns at half the rate of w, and both less at each step."""

    def __init__(self, error=1.0):
        super().__init__()
        self.lr, self.error = 0.5, error
        self.w, self.b = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
        self.rates = []

    def on_train_batch_start(self, batch, index):
        self.rates.append([group["lr"] for group in self.optimizers().param_groups])

    def training_step(self, batch, index):
        return ((batch * self.w + self.b - 2 * batch) ** 2).mean() * self.error ** len(self.rates)

    def configure_optimizers(self):
        groups = [{"params": [self.w], "lr": self.lr}, {"params": [self.b], "lr": self.lr / 2}]
        optimizer = torch.optim.SGD(groups)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / 4)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def fit(line, folder, **settings):
    finder = FindLearningRate(min_lr=1e-4, max_lr=0.1, num_training_steps=20, **settings)
    trainer = pl.Trainer(
        max_epochs=2, callbacks=[finder], accelerator="cpu", default_root_dir=folder, logger=False,
        enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    with quiet_libraries():
        trainer.fit(line, torch.utils.data.DataLoader(torch.ones(4), batch_size=2))
    return finder.optimal_lr.results["lr"], trainer


def test_a_run_follows_the_rate_that_was_found_over_all_its_steps_and_groups(tmp_path):
    line = Line()
    tried, trainer = fit(line, tmp_path)
    assert len(tried) == 20  # though the run has four steps
    assert tried[-1] == pytest.approx(0.1)
    assert line.lr in tried
    taken = [[line.lr * share, line.lr * share / 2] for share in (1, 0.75, 0.5, 0.25)]
    torch.testing.assert_close(torch.tensor(line.rates[-4:]), torch.tensor(taken))
    assert (trainer.max_epochs, trainer.current_epoch, trainer.global_step) == (2, 2, 4)


def test_a_loss_that_diverges_at_once_gives_no_rate(tmp_path):
    with pytest.raises(ConfigError, match=r"the loss diverged after \d+ of 20 steps, too soon to choose"):
        fit(Line(error=10.0), tmp_path)
