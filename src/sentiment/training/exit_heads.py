"""Joint training of early exits: heads on the hidden states after some layers learn with the network.

The mean of their losses is added to the loss of all layers, so that the lower layers learn to answer too. The heads are
not kept: an export fits its own, of the same form, to the answers of its graph.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch


class ExitHeads(torch.nn.Module):
    """Linear heads on `pooled` hidden states after some layers.

    Args:
        layers: The layers, counted from 1.
        width: Of a hidden state.
        labels: The number of labels.
    """

    def __init__(self, layers: Sequence[int], *, width: int, labels: int) -> None:
        super().__init__()
        self.layers = list(layers)
        self.heads = torch.nn.ModuleList(torch.nn.Linear(2 * width, labels) for _ in layers)

    def forward(self, states: Sequence[torch.Tensor], batch: Mapping[str, Any]) -> list[torch.Tensor]:
        """Compute the logits (B, labels) of each exit from the hidden states of the embeddings and of all layers."""
        own = [pooled(states[layer], batch) for layer in self.layers]
        return [head(one).float() for head, one in zip(self.heads, own, strict=True)]


def pooled(states: torch.Tensor, batch: Mapping[str, Any]) -> torch.Tensor:
    """Join the first token's hidden state and the mean of all tokens', (B, 2 * width), in fp32.

    Args:
        states: (B, T, width), or (1, tokens, width) of a packed batch.
        batch: The inputs of the network, with `attention_mask`, or packed by `sentiment.inference.packing.pack`.
    """
    states = states.float()
    if (starts := batch.get("cu_seq_lens_q")) is None:
        kept = batch["attention_mask"].to(states)[..., None]
        return torch.cat([states[:, 0], (states * kept).sum(dim=1) / kept.sum(dim=1)], dim=1)
    starts = starts.long()
    tokens = torch.arange(states.shape[1], device=states.device)
    rows = torch.searchsorted(starts, tokens, right=True) - 1
    sums = states.new_zeros(len(starts) - 1, states.shape[-1]).index_add(0, rows, states[0])
    every = torch.cat([states[0].index_select(0, starts[:-1]), sums / starts.diff()[:, None]], dim=1)
    return every[:-1]  # the last row is filler
