"""CPU training speedups: attention, dropout, memory allocation and oneDNN caches.

Measured in benchmarks/RESULTS.md. Results match the replaced operators up to rounding and random numbers.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from sentiment.inference.packing import register_attention

ATTENTION = "sentiment"  # name of `attend` in transformers' attention registry
LANES = 32  # bf16 values in a 512-bit vector
LOWEST = torch.finfo(torch.bfloat16).min
CACHES = {"ONEDNN_PRIMITIVE_CACHE_CAPACITY": "64", "LRU_CACHE_CAPACITY": "16"}  # entries, in oneDNN and in PyTorch
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # mallopt(3) parameters; glibc's defaults are 128 KiB and 65536


def accelerate(network: Any) -> None:
    """Replace a transformers classifier's attention and dropout by faster CPU versions, in place.

    Its weights and exports do not change.
    """
    register_attention(ATTENTION, attend)
    if network.config._attn_implementation == "sdpa":
        network.config._attn_implementation = ATTENTION
    for module in network.modules():
        if type(module) is torch.nn.Dropout:
            module.__class__ = Dropout
        if all(hasattr(module, name) for name in ("query", "key", "value")):
            module.register_forward_pre_hook(cast_once)


def cast_once(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    """Forward pre-hook: cast the hidden states to the autocast dtype once, not once each for Q, K and V."""
    if torch.is_autocast_enabled("cpu"):
        return (inputs[0].to(torch.get_autocast_dtype("cpu")), *inputs[1:])
    return inputs


@contextmanager
def kept_memory() -> Iterator[None]:
    """Keep freed heap memory during training (mallopt), which avoids zeroing pages per batch. No-op without glibc.

    On exit, glibc's defaults are restored and free memory is returned to the kernel. The oneDNN caches are limited too,
    on every platform: oneDNN builds code and scratch memory for each matmul shape and batches differ in length, so the
    caches hold the shapes of about one batch instead of 1,024.
    """
    for cache, shapes in CACHES.items():
        os.environ.setdefault(cache, shapes)  # read at the first matmul of the process
    library: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(library, "malloc_trim"):
        yield
        return
    library.malloc_trim(0)
    library.mallopt(M_MMAP_MAX, 0)
    library.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        library.mallopt(M_MMAP_MAX, 65536)
        library.mallopt(M_TRIM_THRESHOLD, 128 * 1024)
        library.malloc_trim(0)


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Compute attention of each token to all tokens, in bf16 on CPU or through SDPA.

    Falls back to SDPA unless the query is bf16 on a CPU, attention dropout is 0, and every query may read the same keys
    (no sliding window, not causal). If `module.first_query_only` is set, only the first query is computed and all other
    output rows are zero.

    `query`, `key` and `value` are (B, heads, T, head_dim); the output is (B, T, heads, head_dim). `attention_mask` is
    boolean, (B, 1, T, T) or (B, 1, 1, T), and True where a key may be read; None allows all keys.
    """
    if (
        dropout
        or query.dtype != torch.bfloat16
        or query.device.type != "cpu"
        or not same_for_all(module, query, key, attention_mask)
    ):
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        answer: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
        return answer
    tokens, unused = key.shape[2], -key.shape[2] % LANES
    mask = None
    if attention_mask is not None or unused:
        mask = query.new_zeros(len(query), 1, 1, tokens + unused)
        mask[..., tokens:] = LOWEST
        if attention_mask is not None:
            mask[..., :tokens].masked_fill_(~attention_mask[:, :, :1], LOWEST)
    if getattr(module, "first_query_only", False):
        query = query[:, :, :1]
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    mixed: torch.Tensor = _Attention.apply(query, key, value, mask, scale)  # type: ignore[no-untyped-call]
    unread = tokens - query.shape[2]
    return torch.nn.functional.pad(mixed.transpose(1, 2), (0, 0, 0, 0, 0, unread)), None


def same_for_all(module: Any, query: torch.Tensor, key: torch.Tensor, mask: torch.Tensor | None) -> bool:
    """Return True if every query reads the same keys and there are as many key heads as query heads."""
    if query.shape[1] != key.shape[1] or (mask is None and getattr(module, "is_causal", None)):
        return False
    if mask is None or mask.shape[2] == 1 or mask.stride(2) == 0:
        return True
    return bool((mask == mask[:, :, :1]).all())


class _Attention(torch.autograd.Function):
    """Autograd function for softmax(q k^T * scale + mask) v as batched matmuls that save the attention weights.

    In bf16 it takes a third of the fused kernel's time. Keys and values are zero-padded to the length of `mask`, a
    multiple of LANES: PyTorch takes up to ten times as long for bf16 rows of other lengths.
    """

    @staticmethod
    def forward(
        ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None, scale: float
    ) -> torch.Tensor:
        width, tokens = key.shape[-1], key.shape[2]
        fill = (0, 0, 0, 0 if mask is None else mask.shape[-1] - tokens)
        q = query.reshape(-1, query.shape[2], width) * scale
        k, v = (torch.nn.functional.pad(one, fill).reshape(-1, tokens + fill[-1], width) for one in (key, value))
        weights = torch.bmm(q, k.transpose(1, 2))
        if mask is not None:
            weights.view(*query.shape[:3], -1).add_(mask)
        torch.softmax(weights, -1, out=weights)
        ctx.save_for_backward(q, k, v, weights)
        ctx.scale, ctx.tokens, ctx.shape = scale, tokens, query.shape
        return torch.bmm(weights, v).view(query.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        q, k, v, weights = ctx.saved_tensors
        gradient = gradients[0].reshape(q.shape)
        of_value = torch.bmm(weights.transpose(1, 2), gradient)
        of_weights = torch.bmm(gradient, v.transpose(1, 2))
        of_scores = torch.ops.aten._softmax_backward_data(of_weights, weights, -1, weights.dtype)
        of_query = torch.bmm(of_scores, k).mul_(ctx.scale)
        of_key = torch.bmm(of_scores.transpose(1, 2), q)
        heads = ctx.shape[:2]
        of_key, of_value = (one.view(*heads, *one.shape[1:])[:, :, : ctx.tokens] for one in (of_key, of_value))
        return of_query.view(ctx.shape), of_key, of_value, None, None


class Dropout(torch.nn.Dropout):
    """`torch.nn.Dropout` that draws four 16-bit random numbers at a time: about four times as fast on a CPU."""

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.p or input.device.type != "cpu":
            return super().forward(input)
        dropped: torch.Tensor = _Dropout.apply(input, self.p)  # type: ignore[no-untyped-call]
        return dropped


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, p: float) -> torch.Tensor:
        dropped, count = round(p * 2**16), x.numel()
        numbers = torch.empty(-(-count // 4), dtype=torch.int64).random_(-(2**63), None)  # uniform over all 64 bits
        keep = numbers.view(torch.int16)[:count].view(x.shape) >= dropped - 2**15
        ctx.save_for_backward(keep)
        ctx.scale = 2**16 / max(2**16 - dropped, 1)
        return (x * keep).mul_(ctx.scale)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        [keep] = ctx.saved_tensors
        return (gradients[0] * keep).mul_(ctx.scale), None
