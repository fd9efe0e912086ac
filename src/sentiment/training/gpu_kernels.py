"""GPU training speedups: compiled layers. Packed rows are in `sentiment.inference.packing`."""

from typing import Any

import torch

from sentiment.training.param_groups import outer_lists


def compile_layers(network: Any) -> None:
    """Compile each layer of the network but the last, in place: its weights and their names do not change.

    All layers share the code of one, which is compiled once, for batches of any size. The last layer is left, as hooks
    restrict it to the first token of each row.
    """
    modules = dict(network.named_modules())
    for layers in outer_lists(network):
        for name in layers[:-1]:
            modules[name].compile(dynamic=True)


def has_gpu(accelerator: str) -> bool:
    """Return True if Lightning's `accelerator` names a GPU of CUDA here."""
    return accelerator in ("auto", "gpu", "cuda") and torch.cuda.is_available()
