"""What happens beside the training loop: a clean stop, an exact resume, and the measured speed."""

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any

import pytorch_lightning as pl
import torch

from sentiment.errors import Interrupted


class GracefulStop(pl.Callback):
    """Ctrl-C or SIGTERM ends the run after the current batch, with a checkpoint that `resume=` goes on from.

    A second Ctrl-C ends it at once.
    """

    def __init__(self, *, dirpath: Path) -> None:
        self.path = Path(dirpath) / "last.ckpt"
        self._asked = False
        self._before: dict[signal.Signals, Any] = {}

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._before = {number: signal.signal(number, self._ask) for number in (signal.SIGINT, signal.SIGTERM)}

    def on_train_batch_end(self, trainer: pl.Trainer, *args: Any) -> None:
        if self._asked:
            trainer.save_checkpoint(self.path)
            raise Interrupted(
                f"stopped after epoch {trainer.current_epoch + 1}, step {trainer.global_step}; "
                f"go on with: python train.py resume={self.path.parent.parent}"
            )

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._restore()

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}


class RandomState(pl.Callback):
    """Keeps torch's random state in each checkpoint, so that a resumed run draws what an unbroken one would."""

    def __init__(self) -> None:
        self._loaded: torch.Tensor | None = None

    def on_save_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["random_state"] = torch.get_rng_state()

    def on_load_checkpoint(self, trainer: pl.Trainer, module: pl.LightningModule, checkpoint: dict[str, Any]) -> None:
        self._loaded = checkpoint["random_state"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if self._loaded is not None:
            torch.set_rng_state(self._loaded)


class Throughput(pl.Callback):
    """Texts trained on and the seconds it took, validation left out."""

    def __init__(self) -> None:
        self.samples = 0
        self.seconds = 0.0
        self._started = 0.0

    @property
    def samples_per_second(self) -> float:
        return self.samples / self.seconds if self.seconds else 0.0

    def on_train_batch_start(self, *args: Any) -> None:
        self._started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.seconds += time.perf_counter() - self._started
        self.samples += len(batch["labels"])
