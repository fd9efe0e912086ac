"""Length-grouped batching under a token budget, and padding."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from sentiment.inference.frames import PairRow


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> dict[str, torch.Tensor]:
    """Pad rows of token ids to the longest row.

    Returns:
        `input_ids`, `attention_mask` and, for `PairRow`s, `token_type_ids`; int64 of shape (rows, longest).
    """
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    padded = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
    if isinstance(rows[0], PairRow):
        padded["token_type_ids"] = torch.from_numpy(token_types(rows, longest))
    return padded


def token_types(rows: Sequence[Sequence[int]], longest: int) -> np.ndarray:
    types = np.zeros((len(rows), longest), dtype=np.int64)
    for i, row in enumerate(rows):
        assert isinstance(row, PairRow)  # a model reads aspects or does not
        types[i, len(row) - row.types : len(row)] = 1
    return types


def takes_types(config: Any) -> bool:
    """Tell whether a network of transformers tells segments apart by token types."""
    return (getattr(config, "type_vocab_size", None) or 0) > 1


MAX_TOKENS = {"cpu": 512, "gpu": 16_384}  # per forward call: sized for CPU caches, GPU occupancy


CALL_OVERHEAD = 1 / 16  # fixed cost of one forward call, in units of max_tokens


def group_by_length(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Partition rows into padded batches with the least total cost.

    A batch costs its rows times its longest row, plus the fixed cost of a call. Rows are sorted by length, and dynamic
    programming over the sorted rows finds the optimal cuts.

    Args:
        lengths: Tokens of each row.
        max_tokens: Limit on rows times longest row of one batch; a single longer row is a batch by itself.

    Returns:
        The row indices of each batch.
    """
    every = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-every, kind="stable")
    longest = every[order]
    least = np.zeros(len(order) + 1)  # least[i]: minimal cost of the first i sorted rows, in tokens
    cuts = np.zeros(len(order) + 1, dtype=np.int64)  # cuts[i]: start of the last batch of the first i rows
    for end in range(1, len(order) + 1):
        first = max(0, end - max(1, max_tokens // max(1, longest[end - 1])))
        tokens = np.arange(end - first, 0, -1) * longest[first:end]
        costs = least[first:end] + tokens + np.where(tokens > max_tokens, np.inf, 0)
        costs[-1] = least[end - 1] + longest[end - 1]  # a single row is allowed at any length
        cuts[end] = first + costs.argmin()
        least[end] = costs.min() + max_tokens * CALL_OVERHEAD
    groups, end = [], len(order)
    while end:
        groups.append(order[cuts[end] : end].tolist())
        end = cuts[end]
    return groups[::-1]


def group_packed(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Partition rows in order into batches of at most `max_tokens` tokens; a longer row is a batch by itself."""
    groups: list[list[int]] = []
    room = 0
    for i, length in enumerate(lengths):
        if length > room or not groups:
            groups.append([])
            room = max_tokens
        groups[-1].append(i)
        room -= length
    return groups
