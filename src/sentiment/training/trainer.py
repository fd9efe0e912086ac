"""The Trainer of a run: how it is built, checked and started."""

from pathlib import Path

import pytorch_lightning as pl
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning_fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf

from sentiment.data.module import SentimentData
from sentiment.errors import ConfigError
from sentiment.training.checkpoints import WholeCheckpoints
from sentiment.training.cpu_kernels import kept_memory
from sentiment.training.origins import check_resumable


def build_trainer(cfg: DictConfig) -> pl.Trainer:
    """Build the Trainer with its callbacks, loggers and plugins, before any data is read.

    Raises:
        ConfigError: the config asks for something that this machine or Lightning does not have.
    """
    progress = cfg.trainer.get("enable_progress_bar") is not False
    wired = {name: node for name, node in cfg.callbacks.items() if node and (progress or name != "progress")}
    settings = {**OmegaConf.to_container(cfg.trainer, resolve=True), "plugins": None}  # type: ignore[dict-item]
    try:
        callbacks = [instantiate(node) for node in wired.values()]
        if settings["enable_progress_bar"] is None:  # Lightning would bring a bar where no callback is one
            settings["enable_progress_bar"] = any(
                isinstance(callback, pl.callbacks.ProgressBar) for callback in callbacks
            )
        loggers = [instantiate(node) for node in cfg.logger.values() if node]
        plugins = [WholeCheckpoints(), *(instantiate(node) for node in cfg.trainer.get("plugins") or [])]
        trainer: pl.Trainer = instantiate(
            settings, callbacks=callbacks, logger=loggers or False, plugins=plugins, _convert_="all"
        )
    except InstantiationException as error:
        if not isinstance(error.__cause__, MisconfigurationException | ValueError | TypeError | ImportError):
            raise
        raise ConfigError(f"trainer: {str(error.__cause__).splitlines()[0]}") from error
    return trainer


def check_batches(cfg: DictConfig, data: SentimentData) -> None:
    """Raise ConfigError if an epoch has fewer batches than `val_check_interval`, so that no validation would run."""
    every = cfg.trainer.get("val_check_interval")
    batches, limit = len(data.train_dataloader()), cfg.trainer.get("limit_train_batches")
    if limit is not None:
        batches = min(batches, limit) if isinstance(limit, int) else int(batches * limit)
    if isinstance(every, int) and cfg.trainer.get("check_val_every_n_epoch") is not None and every > batches:
        raise ConfigError(
            f"trainer.val_check_interval={every}: an epoch has {batches} batches; lower it, or count batches over all "
            "epochs with trainer.check_val_every_n_epoch=null"
        )


def fit(
    cfg: DictConfig, trainer: pl.Trainer, model: pl.LightningModule, data: SentimentData, checkpoint: Path | None
) -> None:
    """Tell the loggers the config, and train, resuming from `checkpoint` if given.

    Raises:
        ConfigError: the checkpoint is of another model, or Lightning rejects the configuration.
        KeyboardInterrupt: Lightning turned Ctrl-C into SystemExit.
    """
    for logger in trainer.loggers:
        logger.log_hyperparams(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]
    if checkpoint is not None:
        ends = {"max_epochs": trainer.max_epochs, "max_steps": trainer.max_steps}
        check_resumable(model, checkpoint, data.fingerprints, **ends)  # type: ignore[arg-type]
    try:
        with kept_memory():
            trainer.fit(model, datamodule=data, ckpt_path=checkpoint, weights_only=True)
    except MisconfigurationException as error:
        raise ConfigError(f"trainer: {str(error).strip().splitlines()[0]}") from error
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from error
        raise
