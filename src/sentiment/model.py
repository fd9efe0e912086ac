"""The LightningModule: a pretrained encoder with a classification head, and how it learns."""

from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import pytorch_lightning as pl
import torch
from annotated_types import Ge, Gt, Le, Lt
from transformers import AutoConfig, AutoModelForSequenceClassification, SchedulerType, get_scheduler

from sentiment import metrics
from sentiment.backbones import resolve
from sentiment.errors import ModelError

Fraction = Annotated[float, Ge(0), Lt(1)]


class SentimentClassifier(pl.LightningModule):
    """Fine-tunes `backbone`, a packaged name, local folder or hub id, to tell `labels` apart.

    `optimizer` takes parameter groups, as a partial of torch.optim.AdamW does; `warmup` is a share of all steps.
    """

    def __init__(
        self,
        *,
        backbone: str,
        labels: Sequence[str],
        optimizer: Callable[..., torch.optim.Optimizer],
        lr: Annotated[float, Gt(0), Le(1)] = 5e-5,
        weight_decay: Annotated[float, Ge(0)] = 0.01,
        warmup: Fraction = 0.1,
        scheduler: SchedulerType = SchedulerType.LINEAR,
        dropout: Fraction | None = None,
    ) -> None:
        super().__init__()
        self.labels = list(labels)
        self.lr, self.weight_decay = lr, weight_decay
        self.warmup, self.scheduler = warmup, scheduler
        self.build_optimizer = optimizer
        self.network = load_network(backbone, self.labels, dropout)
        self.validation_metrics = metrics.build(len(self.labels))

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits (B, labels) of token ids (B, T)."""
        logits: torch.Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        loss = torch.nn.functional.cross_entropy(self._logits(batch), batch["labels"])
        self.log("train/loss", loss, prog_bar=True, batch_size=len(batch["labels"]))
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> None:
        logits, targets = self._logits(batch), batch["labels"]
        loss = torch.nn.functional.cross_entropy(logits, targets)
        self.log("validation/loss", loss, batch_size=len(targets))  # a mean over rows
        self.validation_metrics.update(logits.softmax(dim=-1), targets)

    def on_validation_epoch_end(self) -> None:
        values = metrics.flatten(self.validation_metrics.compute(), self.labels)
        for name, value in values.items():
            self.log(f"validation/{name}", value)
        self.validation_metrics.reset()

    def configure_optimizers(self) -> Any:
        optimizer = self.build_optimizer(decay_groups(self.network.parameters(), self.weight_decay))
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = get_scheduler(
            self.scheduler, optimizer, num_warmup_steps=round(self.warmup * steps), num_training_steps=steps
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _logits(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = self(batch["input_ids"], batch["attention_mask"]).float()
        return logits


def decay_groups(parameters: Iterable[torch.nn.Parameter], weight_decay: float) -> list[dict[str, Any]]:
    """Two parameter groups: matrices decay; biases and LayerNorm weights, the one-dimensional ones, do not."""
    trainable = [parameter for parameter in parameters if parameter.requires_grad]
    return [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]


def load_network(backbone: str, labels: Sequence[str], dropout: float | None) -> Any:
    """The pretrained encoder with a new head; ModelError where it cannot be had."""
    source = resolve(backbone)
    try:
        config = AutoConfig.from_pretrained(source)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: i for i, label in enumerate(labels)}
        if dropout is not None:
            config.classifier_dropout = dropout
        network = AutoModelForSequenceClassification.from_pretrained(
            source, config=config, dtype=torch.float32, ignore_mismatched_sizes=True
        )  # a head for another number of labels is replaced
        return network.train()  # it comes in eval mode, which Lightning would keep: no dropout
    except (OSError, ValueError) as error:
        raise ModelError(
            f"cannot load the backbone {backbone!r}: {str(error).splitlines()[0]}; "
            "set model.backbone to a hub id that can be reached or a local folder, or use model=minilm"
        ) from error
