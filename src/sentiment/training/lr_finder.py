"""Trainer callback that finds a learning rate before training."""

import logging

import pytorch_lightning as pl
from pytorch_lightning.callbacks import LearningRateFinder

from sentiment.errors import ConfigError

log = logging.getLogger(__name__)


class FindLearningRate(LearningRateFinder):
    """Lightning's learning-rate finder, skipped on resume: a resumed run keeps the rate found at its start.

    Raises:
        ConfigError: The loss diverged before there was a rate to choose.
    """

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.ckpt_path is not None:
            return
        loop = trainer.fit_loop
        epochs, loop.max_epochs = loop.max_epochs, -1  # a short run would end before all rates are tried
        try:
            super().on_fit_start(trainer, pl_module)
        finally:
            loop.max_epochs = epochs
        assert self.optimal_lr is not None
        if self.optimal_lr._optimal_idx is None:
            raise ConfigError(
                f"callbacks.lr_finder: the loss diverged after {len(self.optimal_lr.results['lr'])} of "
                f"{self._num_training_steps} steps, too soon to choose a learning rate; lower "
                "callbacks.lr_finder.max_lr, or set model.lr without +callbacks=lr_finder"
            )
        trainer.strategy.setup_optimizers(trainer)  # the schedule and the layers start from the rate found
        log.info("learning rate %.3g", pl_module.lr)
