"""The LightningDataModule of tokenized texts: the tokenizer of a backbone, and batches."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from datasets import Dataset
from torch.utils.data import DataLoader

from sentiment.backbones import check_length, load_tokenizer, positions
from sentiment.data.batches import Collate
from sentiment.data.loaders import Loaders
from sentiment.data.new_tokens import Wanted, check_capitals, extend
from sentiment.data.splits import Split
from sentiment.data.tokenized import tokenize_split
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.word_pieces import remove_limits


class TokenizedData(pl.LightningDataModule):
    """Texts, tokenized for one backbone.

    Batches are dicts of input_ids and attention_mask `(B, T)`, with aspects token_type_ids too, and labels `(B,)`.
    `batch_size` is the global batch size: with several processes, each gets its slice of the rows.

    Attributes:
        splits: Raw texts and label names by split (train, validation, optionally test); filled by `setup`.
        labels: The label set in the order of the model's outputs.
        packed: Batches are packed (`sentiment.inference.packing`); set by a model that reads them on a GPU.
        pinned: Batches are in pinned memory, whose copy to a GPU the host does not wait for; set by the model.
    """

    def __init__(
        self,
        backbone: str,
        backbone_revision: str | None,
        new_tokens: Wanted,
        cache_dir: Path,
        preprocessing: Preprocessing,
        batch_size: int,
        seed: int,
    ) -> None:
        super().__init__()
        self.backbone, self.backbone_revision, self.new_tokens = backbone, backbone_revision, new_tokens
        self.cache_dir, self.preprocessing, self.batch_size, self.seed = cache_dir, preprocessing, batch_size, seed
        self.splits: dict[str, Split] = {}
        self.labels: list[str] = []
        self.packed = self.pinned = False
        self._tokenized: dict[str, Dataset] = {}

    @property
    def several(self) -> bool:
        """True if a text may have several labels."""
        return False

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Hashes of the rows that a run is trained on and judged by, by split."""
        return {name: split.fingerprint() for name, split in self.splits.items() if name != "test"}

    @property
    def tokenizer(self) -> Any:
        if not hasattr(self, "_tokenizer"):
            self._tokenizer = load_tokenizer(self.backbone, self.backbone_revision)
            extend(self._tokenizer, self.new_tokens)
            remove_limits(self._tokenizer.backend_tokenizer)  # truncation and padding state would change the cache key
        return self._tokenizer

    def check_backbone(self) -> None:
        """Raise ConfigError if the backbone cannot read texts of this length, or its tokenizer drops what is wanted."""
        for limit in (positions(self.backbone, self.backbone_revision), self.tokenizer.model_max_length):
            check_length(self.backbone, self.preprocessing.max_length, limit)
        check_capitals(self.preprocessing.cleaning, self.tokenizer, self.new_tokens)

    def train_ids(self) -> Iterator[list[int]]:
        """Yield the token ids of each training text, special ones included."""
        yield from self._tokenized["train"]["input_ids"]

    def val_dataloader(self) -> DataLoader[Any]:
        """Return batches of rows of similar length, the same at each validation, so that epochs compare row by row."""
        return self._loaders().validation(self._tokenized["validation"])

    def _loaders(self, taught: int = 0) -> Loaders:
        count = len(self.labels) if self.several else None
        kind: Any = {"pairs": self.preprocessing.aspects, "packed": self.packed, "several": count, "taught": taught}
        collate = Collate(self.tokenizer.pad_token_id, **kind)
        rank, world = (self.trainer.global_rank, self.trainer.world_size) if self.trainer else (0, 1)
        return Loaders(collate, self.batch_size, self.seed, rank, world, self.pinned)

    def _tokenize(self, name: str, split: Split) -> Dataset:
        return tokenize_split(
            name, split, self.labels, self.tokenizer.backend_tokenizer, self.preprocessing, self.cache_dir
        )
