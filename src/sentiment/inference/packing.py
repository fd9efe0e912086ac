"""Packed batches: rows end to end in one sequence, without padding, each token attending to its own row alone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from sentiment.inference.batching import token_types
from sentiment.inference.frames import PairRow

ATTENTION = "sentiment-packed"  # name of `attend` in transformers' attention registry
MULTIPLE = 64  # tokens of a packed batch are a multiple of it, as matrix products like


def packs(network: Any) -> bool:
    """Return True if a network can read packed rows: BERT's classifier with SDPA and no attention dropout."""
    from transformers import BertForSequenceClassification

    if not isinstance(network, BertForSequenceClassification):
        return False
    config = network.config
    return config._attn_implementation in ("sdpa", ATTENTION) and not config.attention_probs_dropout_prob


def enable_packing(network: Any) -> Any:
    """Let a network that `packs` read packed rows beside padded ones, in place; returns it.

    Its last layer must be restricted to the first token (`sentiment.inference.runtimes.first_token_only`).
    """
    register_attention(ATTENTION, attend)
    network.config._attn_implementation = ATTENTION
    network.bert.encoder.layer[-1].attention.register_forward_pre_hook(note_starts, with_kwargs=True)
    return network


def register_attention(name: str, attend: Callable[..., tuple[torch.Tensor, None]]) -> None:
    """Register an attention function with transformers; it gets the masks that SDPA gets."""
    from transformers import AttentionInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface

    AttentionInterface.register(name, attend)
    AttentionMaskInterface.register(name, ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])


def pack(rows: Sequence[Sequence[int]], pad_id: int) -> dict[str, Any]:
    """Build the inputs of a packed batch from rows of token ids.

    The last row is filler: it brings the tokens to a multiple, so that a compiled network sees few sizes.

    Returns:
        Keyword arguments of the network, named as for transformers' flash attention. Logits are (rows, labels).
    """
    tokens = sum(map(len, rows))
    filler = MULTIPLE - tokens % MULTIPLE
    lengths = np.array([*map(len, rows), filler])
    starts = np.zeros(len(lengths) + 1, dtype=np.int32)
    starts[1:] = lengths.cumsum()
    positions = np.arange(tokens + filler) - starts[:-1].repeat(lengths)
    positions[tokens:] = 0
    longest = max(MULTIPLE, int(lengths.max()))
    ids = np.concatenate([*(np.asarray(row, dtype=np.int64) for row in rows), np.full(filler, pad_id)])
    types = {}
    if isinstance(rows[0], PairRow):
        each = [token_types([row], len(row))[0] for row in rows]
        types["token_type_ids"] = torch.from_numpy(np.concatenate([*each, np.zeros(filler, np.int64)]))[None]
    return {
        **types,
        "input_ids": torch.from_numpy(ids)[None],
        "position_ids": torch.from_numpy(positions)[None],
        "cu_seq_lens_q": torch.from_numpy(starts),
        "max_length_q": 1 << (longest - 1).bit_length(),  # an upper bound; few values, so that few graphs are compiled
    }


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    cu_seq_lens_q: torch.Tensor | None = None,
    max_length_q: int = 0,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Compute attention within each row of a packed batch; a padded batch goes to SDPA.

    `query`, `key` and `value` are (1, heads, tokens, head_dim), the output (1, tokens, heads, head_dim).
    """
    if cu_seq_lens_q is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        padded: tuple[torch.Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **others)
        return padded
    if query.is_cuda and query.dtype in (torch.bfloat16, torch.float16):
        q, k, v = (one[0].transpose(0, 1) for one in (query, key, value))
        return flash(q, k, v, cu_seq_lens_q, max_length_q)[None], None
    lengths = cu_seq_lens_q.diff().tolist()
    rows = zip(*(torch.split(one, lengths, dim=2) for one in (query, key, value)), strict=True)
    each = [torch.nn.functional.scaled_dot_product_attention(*row) for row in rows]
    return torch.cat(each, dim=2).transpose(1, 2), None


def flash(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, starts: torch.Tensor, longest: int
) -> torch.Tensor:
    """Compute flash attention within rows, (tokens, heads, head_dim).

    The operator under `torch.nn.attention.varlen.varlen_attn`, whose own autograd function is written in Python and
    is called once a layer.
    """
    mixed: torch.Tensor = torch.ops.aten._flash_attention_forward(
        query, key, value, starts, starts, longest, longest, 0.0, False, False
    )[0]
    return mixed


def note_starts(module: Any, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Forward pre-hook of the last layer's attention: tell its output where each packed row begins."""
    starts = kwargs.get("cu_seq_lens_q")
    module.output.starts = None if starts is None else starts[:-2].long()  # without the filler and the end


def first_tokens(module: Any, states: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Forward pre-hook: keep the first token of each row, (rows, 1, width), of a packed or a padded batch."""
    if (starts := getattr(module, "starts", None)) is None:
        return tuple(state[:, :1] for state in states)
    return tuple(state[0].index_select(0, starts)[:, None] for state in states)
