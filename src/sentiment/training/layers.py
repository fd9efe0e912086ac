"""A shallower network from some layers of a pretrained one, for distillation."""

import copy
from collections.abc import Sequence
from typing import Any

from sentiment.errors import ConfigError
from sentiment.training.param_groups import stacks

PER_LAYER = ("layer_types", "attention_window", "block_sizes")  # of ModernBERT, Longformer, Funnel and their kin


def keep_layers(network: Any, layers: Sequence[int]) -> tuple[Any, str]:
    """Return a network of some layers of another, with one line for the log. Raises ConfigError as `stack_of`."""
    stack = stack_of(network, layers)
    names = {f"{stack[layer]}.": f"{stack[at]}." for at, layer in enumerate(layers)}
    dropped = tuple(f"{name}." for name in stack)
    weights = {}
    for name, tensor in network.state_dict().items():
        start = next((start for start in dropped if name.startswith(start)), None)
        if start is None:
            weights[name] = tensor
        elif start in names:
            weights[names[start] + name.removeprefix(start)] = tensor
    config = copy.deepcopy(network.config)
    config.num_hidden_layers = len(layers)
    shallow = type(network)(config)
    shallow.load_state_dict(weights)
    return shallow, f"layers {', '.join(map(str, layers))} of {len(stack)} are kept"


def stack_of(network: Any, layers: Sequence[int]) -> list[str]:
    """Return the names of a network's layers, the lowest first.

    Raises:
        ConfigError: It has no such layers, none in one plain stack, or they are not ascending.
    """
    found = stacks(network)
    config = network.config
    kind = config.model_type
    if len(found) != 1 or len(found[0]) != config.num_hidden_layers or per_layer(config):
        raise ConfigError(f"model.layers can do nothing for {kind}: its layers are not alike; set model.layers=null")
    count = len(found[0])
    if not layers or sorted(set(layers)) != list(layers) or layers[-1] >= count or layers[0] < 0:
        raise ConfigError(
            f"model.layers={list(layers)}: expected ascending numbers of 0 to {count - 1}, which the backbone has"
        )
    if len(layers) == count:
        raise ConfigError(f"model.layers={list(layers)} are all layers of the backbone; set model.layers=null")
    return found[0]


def per_layer(config: Any) -> bool:
    """Return True if a config has a value for each layer, such as its kind of attention."""
    return any(isinstance(getattr(config, name, None), list) for name in PER_LAYER)
