"""Trainer callbacks: graceful stop, exact resume, progress bar and throughput."""

import logging
import math
import signal
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Checkpoint, RichProgressBar
from rich import get_console

from sentiment.console import Reminder
from sentiment.errors import InterruptedRunError
from sentiment.training.checkpoints import ends_epoch, judging, of_all_ranks
from sentiment.training.resuming import how_to_go_on

log = logging.getLogger(__name__)


class GracefulStop(Checkpoint):
    """Graceful shutdown on Ctrl-C (SIGINT) or SIGTERM: stop after the current batch with a checkpoint for `resume=`.

    During validation the stop waits for its end, because only then is a checkpoint exact. A second signal stops at once
    and leaves the previous checkpoint to resume from. This is a `Checkpoint` so that Lightning calls it after last.ckpt
    is written.
    """

    def __init__(self, *, dirpath: Path) -> None:
        self.folder = Path(dirpath).parent
        self.path = Path(dirpath) / "last.ckpt"
        self._asked = False
        self._trainer: pl.Trainer | None = None
        self._before: dict[signal.Signals, Any] = {}

    def on_sanity_check_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._install(trainer)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._install(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        loop = trainer.fit_loop
        validates = loop.epoch_loop._should_check_val_fx(loop._data_fetcher)  # type: ignore[arg-type]
        if self._wanted(trainer) and not validates and not ends_epoch(trainer):
            trainer.save_checkpoint(self.path, weights_only=False)
            self._stop(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if judging(trainer) and not ends_epoch(trainer) and self._wanted(trainer):
            self._stop(trainer)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._wanted(trainer):
            self._stop(trainer)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._restore()

    def _wanted(self, trainer: pl.Trainer) -> bool:
        """Return True if any rank received a signal."""
        return trainer.strategy.reduce_boolean_decision(self._asked, all=False)

    def _stop(self, trainer: pl.Trainer) -> None:
        epoch = trainer.fit_loop.epoch_progress.current.ready
        raise InterruptedRunError(
            f"stopped in epoch {epoch}, after step {trainer.global_step}; {how_to_go_on(self.folder)}"
        )

    def _ask(self, number: int, frame: FrameType | None) -> None:
        assert self._trainer is not None
        if self._asked or self._trainer.sanity_checking:
            raise InterruptedRunError(f"stopped at once; {how_to_go_on(self.folder)}")
        self._asked = True
        what = "validation" if self._trainer.validating else "batch"
        log.info("stopping after this %s, with a checkpoint; once more stops at once and goes back to the former", what)

    def _install(self, trainer: pl.Trainer) -> None:
        self._trainer = trainer
        if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
            return
        for number in (signal.SIGINT, signal.SIGTERM):
            former = signal.signal(number, self._ask)
            self._before.setdefault(number, former)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


class ExactResume(pl.Callback):
    """Restoration of RNG and dataloader state, so that a resumed run continues like an uninterrupted one.

    Lightning saves the dataloader state but restores it only into an unused dataloader, and a schedule that reads
    `estimated_stepping_batches` has used it already.
    """

    def __init__(self) -> None:
        self._loaded: dict[str, Any] | None = None

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["exact_resume"] = {
            "random": of_all_ranks(torch.get_rng_state()),
            "loader": trainer.train_dataloader.state_dict(),  # type: ignore[union-attr]
        }

    def on_load_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        self._loaded = checkpoint["exact_resume"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._loaded is not None:
            trainer.train_dataloader.load_state_dict(self._loaded["loader"])  # type: ignore[union-attr]
            states = self._loaded["random"]
            torch.set_rng_state(states[trainer.global_rank % len(states)])


def epoch_of(trainer: pl.Trainer, epoch: int) -> str:
    """Name an epoch, counted from 1, and how many there are where epochs end the training."""
    last = trainer.max_epochs
    return f"epoch {epoch + 1}" + (f" of {last}" if last not in (None, -1) else "")


class ProgressBar(RichProgressBar):
    """Lightning's progress bar with epochs counted from 1, on a terminal alone; elsewhere `Throughput` reports."""

    _next = 0.0  # when the loss is read again
    _loss: float | None = None

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        if not get_console().is_terminal:
            self.disable()

    def _get_train_description(self, current_epoch: int) -> str:
        return epoch_of(self.trainer, current_epoch).ljust(len(self.validation_description))

    def get_metrics(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> dict[str, Any]:
        """Return the training loss, read once a second: reading it waits for the GPU."""
        if time.monotonic() >= self._next and (loss := trainer.callback_metrics.get("train/loss")) is not None:
            self._next, self._loss = time.monotonic() + 1, loss.item()
        return {} if self._loss is None else {"train/loss": self._loss}


class Throughput(pl.Callback):
    """Training throughput: texts over all ranks and seconds, validation excluded.

    Logged at each validation and, if the console is not a terminal, every `report_every` seconds, within one too.
    """

    def __init__(self, *, report_every: float = 60.0) -> None:
        self.report_every = report_every
        self.samples = 0
        self.seconds = 0.0
        self._steps = 0
        self._started = 0.0
        self._reminder = Reminder(get_console(), every=report_every)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Log one line per validation, for logs and terminals without a progress bar."""
        if not judging(trainer):
            return
        values = trainer.callback_metrics
        single = "validation/accuracy" in values
        log.info(
            "%s: validation loss %.4f, %s %.4f, %.1f texts/s",
            epoch_of(trainer, trainer.current_epoch),
            values["validation/loss"],
            *(("accuracy", values["validation/accuracy"]) if single else ("macro F1", values["validation/f1"])),
            self.samples_per_second,
        )

    def state_dict(self) -> dict[str, Any]:
        return {"samples": self.samples, "seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.samples, self.seconds = state_dict["samples"], state_dict["seconds"]

    @property
    def samples_per_second(self) -> float:
        return self.samples / self.seconds if self.seconds else 0.0

    def on_train_start(self, *args: Any) -> None:
        self._reminder = Reminder(get_console(), every=self.report_every)

    def on_train_epoch_start(self, *args: Any) -> None:
        self._started = 0.0

    def on_validation_start(self, *args: Any) -> None:
        self._started = 0.0

    def on_validation_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int, *_: Any
    ) -> None:
        if self._reminder.due():
            log.info("validating: %d of %s batches", batch_idx + 1, trainer.num_val_batches[0])

    def on_train_batch_start(self, *args: Any) -> None:
        """Start the clock, or let it run on: the host waits for a GPU between batches, not within them."""
        self._started = self._started or time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        self.seconds, self._started = self.seconds + now - self._started, now
        self.samples += len(batch["labels"]) * trainer.world_size
        self._steps += 1
        if self._reminder.due():
            self._report(trainer)

    def _report(self, trainer: pl.Trainer) -> None:
        steps, total = trainer.global_step, trainer.estimated_stepping_batches
        left = (total - steps) * trainer.accumulate_grad_batches * self.seconds / self._steps
        log.info(
            "%s, step %d of %s: loss %.4f, %.1f texts/s, %d min left",
            epoch_of(trainer, trainer.current_epoch),
            steps,
            total,
            trainer.callback_metrics["train/loss"],
            self.samples_per_second,
            math.ceil(left / 60),
        )
