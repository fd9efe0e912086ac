"""Low-rank adapters for a classifier (Hu et al. 2021), by peft, for any backbone that has linear layers to adapt."""

import copy
import warnings
from typing import Any

import torch

from sentiment.errors import ConfigError


def with_adapters(network: Any, lora: Any) -> Any:
    """Freeze `network`, add the adapters of a peft.LoraConfig, and let the whole head learn.

    Raises:
        ConfigError: the backbone has none of the modules that `lora` names.
    """
    import peft

    lora = copy.deepcopy(lora)
    lora.modules_to_save = [*(lora.modules_to_save or []), *head_modules(network)]  # peft knows but two names of heads
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
    """The children of a classifier beside its encoder that have weights."""
    return [
        name
        for name, module in network.named_children()
        if name != network.base_model_prefix and any(True for _ in module.parameters())
    ]


def linear_names(network: Any) -> list[str]:
    """The last part of the names of the encoder's linear layers, each once."""
    encoder = getattr(network, network.base_model_prefix, network)
    kinds = (torch.nn.Linear, torch.nn.Conv1d)
    names = (name.rpartition(".")[2] for name, module in encoder.named_modules() if isinstance(module, kinds))
    return list(dict.fromkeys(names))
