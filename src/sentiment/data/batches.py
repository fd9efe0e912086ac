"""Length-grouped batches in a seeded order that a checkpoint can resume."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from datasets import Dataset, concatenate_datasets
from numpy.typing import NDArray
from torch.utils.data import Sampler

from sentiment.inference.batching import pad
from sentiment.inference.frames import PairRow
from sentiment.inference.packing import pack

IGNORE_INDEX = -100  # label of padding rows; skipped by cross_entropy and the metrics
CHUNK = 50  # batches per chunk; rows are sorted by length within a chunk only


class LengthGroupedSampler(Sampler[list[int]]):
    """Batch sampler that groups rows of similar length.

    Rows are shuffled, sorted by length within chunks of `CHUNK` batches, cut into batches, and the batches are
    shuffled again. The order depends only on `seed` and the epoch, so a resumed run sees the same batches as an
    uninterrupted one.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, seed: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        self.done = 0  # batches yielded in this epoch
        self._skip = 0

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        self.done, self._skip = self._skip, 0
        for batch in self.order(self.epoch)[self.done :]:
            self.done += 1
            yield batch

    def order(self, epoch: int) -> list[list[int]]:
        rng = random.Random(f"{self.seed}/{epoch}")
        rows = list(range(len(self.lengths)))
        rng.shuffle(rows)
        batches = []
        for start in range(0, len(rows), CHUNK * self.batch_size):
            chunk = sorted(rows[start : start + CHUNK * self.batch_size], key=lambda i: self.lengths[i])
            batches += [chunk[i : i + self.batch_size] for i in range(0, len(chunk), self.batch_size)]
        rng.shuffle(batches)
        return batches

    def skip(self, batches: int) -> None:
        """Skip the first batches of the next epoch that is started."""
        self._skip = batches % len(self)


class RankBatchSampler(Sampler[list[int]]):
    """One rank's slice of every global batch.

    All ranks yield equally many batches, and each row is on exactly one rank. If the last batch has fewer rows than
    there are ranks, some ranks yield an empty list.
    """

    def __init__(self, batches: Sampler[list[int]] | Sequence[list[int]], *, rank: int, world: int) -> None:
        self.sampler = batches  # Lightning looks for `set_epoch` under this name
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        return len(self.sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.sampler:
            yield batch[self.rank :: self.world]


class TaughtRows:
    """Rows of several tokenized datasets, each with a teacher's answer.

    Args:
        parts: The datasets, one after another.
        soft_targets: A teacher's probabilities, float32 (rows, labels).
    """

    def __init__(self, parts: Sequence[Dataset], soft_targets: NDArray[np.float32]) -> None:
        self.rows = concatenate_datasets(list(parts))
        self.soft_targets = soft_targets

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, column: str) -> Any:
        return self.rows[column]

    def __getitems__(self, rows: list[int]) -> list[dict[str, Any]]:
        answers = torch.from_numpy(self.soft_targets[rows])
        found = self.rows.__getitems__(rows) if rows else []
        return [{**row, "soft_target": answer} for row, answer in zip(found, answers, strict=True)]


class Collate:
    """Collate function: pad tokenized rows to input_ids and attention_mask `(B, T)`, labels `(B,)` or `(B, labels)`.

    With `pairs`, a batch has token_type_ids `(B, T)` too. Where `packed`, the inputs are those of
    `sentiment.inference.packing.pack` instead. An empty batch becomes one padding row with the label `IGNORE_INDEX`, so
    that its rank keeps pace with the others. With `taught` labels of a teacher, `soft_targets` (B, labels) has its
    probabilities, zeros for the padding row.
    """

    def __init__(
        self, pad_id: int, *, pairs: bool = False, packed: bool = False, several: int | None = None, taught: int = 0
    ) -> None:
        """`several` is the number of labels where each row has 0 or 1 for each of them."""
        self.pad_id, self.pairs, self.packed, self.taught = pad_id, pairs, packed, taught
        self.ignored: Any = IGNORE_INDEX if several is None else [IGNORE_INDEX] * several

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        rows = rows or [{"input_ids": [self.pad_id], "types": 0, "label": self.ignored}]
        ids = [PairRow(row["input_ids"], row["types"]) if self.pairs else row["input_ids"] for row in rows]
        batch: dict[str, Any] = (pack if self.packed else pad)(ids, self.pad_id)
        batch["labels"] = torch.tensor([row["label"] for row in rows])
        if self.taught:
            nothing = torch.zeros(self.taught)
            batch["soft_targets"] = torch.stack([row.get("soft_target", nothing) for row in rows])
        return batch


def row_mask(targets: torch.Tensor) -> torch.Tensor:
    """Return which rows of labels `(B,)` or `(B, labels)` are no padding rows."""
    return (targets if targets.ndim == 1 else targets[:, 0]) != IGNORE_INDEX
