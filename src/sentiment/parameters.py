"""Which weights of a network learn, and how fast each does."""

import re
from collections.abc import Iterable
from typing import Any

import torch

LAYER = re.compile(r"\.layer\.(\d+)\.")  # of BERT and its kin


def groups(network: Any, *, lr: float, weight_decay: float, layer_decay: float) -> list[dict[str, Any]]:
    """Parameter groups of an optimizer: matrices decay; biases and LayerNorm weights, the one-dimensional ones, do not.

    The head learns at `lr`, each layer below at `layer_decay` times the rate of the one above, the embeddings at the
    lowest (Howard and Ruder 2018, "Universal language model fine-tuning").
    """
    depths = distances(name for name, _ in network.named_parameters())
    found: dict[tuple[int, bool], list[Any]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            distance = depths[name] if layer_decay != 1 else 0
            found.setdefault((distance, parameter.ndim <= 1), []).append(parameter)
    return [
        {"params": found[key], "lr": lr * layer_decay ** key[0], "weight_decay": 0.0 if key[1] else weight_decay}
        for key in sorted(found)
    ]


def distances(names: Any) -> dict[str, int]:
    """How many layers lie between each parameter and the head: 0 for the head, the most for the embeddings."""
    layers = {name: LAYER.search(name) for name in names}
    top = 1 + max((int(found[1]) for found in layers.values() if found), default=0)
    return {
        name: top - int(found[1]) if found else top + 1 if "embeddings" in name else 0 for name, found in layers.items()
    }


def freeze_embeddings(network: Any) -> None:
    """Keep the token, position and type vectors as they were pretrained."""
    for name, parameter in network.named_parameters():
        if "embeddings" in name:
            parameter.requires_grad_(False)


@torch.no_grad()
def clip_norm(parameters: Iterable[torch.Tensor], limit: float) -> None:
    """Scale all gradients, dense and sparse, down to an L2 norm of `limit` together."""
    owners = [parameter for parameter in parameters if parameter.grad is not None]
    for parameter in owners:
        if parameter.grad.is_sparse:  # type: ignore[union-attr]
            parameter.grad = parameter.grad.coalesce()  # type: ignore[union-attr]
    parts: Any = [p.grad.values() if p.grad.is_sparse else p.grad for p in owners]  # type: ignore[union-attr]
    norm = torch.nn.utils.get_total_norm(parts)
    torch._foreach_mul_(parts, (limit / (norm + 1e-6)).clamp(max=1.0))
