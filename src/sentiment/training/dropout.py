"""Dropout rates of a backbone, whatever its architecture calls them."""

from typing import Any

import torch

from sentiment.errors import ConfigError
from sentiment.training.heads import skeleton
from sentiment.training.param_groups import encoder_prefix

HEAD_DROPOUT = ("classifier_dropout", "classifier_dropout_prob", "seq_classif_dropout", "cls_dropout")
ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop", "attn_dropout")
PROBE = 0.123  # a rate that no architecture has by default


def head_dropouts(network: Any) -> list[torch.nn.Dropout]:
    inside = encoder_prefix(network)
    return [
        module
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.Dropout) and not name.startswith(inside)
    ]


def set_head_dropout(network: Any, rate: float) -> None:
    """Set the rate of every dropout layer in the head, and the config attribute for it if there is one."""
    for module in head_dropouts(network):
        module.p = rate
    for name in HEAD_DROPOUT:
        if hasattr(network.config, name):
            setattr(network.config, name, rate)


def drops(network: Any, head: float | None) -> bool:
    """Return True if a network drops anything in training, with this rate in its head; None keeps that of the head."""
    if head is not None:
        set_head_dropout(network, head)
    return any(isinstance(module, torch.nn.Dropout) and module.p > 0 for module in network.modules())


def set_attention_dropout(config: Any, rate: float | None) -> list[str]:
    """Set attention dropout in the config, before the network is built from it.

    Returns:
        A remark for the log if a rate of 0 is asked for and the architecture has other dropout that cannot be separated
        from that of the attention weights.

    Raises:
        ConfigError: a rate above 0 is asked for and the architecture has no attention dropout.
    """
    name = attention_attribute(config)
    if rate is None:
        return []
    if name is not None:
        setattr(config, name, rate)
        return []
    if rate:
        raise ConfigError(refusal("attention_dropout", rate, config, "null"))
    others = [f"{name}={value}" for name, value in dropouts(config).items() if value]
    return [f"{config.model_type} has no dropout of the attention weights alone, it keeps {', '.join(others)}"] * (
        bool(others)
    )


def attention_attribute(config: Any) -> str | None:
    """Return the attention-dropout attribute of the config that changes a rate in the network built from it, if any."""
    names = [name for name in ATTENTION_DROPOUT if hasattr(config, name)]
    return next((name for name in names if rates(config, name, PROBE) != rates(config, name, 0.0)), None)


def rates(config: Any, attribute: str, value: float) -> list[tuple[str, str, float]]:
    """List every dropout rate in a network built with `attribute` set to `value`.

    Returns:
        Module path, attribute name and rate, for dropout modules and for rates stored as numbers in other modules.
    """
    before = getattr(config, attribute)
    setattr(config, attribute, value)
    try:
        network = skeleton(config)
    finally:
        setattr(config, attribute, before)
    return [
        (path, name, number)
        for path, module in network.named_modules()
        for name, number in vars(module).items()
        if isinstance(number, float) and (name == "p" or "drop" in name)
    ]


def dropouts(config: Any) -> dict[str, float]:
    """Return the config's dropout rates by attribute."""
    return {
        name: float(value)
        for name, value in config.to_dict().items()
        if "drop" in name and isinstance(value, int | float) and not isinstance(value, bool)
    }


def refusal(key: str, value: Any, config: Any, neutral: str) -> str:
    there = ", ".join(dropouts(config)) or "no dropout at all"
    return (
        f"model.{key}={value} can do nothing for {config.model_type}: its config.json has {there}; "
        f"set model.{key}={neutral}"
    )
