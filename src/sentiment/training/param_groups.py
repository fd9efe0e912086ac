"""Parameter groups with layer-wise learning rates, frozen embeddings and gradient clipping."""

from collections.abc import Iterable
from typing import Any

import torch


def groups(network: Any, *, lr: float, weight_decay: float, layer_decay: float) -> list[dict[str, Any]]:
    """Build the optimizer's parameter groups, with layer-wise learning-rate decay.

    Weight decay applies to matrices, not to one-dimensional parameters (biases and LayerNorm weights). The head learns
    at `lr`, each layer at `layer_decay` times the rate of the one above it, and the embeddings at the lowest rate
    (Howard and Ruder 2018, "Universal language model fine-tuning").
    """
    depths = distances(network)
    found: dict[tuple[int, bool], list[Any]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            distance = depths[name] if layer_decay != 1 else 0
            found.setdefault((distance, parameter.ndim <= 1), []).append(parameter)
    return [
        {"params": found[key], "lr": lr * layer_decay ** key[0], "weight_decay": 0.0 if key[1] else weight_decay}
        for key in sorted(found)
    ]


def distances(network: Any) -> dict[str, int]:
    """Count the layers between each parameter and the head: 0 for the head, the most for the embeddings."""
    depths = {layer: len(stack) - i for stack in stacks(network) for i, layer in enumerate(stack)}
    lowest = 1 + max(depths.values(), default=0)
    lists = {layer for stack in outer_lists(network) for layer in stack}
    inside, below = encoder_prefix(network), bool(lists)
    found = {}
    for name, _ in network.named_parameters():
        parts = name.split(".")
        prefixes = {".".join(parts[:end]) for end in range(1, len(parts))}
        below = below and not prefixes & lists  # the encoder's parameters before its first layer are embeddings
        embedded = name.startswith(inside) and (below or "embed" in name)
        [found[name]] = [depths[prefix] for prefix in prefixes & depths.keys()] or [lowest if embedded else 0]
    return found


def encoder_prefix(network: Any) -> str:
    """Return the name prefix of the encoder's parameters; all other parameters are the head's."""
    return f"{'base_model.model.' if hasattr(network, 'peft_config') else ''}{network.base_model_prefix}."


def embeddings(network: Any) -> list[str]:
    """List the names of the token, position and type embeddings, and of other parameters below the first layer."""
    layers = tuple(f"{layer}." for stack in outer_lists(network) for layer in stack)
    return [name for name, distance in distances(network).items() if distance and not name.startswith(layers)]


def stacks(network: Any) -> list[list[str]]:
    """List the layer names of each stack, lowest layer first; empty if all layers share the same weights."""
    count = getattr(network.config, "num_hidden_layers", None)
    return [layers for layers in outer_lists(network) if len(layers) > 1 or len(layers) == count]


def outer_lists(network: Any) -> list[list[str]]:
    """List the member names of each outermost ModuleList; a list of lists is flattened."""
    found: dict[str, list[str]] = {}
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.ModuleList) and not any(name.startswith(f"{outer}.") for outer in found):
            found[name] = [
                f"{name}.{i}.{j}" if isinstance(member, torch.nn.ModuleList) else f"{name}.{i}"
                for i, member in enumerate(module)
                for j in range(len(member) if isinstance(member, torch.nn.ModuleList) else 1)
            ]
    return list(found.values())


def freeze_embeddings(network: Any) -> None:
    """Freeze the token, position and type embeddings, and other parameters below the first layer."""
    names = {*embeddings(network)}
    for name, parameter in network.named_parameters():
        if name in names:
            parameter.requires_grad_(False)


@torch.no_grad()
def clip_norm(parameters: Iterable[torch.Tensor], limit: float) -> None:
    """Scale all gradients in place, dense and sparse, to a joint L2 norm of at most `limit`."""
    owners = [parameter for parameter in parameters if parameter.grad is not None]
    for parameter in owners:
        if parameter.grad.is_sparse:  # type: ignore[union-attr]
            parameter.grad = parameter.grad.coalesce()  # type: ignore[union-attr]
    parts: Any = [p.grad.values() if p.grad.is_sparse else p.grad for p in owners]  # type: ignore[union-attr]
    norm = torch.nn.utils.get_total_norm(parts)
    torch._foreach_mul_(parts, (limit / (norm + 1e-6)).clamp(max=1.0))


def clip_value(parameters: Iterable[torch.Tensor], limit: float) -> None:
    """Clamp each element of all gradients, dense and sparse, to [-limit, limit]."""
    for parameter in parameters:
        if parameter.grad is not None:
            if parameter.grad.is_sparse:
                parameter.grad = parameter.grad.coalesce()
                parameter.grad.values().clamp_(-limit, limit)
            else:
                parameter.grad.clamp_(-limit, limit)
