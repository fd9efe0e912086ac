"""Checkpoints of a run: last.ckpt to resume from, and best.ckpt of the best validation.

Each stores the validation predictions it was judged by, so that two checkpoints can be compared text by text.
"""

import errno
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO
from pytorch_lightning.trainer.states import TrainerFn

from sentiment.errors import ConfigError, ModelError
from sentiment.files import replacing

VALIDATION = "validation"  # checkpoint key of the validation predictions


@dataclass(frozen=True)
class Judged:
    """Result of one validation.

    Args:
        number: index of the validation within the run, from 1.
        epoch: epoch in which it ran, from 1.
        batches: training batches before it.
        score: value of the monitored metric.
        probabilities: (N, labels), with the texts in the same order at each validation.
        targets: label indices (N,).
    """

    number: int
    epoch: int
    batches: int
    score: float
    probabilities: torch.Tensor
    targets: torch.Tensor


class FinalValidation(pl.Callback):
    """Validation of the final weights, for runs whose last step is not one after which Lightning validates."""

    def __init__(self) -> None:
        self._validated = -1

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if judging(trainer):
            self._validated = trainer.fit_loop.total_batch_idx

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if is_last_epoch(trainer) and self._validated != trainer.fit_loop.total_batch_idx:
            validate_within_fit(trainer)


class BestCheckpoint(Checkpoint):
    """Callback that writes best.ckpt after a validation whose `monitor` is the best so far.

    It also adds the validation's predictions to every checkpoint saved at the same step.
    """

    def __init__(self, *, dirpath: Path, monitor: str, mode: Literal["min", "max"] = "max") -> None:
        self.path = Path(dirpath) / "best.ckpt"
        self.monitor, self.mode = monitor, mode
        self.judged: Judged | None = None  # result of the latest validation
        self.best_score: float | None = None
        self.number = 0
        self._parts: list[dict[str, torch.Tensor]] = []

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._parts = []

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, *args: Any, **kwargs: Any
    ) -> None:
        self._parts.append({name: value.cpu() for name, value in outputs.items()})

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking or not self._parts:
            return
        self.number += judging(trainer)
        answers = {name: gather([part[name] for part in self._parts]) for name in self._parts[0]}
        self._parts = []
        score = float(trainer.callback_metrics[self.monitor])
        check_numbers(self.monitor, score, answers["probabilities"])
        self.judged = Judged(
            self.number, trainer.current_epoch + 1, trainer.fit_loop.total_batch_idx + 1, score, **answers
        )
        if judging(trainer) and not ends_epoch(trainer):
            self._save(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self.judged and self.judged.batches == trainer.fit_loop.total_batch_idx + 1:
            self._save(trainer)

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        if self.judged and self.judged.batches == trainer.fit_loop.total_batch_idx + 1:
            checkpoint[VALIDATION] = vars(self.judged)

    def state_dict(self) -> dict[str, Any]:
        return {"best_score": self.best_score, "number": self.number}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_score, self.number = state_dict["best_score"], state_dict["number"]

    def _save(self, trainer: pl.Trainer) -> None:
        assert self.judged is not None
        score, best = self.judged.score, self.best_score
        if best is None or (score > best if self.mode == "max" else score < best):
            self.best_score = score
            trainer.save_checkpoint(self.path, weights_only=False)


class LastCheckpoint(Checkpoint):
    """Callback that writes last.ckpt after each validation and each epoch."""

    def __init__(self, *, dirpath: Path) -> None:
        self.path = Path(dirpath) / "last.ckpt"

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if judging(trainer) and not ends_epoch(trainer):
            trainer.save_checkpoint(self.path, weights_only=False)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.save_checkpoint(self.path, weights_only=False)


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoint writer that writes to a temporary file and renames it: a full disk costs only the new checkpoint."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any | None = None) -> None:
        with replacing(Path(path)) as temporary:
            try:
                torch.save(checkpoint, temporary)
            except RuntimeError as error:  # PyTorch's writer sets no errno
                if not any(word in str(error) for word in ("PytorchStreamWriter", "inline_container", "iostream")):
                    raise
                raise OSError(
                    errno.ENOSPC, "the checkpoint could not be written, is the disk full?", str(path)
                ) from error


def check_numbers(monitor: str, score: float, probabilities: torch.Tensor) -> None:
    """Check that the predictions are finite and that the monitored metric is defined.

    Raises:
        ModelError: a probability is NaN or infinite, because the training diverged.
        ConfigError: the monitored metric is NaN on these validation texts.
    """
    if not probabilities.isfinite().all():
        raise ModelError(
            "the validation answers are not numbers: the training diverged; lower model.lr, or set "
            "trainer.precision=32-true"
        )
    if math.isnan(score):
        raise ConfigError(f"callbacks.best.monitor={monitor}: the validation texts have no such score, take another")


def judging(trainer: pl.Trainer) -> bool:
    """Return True within `trainer.fit`, except during its sanity check; meant for validation hooks."""
    return trainer.state.fn == TrainerFn.FITTING and not trainer.sanity_checking


def ends_epoch(trainer: pl.Trainer) -> bool:
    """Return True at the last batch of an epoch, where the checkpoint at the epoch's end resumes exactly."""
    loop = trainer.fit_loop.epoch_loop
    return bool(loop.batch_progress.is_last_batch) or loop.done


def is_last_epoch(trainer: pl.Trainer) -> bool:
    """Return True at the end of the epoch after which training stops."""
    loop = trainer.fit_loop
    steps = 0 <= trainer.max_steps <= trainer.global_step
    done: Any = loop.epoch_progress.current
    epochs = trainer.max_epochs is not None and 0 <= trainer.max_epochs <= done.processed
    return steps or epochs or (trainer.should_stop and loop._can_stop_early)


def validate_within_fit(trainer: pl.Trainer) -> None:
    """Run a validation the way Lightning's training loop does between two batches."""
    loop, connector = trainer.fit_loop.epoch_loop, trainer._logger_connector
    first = connector._first_loop_iter
    trainer.validating = True
    loop.val_loop.run()
    trainer.training = True
    connector._first_loop_iter = first


def gather(parts: list[torch.Tensor]) -> torch.Tensor:
    """Concatenate the rows of all batches of all ranks, in the same order each time."""
    return torch.cat(of_all_ranks(torch.cat(parts)))


def of_all_ranks(value: torch.Tensor) -> list[torch.Tensor]:
    if not torch.distributed.is_initialized():
        return [value]
    values = [value] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return values


def read_judged(path: Path) -> tuple[dict[str, torch.Tensor], Judged]:
    """Load a checkpoint's weights and the result of its validation."""
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    return checkpoint["state_dict"], Judged(**checkpoint[VALIDATION])
