"""Scoring of token-id rows: their logits in batches, and the mean of the windows of a text."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sentiment.inference.batching import group_by_length, group_packed
from sentiment.inference.exits import PartedRuntime
from sentiment.inference.runtimes import Compute


def logits_of(
    compute: Compute, rows: Sequence[list[int]], *, labels: int, max_tokens: int
) -> tuple[Any, Sequence[int] | None]:
    """Compute the logits of rows in batches of at most `max_tokens`.

    Returns:
        Logits, float32 of shape (rows, labels), and how many layers computed each row; None without early exits.
    """
    if isinstance(compute, PartedRuntime) and compute.leave:
        return compute.early(rows, max_tokens)
    logits = np.empty((len(rows), labels), dtype=np.float32)
    group = group_packed if getattr(compute, "packed", False) else group_by_length
    batches = group([len(row) for row in rows], max_tokens)
    answers = [compute([rows[i] for i in batch]) for batch in batches]  # a GPU is not waited for in between
    for batch, answer in zip(batches, answers, strict=True):
        logits[batch] = answer.cpu().numpy()
    return logits, None


def mean_of_windows(scores: Any, counts: Sequence[int]) -> Any:
    """Average the scores of each text's windows, which follow one another; `counts` has their number by text."""
    if len(scores) <= len(counts):  # one window each
        return scores
    starts = np.cumsum([0, *counts[:-1]])
    return np.add.reduceat(scores, starts, axis=0) / np.asarray(counts, np.float32)[:, None]


def most_of_windows(layers: Sequence[int], counts: Sequence[int]) -> list[int]:
    """Return the most layers that computed a window of each text."""
    if len(layers) <= len(counts):
        return list(layers)
    own = iter(layers)
    return [max(next(own) for _ in range(count)) for count in counts]
