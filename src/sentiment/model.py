"""The LightningModule: a pretrained encoder with a classification head, and how it learns."""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import pytorch_lightning as pl
import torch
from annotated_types import Ge, Gt, Le, Lt
from torch.distributed.fsdp import FSDPModule, fully_shard
from transformers import AutoConfig, AutoModelForSequenceClassification, SchedulerType, get_scheduler

from sentiment import metrics, parameters
from sentiment.acceleration import accelerate
from sentiment.backbones import out_of_reach, resolve
from sentiment.errors import ConfigError
from sentiment.metrics import IGNORED
from sentiment.optimizers import AdamW
from sentiment.runtimes import first_token_only

Fraction = Annotated[float, Ge(0), Lt(1)]
ClassWeights = Literal["balanced"] | Mapping[str, float]


class SentimentClassifier(pl.LightningModule):
    """Fine-tunes `backbone`, a packaged name, local folder or hub id, to tell `labels` apart.

    `optimizer` takes parameter groups, as a partial of torch.optim.AdamW does; `warmup` is a share of all steps.
    `class_weights` are those of the training loss, a number for each label, or "balanced": inverse to its count.
    `lora` is a peft.LoraConfig: then only its small matrices and the head learn (Hu et al. 2021).
    `accelerate` trains with our own attention, dropout and update of the token vectors where one process has a CPU.
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
        layer_decay: Annotated[float, Gt(0), Le(1)] = 1.0,
        scheduler: SchedulerType = SchedulerType.LINEAR,
        scheduler_args: Mapping[str, Any] | None = None,
        class_weights: ClassWeights | None = None,
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
        self.warmup, self.layer_decay = warmup, layer_decay
        self.scheduler, self.scheduler_args = scheduler, dict(scheduler_args or {})
        self.class_weights, self.label_smoothing = class_weights, label_smoothing
        self.weights: torch.Tensor | None = None  # (labels,), known once the data is read
        self.build_optimizer = optimizer
        self.accelerate = accelerate
        self.network = load_network(backbone, self.labels, dropout, attention_dropout)
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
        if stage == "fit" and self.accelerated:
            accelerate(self.network)
        if stage == "fit" and self.class_weights is not None:
            counts: Counter[str] = Counter(self.trainer.datamodule.splits["train"].labels)  # type: ignore[attr-defined]
            self.weights = torch.tensor(loss_weights(self.class_weights, self.labels, counts))

    def merged(self) -> Any:
        """The network as a plain one of transformers, adapters merged into the weights they adapt."""
        return self.network.merge_and_unload() if hasattr(self.network, "merge_and_unload") else self.network

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Logits (B, labels) of token ids (B, T)."""
        logits: torch.Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask).logits
        return logits

    def configure_model(self) -> None:
        """Under trainer=fsdp, divide the weights among the processes, layer by layer (FSDP2)."""
        if self.device_mesh is not None and not isinstance(self.network, FSDPModule):
            mesh = self.device_mesh["data_parallel"]
            for layers in [part for part in self.network.modules() if isinstance(part, torch.nn.ModuleList)]:
                for layer in layers:
                    fully_shard(layer, mesh=mesh)
            fully_shard(self.network, mesh=mesh)

    def on_fit_start(self) -> None:
        if self.global_rank:  # else the ranks would drop the same places of their rows
            torch.manual_seed(torch.initial_seed() + self.global_rank)

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        """The mean over the rows of all processes: each gives its part, and what they average is scaled back."""
        logits, targets = self._logits(batch), batch["labels"]
        weights = (torch.ones(len(self.labels)) if self.weights is None else self.weights).to(logits.device)
        losses = torch.nn.functional.cross_entropy(
            logits, targets, weights, reduction="sum", label_smoothing=self.label_smoothing
        )
        total = self.trainer.strategy.reduce(weights[targets[targets != IGNORED]].sum(), reduce_op="sum")
        loss = losses * self.trainer.world_size / total
        self.log("train/loss", loss, prog_bar=True, sync_dist=True, batch_size=1)
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> None:
        logits, targets = self._logits(batch), batch["labels"]
        logits, targets = logits[targets != IGNORED], targets[targets != IGNORED]
        if len(targets):
            self.validation_metrics.update(logits.softmax(dim=-1), targets)

    def on_validation_epoch_end(self) -> None:
        """Metrics of the rows of all processes, each counted once; torchmetrics gathers them."""
        for name, value in metrics.flatten(self.validation_metrics.compute(), self.labels).items():
            self.log(f"validation/{name}", value, sync_dist=True)
        self.validation_metrics.reset()

    def configure_optimizers(self) -> Any:
        optimizer = self.build_optimizer(
            parameters.groups(self.network, lr=self.lr, weight_decay=self.weight_decay, layer_decay=self.layer_decay)
        )
        if self.accelerated and isinstance(optimizer, AdamW):
            self.network.get_input_embeddings().sparse = True
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = get_scheduler(
            self.scheduler,
            optimizer,
            num_warmup_steps=round(self.warmup * steps),
            num_training_steps=steps,
            scheduler_specific_kwargs=self.scheduler_args,
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """As Lightning does, which knows no sparse gradients, and no fused optimizer in mixed precision."""
        if gradient_clip_val and gradient_clip_algorithm in (None, "norm"):
            parameters.clip_norm(self.parameters(), gradient_clip_val)
        else:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def _logits(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = self(batch["input_ids"], batch["attention_mask"]).float()
        return logits


def loss_weights(wanted: ClassWeights, labels: Sequence[str], counts: Mapping[str, int]) -> list[float]:
    """The weight of each label in the loss; balanced ones sum over all rows to the number of rows."""
    if isinstance(wanted, str):
        return [sum(counts.values()) / (len(labels) * max(counts[label], 1)) for label in labels]
    if set(wanted) != set(labels):
        raise ConfigError(f"model.class_weights={dict(wanted)}: give one weight for each of {', '.join(labels)}")
    return [float(wanted[label]) for label in labels]


def with_adapters(network: Any, lora: Any) -> Any:
    """`network` frozen, with low-rank adapters and the head to learn."""
    import peft

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        return peft.get_peft_model(network, lora)


def load_network(
    backbone: str, labels: Sequence[str], dropout: float | None = None, attention_dropout: float | None = None
) -> Any:
    """The pretrained encoder with a new head; ModelError where it cannot be had."""
    source = resolve(backbone)
    try:
        config = AutoConfig.from_pretrained(source)
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: i for i, label in enumerate(labels)}
        if dropout is not None:
            config.classifier_dropout = dropout
        if attention_dropout is not None:
            of_bert = "attention_probs_dropout_prob"
            setattr(config, of_bert if hasattr(config, of_bert) else "attention_dropout", attention_dropout)
        network = AutoModelForSequenceClassification.from_pretrained(
            source, config=config, dtype=torch.float32, ignore_mismatched_sizes=True
        )  # a head for another number of labels is replaced
        return first_token_only(network).train()  # it comes in eval mode, which Lightning would keep: no dropout
    except (OSError, ValueError) as error:
        raise out_of_reach(f"the backbone {backbone!r}", error) from error
