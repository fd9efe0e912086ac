"""LightningModule: a pretrained encoder with a classification head, its loss and its optimizer."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import pytorch_lightning as pl
import torch
from annotated_types import Ge, Gt, Le, Lt
from torch.distributed.fsdp import FSDPModule, fully_shard
from transformers import SchedulerType

from sentiment.data.batches import IGNORE_INDEX
from sentiment.data.labels import ClassWeights, read_class_weights
from sentiment.evaluation import metrics
from sentiment.training import param_groups as parameters
from sentiment.training.adapters import with_adapters
from sentiment.training.cpu_kernels import accelerate
from sentiment.training.networks import check_runs, load_network
from sentiment.training.optimizers import AdamW, build_optimizer
from sentiment.training.origins import ORIGIN
from sentiment.training.schedules import build_schedule, check_schedule

log = logging.getLogger(__name__)

Fraction = Annotated[float, Ge(0), Lt(1)]


class SentimentClassifier(pl.LightningModule):
    """Text classifier fine-tuned from a pretrained backbone.

    Args:
        backbone: a packaged name, local folder or Hugging Face Hub id.
        labels: the label names, in the order of the logits.
        optimizer: takes parameter groups, as a partial of torch.optim.AdamW does.
        revision: commit, branch or tag of a Hub id.
        warmup_ratio: fraction of all steps over which the learning rate rises.
        class_weights: loss weights, a number above 0 for each label, or "balanced": inverse to its count.
        lora: a `peft.LoraConfig`; only the adapters and the head are then trained (Hu et al. 2021).
        accelerate: use our own attention, dropout and sparse embedding updates when a single process trains on a CPU.
    """

    def __init__(
        self,
        *,
        backbone: str,
        labels: Sequence[str],
        optimizer: Callable[..., torch.optim.Optimizer],
        revision: str | None = None,
        lr: Annotated[float, Gt(0), Le(1)] = 5e-5,
        weight_decay: Annotated[float, Ge(0)] = 0.01,
        warmup_ratio: Fraction = 0.1,
        layer_decay: Annotated[float, Gt(0), Le(1)] = 1.0,
        scheduler: SchedulerType = SchedulerType.LINEAR,
        lr_scheduler_kwargs: Mapping[str, Any] | None = None,
        class_weights: Any = None,
        label_smoothing: Fraction = 0.0,
        freeze_embeddings: bool = False,
        lora: Any | None = None,
        dropout: Fraction | None = None,
        attention_dropout: Fraction | None = None,
        accelerate: bool = True,
    ) -> None:
        super().__init__()
        self.labels = list(labels)
        self.lr, self.weight_decay = lr, weight_decay
        self.warmup_ratio, self.layer_decay = warmup_ratio, layer_decay
        check_schedule(scheduler, lr_scheduler_kwargs, warmup_ratio=warmup_ratio)
        self.scheduler, self.lr_scheduler_kwargs = scheduler, dict(lr_scheduler_kwargs or {})
        self.class_weights, self.label_smoothing = read_class_weights(class_weights, self.labels), label_smoothing
        self.weights: torch.Tensor | None = None  # (labels,), set once the data is read
        self.optimizer = optimizer
        self.accelerate = accelerate
        self.backbone = backbone
        self.network, self.remarks = load_network(backbone, self.labels, dropout, attention_dropout, revision)
        if freeze_embeddings:
            parameters.freeze_embeddings(self.network)
        if lora is not None:
            self.network = with_adapters(self.network, lora)
        self.validation_metrics = metrics.build(len(self.labels))

    @property
    def accelerated(self) -> bool:
        alone = self.trainer.world_size == 1
        return self.accelerate and alone and self.trainer.strategy.root_device.type == "cpu"

    def setup(self, stage: str) -> None:
        if stage == "fit":
            for line in self.remarks:
                log.info("%s: %s", self.backbone, line)
            check_runs(self.network, self.backbone, self.trainer.datamodule.preprocessing.max_length)  # type: ignore[attr-defined]
        if stage == "fit" and self.accelerated:
            accelerate(self.network)
        if stage == "fit" and self.class_weights is not None:
            counts: Counter[str] = Counter(self.trainer.datamodule.splits["train"].labels)  # type: ignore[attr-defined]
            self.weights = torch.tensor(loss_weights(self.class_weights, self.labels, counts))

    def merged(self) -> Any:
        """Return the network as a plain transformers model, with adapters merged into the weights they adapt."""
        return self.network.merge_and_unload() if hasattr(self.network, "merge_and_unload") else self.network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Compute logits (B, labels) from token ids and attention mask (B, T)."""
        logits: torch.Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[ORIGIN] = {"backbone": self.backbone, "labels": self.labels}

    def configure_model(self) -> None:
        """Shard the weights across ranks, layer by layer, under trainer=fsdp (FSDP2)."""
        if self.device_mesh is not None and not isinstance(self.network, FSDPModule):
            mesh = self.device_mesh["data_parallel"]
            for layers in [part for part in self.network.modules() if isinstance(part, torch.nn.ModuleList)]:
                for layer in layers:
                    fully_shard(layer, mesh=mesh)
            fully_shard(self.network, mesh=mesh)

    def on_fit_start(self) -> None:
        if self.global_rank:  # else all ranks would draw the same dropout masks
            torch.manual_seed(torch.initial_seed() + self.global_rank)

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        """Return the weighted cross-entropy averaged over the global batch.

        Each rank returns sum * world_size / total weight, so that DDP's mean over ranks is the global mean.
        """
        logits, targets = self._logits(batch), batch["labels"]
        weights = (torch.ones(len(self.labels)) if self.weights is None else self.weights).to(logits)
        losses = torch.nn.functional.cross_entropy(
            logits, targets, weights, reduction="sum", label_smoothing=self.label_smoothing
        )
        total = self.trainer.strategy.reduce(weights[targets[targets != IGNORE_INDEX]].sum(), reduce_op="sum")
        loss = losses * self.trainer.world_size / total
        self.log("train/loss", loss, prog_bar=True, sync_dist=True, batch_size=1)
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> dict[str, torch.Tensor]:
        """Update the metrics, and return probabilities (B, labels) and targets (B,) without padding rows."""
        logits, targets = self._logits(batch), batch["labels"]
        logits, targets = logits[targets != IGNORE_INDEX], targets[targets != IGNORE_INDEX]
        probabilities = logits.softmax(dim=-1)
        if len(targets):
            self.validation_metrics.update(probabilities, targets)
        return {"probabilities": probabilities, "targets": targets}

    def on_validation_epoch_end(self) -> None:
        """Log the metrics over the rows of all ranks, each row counted once; torchmetrics gathers them."""
        for name, value in metrics.flatten(self.validation_metrics.compute(), self.labels).items():
            self.log(f"validation/{name}", value, sync_dist=True)
        self.validation_metrics.reset()

    def configure_optimizers(self) -> Any:
        optimizer = build_optimizer(
            self.optimizer,
            parameters.groups(self.network, lr=self.lr, weight_decay=self.weight_decay, layer_decay=self.layer_decay),
        )
        tokens = self.network.get_input_embeddings()
        if self.accelerated and isinstance(optimizer, AdamW) and type(tokens) is torch.nn.Embedding:
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
            clip = parameters.clip_value if str(gradient_clip_algorithm) == "value" else parameters.clip_norm
            clip(self.parameters(), gradient_clip_val)

    def _logits(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = self(batch["input_ids"], batch["attention_mask"]).float()
        return logits


def loss_weights(wanted: ClassWeights, labels: Sequence[str], counts: Mapping[str, int]) -> list[float]:
    """Return the loss weight of each label; balanced weights sum to the number of rows over all rows."""
    if isinstance(wanted, str):
        return [sum(counts.values()) / (len(labels) * max(counts[label], 1)) for label in labels]
    return [float(wanted[label]) for label in labels]
