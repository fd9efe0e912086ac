"""DataLoaders of a rank: the training batches in a new order each epoch, the validation batches in one that stays."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.data import DataLoader

from sentiment.data.batches import Collate, LengthGroupedSampler, RankBatchSampler


class ResumableLoader(DataLoader[Any]):
    """DataLoader whose position within an epoch Lightning can save and restore."""

    batch_sampler: Any  # a RankBatchSampler over a LengthGroupedSampler

    def state_dict(self) -> dict[str, int]:
        return {"done": self.batch_sampler.sampler.done}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.batch_sampler.sampler.skip(state["done"])


@dataclass(frozen=True, slots=True)
class Loaders:
    """Loaders of tokenized rows; each rank gets its slice of every batch."""

    collate: Collate
    batch_size: int  # of all ranks together
    seed: int
    rank: int
    world: int
    pinned: bool  # batches are in pinned memory

    def train(self, rows: Any) -> DataLoader[Any]:
        return ResumableLoader(rows, batch_sampler=self._share(self._order(rows)), **self._options())

    def validation(self, rows: Any) -> DataLoader[Any]:
        return DataLoader(rows, batch_sampler=self._share(self._order(rows).order(0)), **self._options())

    def _order(self, rows: Any) -> LengthGroupedSampler:
        return LengthGroupedSampler([*map(len, rows["input_ids"])], batch_size=self.batch_size, seed=self.seed)

    def _share(self, batches: Any) -> RankBatchSampler:
        return RankBatchSampler(batches, rank=self.rank, world=self.world)

    def _options(self) -> dict[str, Any]:
        """Return the DataLoader arguments; a separate generator keeps loaders from advancing torch's global RNG."""
        return {"collate_fn": self.collate, "generator": torch.Generator(), "pin_memory": self.pinned}
