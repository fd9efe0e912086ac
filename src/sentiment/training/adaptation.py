"""Masked-language-model adaptation of a backbone to texts (Devlin et al. 2019, Gururangan et al. 2020)."""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Le, Lt
from torch.nn.functional import cross_entropy
from transformers import SchedulerType

from sentiment.backbones import load_config, load_tokenizer, out_of_reach, resolve
from sentiment.data.batches import IGNORE_INDEX
from sentiment.data.new_tokens import Wanted, extend, grow
from sentiment.errors import ConfigError, ModelError
from sentiment.export.huggingface import write_weights
from sentiment.files import replacing, write_text
from sentiment.inference.checksums import write_checksums
from sentiment.training.networks import check_whole
from sentiment.training.optimized import Fraction, OptimizedModule

KEPT, RANDOM = 0.1, 0.1  # shares of the chosen tokens that stay, and that another takes the place of
CARD = """\
---
library_name: transformers
pipeline_tag: fill-mask
---
# {name}

{backbone}, adapted by masked-language modelling to {texts:,} texts; perplexity of masked tokens on validation:
{perplexity:.2f}. A backbone for fine-tuning: `model.backbone=path/to/export`.
"""


class MaskedTokens:
    """Task of an adaptation: the token that a mask stands for."""

    kind = "masked"

    def order(self, labels: Iterable[str]) -> list[str]:
        return []


