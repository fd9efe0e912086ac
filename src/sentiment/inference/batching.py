"""Group rows by length under a token budget and pad them."""

from collections.abc import Sequence

import numpy as np
import torch


def pad(rows: Sequence[Sequence[int]], pad_id: int) -> dict[str, torch.Tensor]:
    """Rows of ids as input_ids and attention_mask, both (rows, longest), int64."""
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
    return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}


MAX_TOKENS = {"cpu": 512, "gpu": 16_384}  # what keeps the caches of one, the cores of the other busy


CALL = 1 / 16  # of the time for as many tokens, whatever is computed


def grouped(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Indices of rows in groups that are computed together, in the way that takes least time.

    A group costs its rows times the longest of them, and beside that what one more call costs; it holds one row or
    `max_tokens` at most. Rows sorted by length are cut at the best places, found one after the other.
    """
    every = np.asarray(lengths, dtype=np.int64)
    order = np.argsort(-every, kind="stable")
    longest = every[order]
    least = np.zeros(len(order) + 1)  # what the first rows cost
    cuts = np.zeros(len(order) + 1, dtype=np.int64)  # where the last group of the first rows begins
    for end in range(1, len(order) + 1):
        first = max(0, end - max(1, max_tokens // max(1, longest[end - 1])))
        tokens = np.arange(end - first, 0, -1) * longest[first:end]
        costs = least[first:end] + tokens + np.where(tokens > max_tokens, np.inf, 0)
        costs[-1] = least[end - 1] + longest[end - 1]  # a row alone, however long
        cuts[end] = first + costs.argmin()
        least[end] = costs.min() + max_tokens * CALL
    groups, end = [], len(order)
    while end:
        groups.append(order[cuts[end] : end].tolist())
        end = cuts[end]
    return groups[::-1]
