"""Batches of texts of like length, in an order that a seed fixes and a checkpoint can resume."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.utils.data import BatchSampler, DataLoader, Sampler

from sentiment.inference.batching import pad

IGNORED = -100  # the label of padding rows: cross_entropy and the metrics skip it
CHUNK = 50  # batches that are sorted by length together; random between chunks


class LengthGrouped(Sampler[list[int]]):
    """Lists of row numbers: shuffled, sorted by length in chunks of `CHUNK` batches, batches shuffled again.

    The order depends on `seed` and the epoch alone, so a resumed run sees what an unbroken one would.
    """

    def __init__(self, lengths: Sequence[int], *, batch_size: int, seed: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0
        self.done = 0  # batches handed out in this epoch
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
        """Leave out the first batches of the next epoch begun."""
        self._skip = batches % len(self)


class Share(Sampler[list[int]]):
    """What one of `world` processes takes of each batch: all have as many batches, and each row is in one of them.

    The last batch of an epoch may have no row for some: theirs is an empty list.
    """

    def __init__(self, batches: Sampler[list[int]] | BatchSampler, *, rank: int, world: int) -> None:
        self.sampler = batches  # the name under which Lightning looks for `set_epoch`
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        return len(self.sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.sampler:
            yield batch[self.rank :: self.world]


class ResumableLoader(DataLoader[Any]):
    """A DataLoader that Lightning can save in the middle of an epoch and start there again."""

    batch_sampler: Any  # Share of LengthGrouped

    def state_dict(self) -> dict[str, int]:
        return {"done": self.batch_sampler.sampler.done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.batch_sampler.sampler.skip(state["done"])


class Collate:
    """Rows of a tokenized dataset as one padded batch: input_ids and attention_mask (B, T), labels (B,).

    No rows become one of padding with the label IGNORED, so that its process keeps step with the others.
    """

    def __init__(self, pad_id: int) -> None:
        self.pad_id = pad_id

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        rows = rows or [{"input_ids": [self.pad_id], "label": IGNORED}]
        batch = pad([row["input_ids"] for row in rows], self.pad_id)
        batch["labels"] = torch.tensor([row["label"] for row in rows])
        return batch