class MaskedLanguageModel(OptimizedModule):
    """Backbone with a head that predicts masked tokens.

    Args:
        backbone: a packaged name, local folder or Hugging Face Hub id.
        optimizer: takes parameter groups, as a partial of torch.optim.AdamW does.
        revision: commit, branch or tag of a Hub id.
        new_tokens: tokens that the tokenizer lacks; their vectors learn here.
        mask_probability: share of the tokens that are predicted.
        whole_words: mask all pieces of a word together, where the tokenizer marks the later ones with ##.
        seed: of the masks, which depend on it and on the batch alone.
        accelerate: use our own attention and dropout when a single process trains on a CPU.
    """

    tied = True
    special: torch.Tensor  # (vocabulary,), the tokens that are never masked
    starts: torch.Tensor  # (vocabulary,), the tokens that begin a word

    def __init__(
        self,
        *,
        backbone: str,
        optimizer: Callable[..., torch.optim.Optimizer],
        revision: str | None = None,
        new_tokens: Wanted = None,
        mask_probability: Annotated[float, Gt(0), Lt(1)] = 0.15,
        whole_words: bool = False,
        lr: Annotated[float, Gt(0), Le(1)] = 1e-4,
        weight_decay: Annotated[float, Ge(0)] = 0.01,
        warmup_ratio: Fraction = 0.06,
        scheduler: SchedulerType = SchedulerType.LINEAR,
        lr_scheduler_kwargs: Mapping[str, Any] | None = None,
        seed: int = 42,
        accelerate: bool = True,
    ) -> None:
        super().__init__(
            backbone,
            [],
            optimizer=optimizer,
            lr=lr,
            weight_decay=weight_decay,
            warmup_ratio=warmup_ratio,
            scheduler=scheduler,
            lr_scheduler_kwargs=lr_scheduler_kwargs,
            accelerate=accelerate,
        )
        self.mask_probability, self.seed = mask_probability, seed
        self.network, tokenizer, self.kept, self.remarks = load_masked(backbone, revision, new_tokens)
        self.mask_id = tokenizer.mask_token_id
        special = torch.zeros(self.network.config.vocab_size, dtype=torch.bool)
        special[tokenizer.all_special_ids] = True
        self.register_buffer("special", special, persistent=False)
        starts = word_starts(tokenizer, len(special), backbone) if whole_words else torch.ones_like(special)
        self.register_buffer("starts", starts, persistent=False)
        self._sums: list[torch.Tensor] = []
        parts = [name for name, _ in self.network.named_children() if name != self.network.base_model_prefix]
        self.head = parts[0] if len(parts) == 1 else None  # a head of one module computes the masked tokens alone

    def masked(self, batch: dict[str, torch.Tensor], *seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Mask a batch.

        Args:
            batch: `input_ids` and `attention_mask` (B, T).
            seed: What the masks depend on, so that a resumed run draws the same ones.

        Returns:
            The ids to read, and the ids to predict with `IGNORE_INDEX` everywhere else, both (B, T).
        """
        ids = batch["input_ids"]
        generator = torch.Generator().manual_seed(hash((self.seed, *seed)) % 2**63)
        draws, kinds = (torch.rand(ids.shape, generator=generator).to(ids.device) for _ in range(2))
        other = torch.randint(len(self.special), ids.shape, generator=generator).to(ids.device)
        words = self.starts[ids].long().cumsum(dim=1).sub(1).clamp_min(0)  # each piece's word: all share its draw
        allowed = ~self.special[ids] & batch["attention_mask"].bool()
        chosen = (draws.gather(1, words) < self.mask_probability) & allowed
        read = torch.where(chosen & (kinds >= KEPT + RANDOM), self.mask_id, ids)
        read = torch.where(chosen & (kinds < RANDOM), other, read)
        return read, torch.where(chosen, ids, IGNORE_INDEX)

    def _logits(self, batch: dict[str, torch.Tensor], *seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of the masked tokens alone (N, vocabulary), and their ids (N,)."""
        read, targets = self.masked(batch, *seed)
        inputs, chosen = {"input_ids": read, "attention_mask": batch["attention_mask"]}, targets != IGNORE_INDEX
        if self.head is None:
            return self.network(**inputs).logits[chosen].float(), targets[chosen]
        states = self.network.base_model(**inputs)[0]
        return self.network.get_submodule(self.head)(states[chosen]).float(), targets[chosen]

    def training_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> torch.Tensor:
        """Return the loss averaged over the masked tokens of all ranks."""
        logits, targets = self._logits(batch, self.trainer.fit_loop.total_batch_idx, self.global_rank)
        total = self.trainer.strategy.reduce(torch.tensor(float(len(targets)), device=self.device), reduce_op="sum")
        loss = cross_entropy(logits, targets, reduction="sum") * self.trainer.world_size / total.clamp_min(1)
        self.log("train/loss", loss, sync_dist=True, batch_size=1)  # `prog_bar` would wait for the GPU
        return loss

    def validation_step(self, batch: dict[str, torch.Tensor], batch_idx: int) -> dict[str, torch.Tensor]:
        """Sum the loss of masked tokens, the same ones at each validation."""
        logits, targets = self._logits(batch, -1, batch_idx, self.global_rank)
        losses = cross_entropy(logits, targets, reduction="none")
        found = (logits.argmax(dim=-1) == targets).sum() if len(targets) else losses.sum()
        self._sums.append(torch.stack([losses.sum(), found.to(losses), losses.new_tensor(len(targets))]))
        return {"probabilities": (-losses).exp()[:, None].cpu(), "targets": torch.zeros_like(targets)}

    def on_validation_epoch_end(self) -> None:
        """Log loss, accuracy and perplexity over the masked tokens of all ranks."""
        loss, found, count = self.trainer.strategy.reduce(torch.stack(self._sums).sum(dim=0), reduce_op="sum").tolist()
        self._sums = []
        loss, accuracy = loss / max(count, 1), found / max(count, 1)
        scores = {"loss": loss, "accuracy": accuracy, "perplexity": perplexity(loss)}
        self.log_dict({f"validation/{name}": value for name, value in scores.items()}, sync_dist=True)


def perplexity(loss: float) -> float:
    return math.exp(min(loss, 700.0))


def load_masked(
    backbone: str, revision: str | None, new_tokens: Wanted
) -> tuple[Any, Any, dict[str, torch.Tensor], list[str]]:
    """Load a backbone with a head for masked tokens, tied to the token vectors.

    Returns:
        The network, the tokenizer, the pooler's weights, which this network does not have and fine-tuning wants, and
        remarks for the log.

    Raises:
        ModelError: The weights cannot be loaded, or the architecture or its tokenizer has no masked tokens.
    """
    from transformers import MODEL_FOR_MASKED_LM_MAPPING, AutoModel, AutoModelForMaskedLM

    config, tokenizer = load_config(backbone, revision), load_tokenizer(backbone, revision)
    if tokenizer.mask_token_id is None or type(config) not in MODEL_FOR_MASKED_LM_MAPPING:
        lacks = (
            "tokenizer has no mask" if tokenizer.mask_token_id is None else f"kind, {config.model_type}, has no head"
        )
        raise ModelError(f"the backbone {backbone!r} cannot learn from masked tokens: its {lacks}; set model.backbone")
    options: dict[str, Any] = {"revision": revision, "dtype": torch.float32, "trust_remote_code": False}
    options |= {"weights_only": True, "output_loading_info": True}
    try:
        network, report = AutoModelForMaskedLM.from_pretrained(resolve(backbone), **options)
        whole, lost = AutoModel.from_pretrained(resolve(backbone), **options)
    except Exception as error:  # errors of safetensors, pickle, zip, struct and transformers share no base
        raise out_of_reach(f"the backbone {backbone!r}", error) from error
    check_whole(backbone, network, report["missing_keys"])
    remarks = []
    if report["missing_keys"]:
        remarks.append("it has no head for masked tokens: a new one is made, its output tied to the token vectors")
    pieces = extend(tokenizer, new_tokens)
    grow(network, pieces, backbone=backbone)
    remarks += [f"{len(pieces)} new tokens, their vectors made of known pieces"] if pieces else []
    pooler = {
        f"{network.base_model_prefix}.{name}": tensor
        for name, tensor in whole.state_dict().items()
        if name.startswith("pooler.") and name not in lost["missing_keys"]
    }
    return network.train(), tokenizer, pooler, remarks


def word_starts(tokenizer: Any, size: int, backbone: str) -> torch.Tensor:
    """Return which tokens begin a word, (vocabulary,).

    Raises:
        ConfigError: The tokenizer does not mark the later pieces of a word.
    """
    prefix = getattr(tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None)
    if not prefix:
        raise ConfigError(
            f"model.whole_words=true: the tokenizer of {backbone!r} does not mark pieces within words, as ## does; "
            "set model.whole_words=false"
        )
    starts = torch.ones(size, dtype=torch.bool)
    starts[[i for token, i in tokenizer.get_vocab().items() if token.startswith(prefix)]] = False
    return starts


def export_backbone(model: MaskedLanguageModel, tokenizer: Any, *, into: Path, card: Mapping[str, Any]) -> None:
    """Write a folder that `model.backbone` takes: the weights with their pooler and the head, and the tokenizer."""
    with replacing(into, marker="config.json") as folder:
        write_weights(model.network, folder, state_dict={**model.network.state_dict(), **model.kept})
        tokenizer.save_pretrained(folder)
        write_text(folder / "README.md", CARD.format(backbone=model.backbone, **card))
        write_checksums(folder)
