"""LoRA adapters (Hu et al. 2021) through peft, for any backbone with linear layers."""

import copy
import warnings
from typing import Any

import torch

from sentiment.errors import ConfigError


def with_adapters(network: Any, lora: Any) -> Any:
    """Freeze the backbone, add LoRA adapters, and keep the whole head trainable.

    Args:
        network: a transformers sequence classifier.
        lora: a `peft.LoraConfig`; it is copied before the head is added to its `modules_to_save`.

    Returns:
        The `peft.PeftModel`.

    Raises:
        ConfigError: the backbone has none of the modules that `lora.target_modules` names.
    """
    import peft

    lora = copy.deepcopy(lora)
    lora.modules_to_save = [*(lora.modules_to_save or []), *head_modules(network)]  # peft knows only two head names
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing", category=FutureWarning)
        try:
            return peft.get_peft_model(network, lora)
        except ValueError as error:
            wanted = lora.target_modules
            names = wanted if isinstance(wanted, str) else ",".join(sorted(wanted or ["?"]))
            raise ConfigError(
                f"model.lora.target_modules=[{names}] does not fit {network.config.model_type}: "
                f"{str(error).splitlines()[0]}; name some of its linear layers {', '.join(linear_names(network))}"
            ) from error


def head_modules(network: Any) -> list[str]:
    """List the direct children outside the encoder that have parameters."""
    return [
        name
        for name, module in network.named_children()
        if name != network.base_model_prefix and any(True for _ in module.parameters())
    ]


def linear_names(network: Any) -> list[str]:
    """List the encoder's linear and Conv1d layers by the last component of their names, without duplicates."""
    encoder = getattr(network, network.base_model_prefix, network)
    kinds = (torch.nn.Linear, torch.nn.Conv1d)
    names = (name.rpartition(".")[2] for name, module in encoder.named_modules() if isinstance(module, kinds))
    return list(dict.fromkeys(names))
