"""LightningModule of a network with its optimizer, learning-rate schedule and gradient clipping."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import pytorch_lightning as pl
import torch
from annotated_types import Ge, Lt
from transformers import SchedulerType

from sentiment.training import param_groups
from sentiment.training.cpu_kernels import accelerate
from sentiment.training.optimizers import AdamW, build_optimizer
from sentiment.training.origins import ORIGIN, ROWS
from sentiment.training.schedules import build_schedule, check_schedule

log = logging.getLogger(__name__)

Fraction = Annotated[float, Ge(0), Lt(1)]


class OptimizedModule(pl.LightningModule):
    """Base class of what is trained: a transformers network and how its weights are updated.

    Raises:
        ConfigError: Training cannot drive the schedule, or it does not read an argument.
    """

    network: Any
    remarks: Sequence[str]  # on the loaded network, for the log
    tied = False  # whether the token vectors are the weights of the output too, whose gradient is dense

    def __init__(
        self,
        backbone: str,
        labels: Sequence[str],
        *,
        optimizer: Callable[..., torch.optim.Optimizer],
        lr: float,
        weight_decay: float,
        warmup_ratio: float,
        scheduler: SchedulerType,
        lr_scheduler_kwargs: Mapping[str, Any] | None,
        accelerate: bool,
        layer_decay: float = 1.0,
    ) -> None:
        super().__init__()
        check_schedule(scheduler, lr_scheduler_kwargs, warmup_ratio=warmup_ratio)
        self.backbone, self.labels, self.optimizer = backbone, list(labels), optimizer
        self.lr, self.weight_decay, self.warmup_ratio, self.layer_decay = lr, weight_decay, warmup_ratio, layer_decay
        self.scheduler, self.lr_scheduler_kwargs = scheduler, dict(lr_scheduler_kwargs or {})
        self.accelerate = accelerate

    def setup(self, stage: str) -> None:
        if stage == "fit":
            for line in self.remarks:
                log.info("%s: %s", self.backbone, line)
            if self.accelerated:
                accelerate(self.network)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        checkpoint[ORIGIN] = {"backbone": self.backbone, "labels": self.labels, **self.purpose}
        checkpoint[ROWS] = data.fingerprints

    @property
    def purpose(self) -> dict[str, str]:
        """The task and the kind of loss, which a checkpoint must share to go on."""
        return {}

    @property
    def accelerated(self) -> bool:
        alone = self.trainer.world_size == 1
        return self.accelerate and alone and self.trainer.strategy.root_device.type == "cpu"

    def parameter_groups(self) -> list[dict[str, Any]]:
        """Build the parameter groups of the optimizer."""
        how = {"lr": self.lr, "weight_decay": self.weight_decay, "layer_decay": self.layer_decay}
        return param_groups.groups(self.network, **how)

    def configure_optimizers(self) -> Any:
        optimizer = build_optimizer(self.optimizer, self.parameter_groups())
        optimizer.defaults["lr"] = self.lr  # by which schedules divide their min_lr or lr_end
        tokens = self.network.get_input_embeddings()
        sparse = self.accelerated and isinstance(optimizer, AdamW) and not self.tied
        if sparse and type(tokens) is torch.nn.Embedding:
            tokens.sparse = True
        schedule = build_schedule(
            self.scheduler,
            optimizer,
            steps=int(self.trainer.estimated_stepping_batches),
            warmup=self.warmup_ratio,
            arguments=self.lr_scheduler_kwargs,
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: Any = None
    ) -> None:
        """Clip gradients, also sparse ones and under fused optimizers in mixed precision, unlike Lightning."""
        if gradient_clip_val:
            clip = param_groups.clip_value if str(gradient_clip_algorithm) == "value" else param_groups.clip_norm
            clip(self.parameters(), gradient_clip_val)
