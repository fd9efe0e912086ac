"""LightningModule of a network with its optimizer, learning-rate schedule and gradient clipping."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import pytorch_lightning as pl
import torch
from annotated_types import Ge, Lt

from sentiment.training import param_groups
from sentiment.training.optimizers import AdamW, build_optimizer
from sentiment.training.schedules import build_schedule

Fraction = Annotated[float, Ge(0), Lt(1)]


class OptimizedModule(pl.LightningModule):
    """Base class of what is trained: a transformers network and how its weights are updated."""

    network: Any
    optimizer: Callable[..., torch.optim.Optimizer]
    lr: float
    weight_decay: float
    warmup_ratio: float
    layer_decay: float
    scheduler: Any
    lr_scheduler_kwargs: Mapping[str, Any]
    accelerate: bool
    tied = False  # whether the token vectors are the weights of the output too, whose gradient is dense

    @property
    def accelerated(self) -> bool:
        alone = self.trainer.world_size == 1
        return self.accelerate and alone and self.trainer.strategy.root_device.type == "cpu"

    def configure_optimizers(self) -> Any:
        optimizer = build_optimizer(
            self.optimizer,
            param_groups.groups(self.network, lr=self.lr, weight_decay=self.weight_decay, layer_decay=self.layer_decay),
        )
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
