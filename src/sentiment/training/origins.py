"""Compatibility checks between a checkpoint and the model that resumes from it, before any training."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from sentiment.errors import ConfigError
from sentiment.inference.types import list_labels

ORIGIN = "network"  # checkpoint key of its backbone and labels
ROWS = "rows"  # checkpoint key of the hash of the rows of each split


def check_resumable(
    model: Any, checkpoint: Path, rows: Mapping[str, str], *, max_epochs: int | None = None, max_steps: int = -1
) -> None:
    """Raise ConfigError for a checkpoint of another network, other labels, another optimizer or rows, or a later end.

    Args:
        model: The module that is to go on.
        checkpoint: Its file.
        rows: Hash of the rows of each split.
        max_epochs: Epochs after which training ends; None or -1: no limit.
        max_steps: Steps after which it ends; -1: no limit.
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)
    reason = other_origin(model, state.get(ORIGIN, {})) or other_weights(model, state.get("state_dict", {}))
    reason = reason or other_groups(model, state.get("optimizer_states", []))
    for name, end, done in (("epochs", max_epochs, state["epoch"] + 1), ("steps", max_steps, state["global_step"])):
        if end is not None and 0 <= end < done:
            raise ConfigError(f"{checkpoint} is of {done} {name}, more than trainer.max_{name}={end}; raise that")
    if reason := reason or other_rows(rows, state.get(ROWS, rows)):
        raise ConfigError(
            f"{checkpoint} is of {reason}; go on with the settings and data that the run was started with, "
            "or start another with run_name=NAME"
        )


def other_origin(model: Any, origin: dict[str, Any]) -> str | None:
    """Describe the checkpoint's backbone or labels if they differ from the model's."""
    if origin and origin["backbone"] != model.backbone:
        return f"the backbone {origin['backbone']!r}, not {model.backbone!r}"
    if origin and origin["labels"] != model.labels:
        return f"the labels {list_labels(origin['labels'])}, in this order, not {list_labels(model.labels)}"
    for key, own in model.purpose.items():
        if origin.get(key, own) != own:
            return f"task={origin[key]}, not {own}" if key == "task" else f"a loss of {origin[key]} logits, not {own}"
    return None


def other_rows(rows: Mapping[str, str], theirs: Mapping[str, str]) -> str | None:
    """Describe the first split whose texts, aspects, labels or order differ from the checkpoint's."""
    name = next((name for name in (*rows, *theirs) if rows.get(name) != theirs.get(name)), None)
    return f"other rows of {name} (their texts, aspects, labels or order differ)" if name else None


def other_weights(model: Any, weights: dict[str, torch.Tensor]) -> str | None:
    """Describe how the checkpoint's weights differ from the model's in name or shape."""
    ours = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    theirs = {name: tuple(value.shape) for name, value in weights.items()}
    if different := sorted(name for name in ours.keys() | theirs.keys() if ours.get(name) != theirs.get(name)):
        first = different[0]
        return (
            f"another network: {len(different)} weights differ (first: {first} is {theirs.get(first, 'absent')} there, "
            f"{ours.get(first, 'absent')} here)"
        )
    return None


def other_groups(model: Any, optimizers: list[dict[str, Any]]) -> str | None:
    """Describe how the optimizer's parameter groups differ, as another model.layer_decay or frozen part makes them."""
    ours = [len(group["params"]) for group in model.parameter_groups()]
    for optimizer in optimizers:
        theirs = [len(group["params"]) for group in optimizer["param_groups"]]
        if theirs != ours:
            return (
                f"an optimizer with {len(theirs)} groups of weights, {sum(theirs)} in all, not {len(ours)}, {sum(ours)}"
            )
    return None
