"""Texts without labels as a LightningDataModule, for the adaptation of a backbone."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt, Lt

from sentiment.data.module import SentimentData
from sentiment.data.new_tokens import Wanted
from sentiment.data.splits import Split
from sentiment.data.tables import Quoting
from sentiment.data.unlabelled import as_paths, read_unlabelled
from sentiment.errors import DataError
from sentiment.inference.preprocessing import Cleaning, Truncation


class TextData(SentimentData):
    """Distinct texts of tables and text files, tokenized for one backbone, a part of them held out for validation.

    Args:
        texts: One file or several: tables with a column of texts, or .txt files with a text a line.
    """

    def __init__(
        self,
        *,
        backbone: str,
        cache_dir: Path,
        texts: Path | Sequence[Path],
        backbone_revision: str | None = None,
        new_tokens: Wanted = None,
        text_column: str | None = None,
        separator: str | None = None,
        encoding: str | None = None,
        quoting: Quoting | None = None,
        columns: Sequence[str] | None = None,
        cleaning: Cleaning | None = None,
        max_length: Annotated[int, Ge(8)] = 128,
        truncation: Truncation = "head",
        batch_size: Annotated[int, Gt(0)] = 64,
        validation_fraction: Annotated[float, Gt(0), Lt(1)] = 0.02,
        split_seed: int = 42,
        seed: int = 42,
    ) -> None:
        own: dict[str, Any] = {"separator": separator, "encoding": encoding, "quoting": quoting, "columns": columns}
        own |= {"max_length": max_length, "truncation": truncation, "cleaning": cleaning, "new_tokens": new_tokens}
        own |= {"batch_size": batch_size, "validation_fraction": validation_fraction, "text_column": text_column}
        own |= {"split_seed": split_seed, "seed": seed, "backbone_revision": backbone_revision}
        super().__init__(backbone=backbone, cache_dir=cache_dir, **own)
        self.paths = as_paths(texts)

    def read(self, labels: Sequence[str] | None = None) -> dict[str, Split]:
        """Read the texts and hold a random part of them out. Raises DataError for fewer than two texts."""
        texts, empty = read_unlabelled(self.paths, self.text_column, self.options)
        if len(texts) < 2:
            raise DataError(f"data.texts={self.paths[0]}: one text only, and validation needs another; add texts")
        order = list(range(len(texts)))
        random.Random(self.split_seed).shuffle(order)
        held = min(max(round(len(texts) * self.validation_fraction), 1), len(texts) - 1)
        whole = Split(texts, empty)
        return {"train": whole.take(order[held:]), "validation": whole.take(order[:held])}
