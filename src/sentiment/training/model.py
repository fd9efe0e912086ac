"""LightningModule: a pretrained encoder with a classification head, its loss and its optimizer."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Le
from transformers import SchedulerType

from sentiment.data.batches import row_mask
from sentiment.data.new_tokens import Wanted
from sentiment.evaluation import computation
from sentiment.export.exits import check_layers
from sentiment.inference.batching import takes_types
from sentiment.inference.packing import enable_packing, packs
from sentiment.inference.tasks import SINGLE, Decoding
from sentiment.training import param_groups
from sentiment.training.adapters import with_adapters
from sentiment.training.exit_heads import ExitHeads
from sentiment.training.gpu_kernels import compile_layers
from sentiment.training.losses import as_loss, distillation_loss, symmetric_divergence
from sentiment.training.networks import check_runs, load_network, shard
from sentiment.training.optimized import Fraction, OptimizedModule
from sentiment.training.tasks import Single, Task

COMPILED_STEPS = 2000  # compiling takes about half a minute

Layers = Sequence[Annotated[int, Ge(0)]] | None
Teachers = str | Sequence[str] | None  # run folders, exports, hub ids


class SentimentClassifier(OptimizedModule):
    """Text classifier fine-tuned from a pretrained backbone.

    Args:
        backbone: a packaged name, local folder or Hugging Face Hub id.
        labels: the label names, in the order of the logits.
        optimizer: takes parameter groups, as a partial of torch.optim.AdamW does.
        revision: commit, branch or tag of a Hub id.
        new_tokens: tokens that the tokenizer lacks, as `sentiment.data.new_tokens.read_wanted` takes them.
        warmup_ratio: fraction of all steps over which the learning rate rises.
        task: the kind of label; one of several by default.
        loss: a `Loss`, or a function of logits and targets; by default the task's.
        layers: the layers to keep, counted from 0; None keeps all.
        exits: the layers, counted from 1, after which a sure text may be answered, trained for it; or None.
        lora: a `peft.LoraConfig`; only the adapters and the head are then trained (Hu et al. 2021).
        teacher: the models whose answers `batch["soft_targets"]` has; None trains on the labels alone.
        teacher_temperature: softens the answers of teacher and student alike (Hinton et al. 2015).
        teacher_share: weight of the divergence from the teacher; the labels have the rest.
        r_drop: weight of the divergence between two passes with other dropout (Liang et al. 2021, R-Drop).
        accelerate: on a GPU in bf16, pack BERT's rows so that no padding is computed; on a CPU in a single process, use
            our own attention, dropout and sparse embedding updates.
        compile: compile the layers with torch.compile, on a GPU alone; None: for runs of at least `COMPILED_STEPS`.
    """

    def __init__(
        self,
        *,
        backbone: str,
        labels: Sequence[str],
        optimizer: Callable[..., torch.optim.Optimizer],
        revision: str | None = None,
        new_tokens: Wanted = None,
        lr: Annotated[float, Gt(0), Le(1)] = 5e-5,
        weight_decay: Annotated[float, Ge(0)] = 0.01,
        warmup_ratio: Fraction = 0.1,
        layer_decay: Annotated[float, Gt(0), Le(1)] = 1.0,
        scheduler: SchedulerType = SchedulerType.LINEAR,
        lr_scheduler_kwargs: Mapping[str, Any] | None = None,
        task: Any = None,
        loss: Any = None,
        layers: Layers = None,
        exits: Layers = None,
        teacher: Teachers = None,
        teacher_temperature: Annotated[float, Gt(0)] = 2.0,
        teacher_share: Annotated[float, Gt(0), Le(1)] = 0.5,
        r_drop: Annotated[float, Ge(0)] = 0.0,
        freeze_embeddings: bool = False,
        lora: Any | None = None,
        dropout: Fraction | None = None,
        attention_dropout: Fraction | None = None,
        accelerate: bool = True,
        compile: bool | None = None,
    ) -> None:
        super().__init__(
            backbone,
            labels,
            optimizer=optimizer,
            lr=lr,
            weight_decay=weight_decay,
            warmup_ratio=warmup_ratio,
            layer_decay=layer_decay,
            scheduler=scheduler,
            lr_scheduler_kwargs=lr_scheduler_kwargs,
            accelerate=accelerate,
        )
        self.task: Task = Single() if task is None else task
        self.loss = self.task.default_loss() if loss is None else as_loss(loss)
        self.task.check_loss(self.loss)
        self.decoding: Decoding = SINGLE  # set once the data is read
        self.compile_layers, self.teacher, self.r_drop = compile, teacher, r_drop
        self.teacher_temperature, self.teacher_share = teacher_temperature, teacher_share
        self.network, self.remarks = load_network(
            backbone, self.labels, dropout, attention_dropout, revision, new_tokens, layers
        )
        self.exit_heads = None
        if exits is not None:
            config = self.network.config
            check_layers(exits, config.num_hidden_layers, "model.exits")
            self.exit_heads = ExitHeads(exits, width=config.hidden_size, labels=len(self.labels))
        if freeze_embeddings:
            param_groups.freeze_embeddings(self.network)
        if lora is not None:
            self.network = with_adapters(self.network, lora)

    @property
    def on_gpu(self) -> bool:
        return bool(self.trainer.strategy.root_device.type == "cuda")

    @property
    def packable(self) -> bool:
        half = str(self.trainer.precision).startswith(("bf16", "16"))  # flash attention has no fp32
        return half and self.device_mesh is None and packs(self.network)

    @property
    def purpose(self) -> dict[str, str]:
        return {"task": self.task.kind, "loss": self.loss.link}

    def setup(self, stage: str) -> None:
        if stage != "fit":
            return
        data: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        longest, precision = data.preprocessing.max_length, str(self.trainer.precision)
        check_runs(self.network, self.backbone, longest, precision=precision)
        super().setup(stage)
        if self.on_gpu:
            # it would write every new tensor twice
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
            data.pinned = True
            if self.accelerate and self.packable:
                enable_packing(self.network)
                data.packed = True
        counts: Counter[Any] = Counter(data.splits["train"].labels)
        self.loss.prepare(self.labels, counts)
        self.decoding = self.task.decoding(self.labels, counts, self.loss)
        self.validation_metrics = computation.build(len(self.labels), self.decoding)

    def merged(self) -> Any:
        """Return the network as a plain transformers model, with adapters merged into the weights they adapt."""
        return self.network.merge_and_unload() if hasattr(self.network, "merge_and_unload") else self.network

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor | None = None, **others: Any
    ) -> torch.Tensor:
        """Compute logits (B, labels) from token ids, attention mask and, with aspects, token types (B, T).

        Or from what `sentiment.inference.packing.pack` makes of rows.
        """
        logits: torch.Tensor = self.network(input_ids=input_ids, attention_mask=attention_mask, **others).logits
        return logits

    def parameter_groups(self) -> list[dict[str, Any]]:
        own = list(self.exit_heads.parameters()) if self.exit_heads else []
        heads = {"params": own, "lr": self.lr, "weight_decay": self.weight_decay}
        return super().parameter_groups() + ([heads] if own else [])

    def configure_model(self) -> None:
        """Shard the weights across ranks, layer by layer, under trainer=fsdp (FSDP2)."""
        if self.device_mesh is not None:
            shard(self.network, [self.exit_heads] if self.exit_heads else [], self.device_mesh["data_parallel"])

    def on_fit_start(self) -> None:
        if self.global_rank:  # else all ranks would draw the same dropout masks
            torch.manual_seed(torch.initial_seed() + self.global_rank)

    def on_train_start(self) -> None:
        long = self.trainer.estimated_stepping_batches >= COMPILED_STEPS
        if self.on_gpu and (long if self.compile_layers is None else self.compile_layers):
            compile_layers(self.network)

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        """Return the loss averaged over the global batch, by the weights of its rows.

        Each rank returns sum * world_size / total weight, so that DDP's mean over ranks is the global mean.
        """
        logits, early = self._all_logits(batch)
        loss = self._loss(logits, batch)
        if self.r_drop:
            again = self._logits(batch)
            divergence = symmetric_divergence(self.decoding.log_scores(logits), self.decoding.log_scores(again))
            rows = row_mask(batch["labels"]).to(divergence)
            loss = (loss + self._loss(again, batch)) / 2 + self.r_drop * self._mean(divergence * rows, rows)
        if early:
            loss = loss + sum(self._loss(one, batch) for one in early) / len(early)
        self.log("train/loss", loss, sync_dist=True, batch_size=1)  # `prog_bar` would wait for the GPU
        return loss

    def _loss(self, logits: torch.Tensor, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Return the loss on the labels, mixed with the divergence from the teacher where there is one."""
        targets = batch["labels"]
        labelled = row_mask(targets)
        if self.trainer.world_size == 1 and not self.teacher:
            loss = self._mean(self.loss(logits, targets), self.loss.row_weights(targets))
        else:  # a rank without rows of a small batch has padding rows, and unlabelled texts have no label
            loss = self._mean(self.loss(logits[labelled], targets[labelled]), self.loss.row_weights(targets[labelled]))
        if not self.teacher:
            return loss
        answers = batch["soft_targets"]
        soft = distillation_loss(self.decoding.log_scores(logits), answers, self.teacher_temperature)
        return (1 - self.teacher_share) * loss + self.teacher_share * self._mean(soft, answers.sum(dim=-1))

    def _mean(self, losses: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Divide the sum of a rank's losses by the weights of all ranks' rows, times the number of ranks."""
        total = self.trainer.strategy.reduce(weights.sum(), reduce_op="sum")
        return losses.sum() * self.trainer.world_size / total.clamp_min(torch.finfo(torch.float32).tiny)

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> dict[str, torch.Tensor]:
        """Update the metrics, and return probabilities (B, labels) and targets without padding rows."""
        logits, targets = self._logits(batch), batch["labels"]
        kept = row_mask(targets)
        logits, targets = logits[kept], targets[kept]
        probabilities = self.decoding.normalized(self.decoding.log_scores(logits))
        if len(targets):
            self.validation_metrics.update(probabilities, targets)
        return {"probabilities": probabilities, "targets": targets}

    def on_validation_epoch_end(self) -> None:
        """Log the metrics over the rows of all ranks, each row counted once; torchmetrics gathers them."""
        for name, value in computation.flatten(self.validation_metrics.compute(), self.labels).items():
            self.log(f"validation/{name}", value, sync_dist=True)
        self.validation_metrics.reset()

    def _logits(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        logits: torch.Tensor = self(**self._inputs(batch)).float()
        return logits

    def _all_logits(self, batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Return the logits of all layers, (B, labels), and those of each exit."""
        if self.exit_heads is None:
            return self._logits(batch), []
        inputs = self._inputs(batch)
        found = self.network(**inputs, output_hidden_states=True)
        return found.logits.float(), self.exit_heads(found.hidden_states, inputs)

    def _inputs(self, batch: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        left = {"labels", "soft_targets", *(() if takes_types(self.network.config) else ("token_type_ids",))}
        return {name: one for name, one in batch.items() if name not in left}
