"""The bf16 runtime of a GPU, and the comparison with fp32 that a model must pass to be answered in it."""

import copy
import logging
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import numpy as np
import torch

from sentiment.errors import ConfigError, ModelError
from sentiment.inference.fidelity import compare
from sentiment.inference.packing import enable_packing, pack, packs
from sentiment.inference.runtimes import Compute, Opening, TorchRuntime, register
from sentiment.inference.tasks import SINGLE, Decoding

log = logging.getLogger(__name__)


@register("torch-bf16")
class Bf16Runtime(TorchRuntime):
    """transformers model in bf16 on a GPU; BERT's rows are packed, so that no padding is computed.

    Opening it compares it with fp32, so that a model whose answers do not survive bf16 is never asked in it.
    """

    @classmethod
    def open(cls, opening: Opening) -> "Bf16Runtime":
        """Load the model. Raises ConfigError without a GPU that has bf16, ModelError if its answers differ in bf16."""
        if not has_bf16(opening.device):
            raise ConfigError(
                f"runtime={opening.name}: device={opening.device} multiplies no bf16 matrices; set runtime=torch"
            )
        exact = TorchRuntime.open(opening)
        runtime = cls(exact.model, opening.pad_id, device=opening.device)
        rows = probes(exact.model.config.vocab_size, opening.longest)
        if reason := unfaithful(runtime, exact, rows, opening.decoding):
            raise ModelError(f"{opening.export} cannot be answered in bf16: {reason}; set runtime=torch")
        return runtime

    def __init__(self, model: Any, pad_id: int, *, device: str) -> None:
        super().__init__(copy.deepcopy(model).to(torch.bfloat16), pad_id, device=device)
        self.packed = packs(self.model)
        if self.packed:
            enable_packing(self.model)
        self._lock = Lock()  # a packed call leaves the starts of its rows in the network

    @torch.inference_mode()
    def __call__(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        if not self.packed:
            return super().__call__(rows)
        inputs = on_device(pack(rows, self.pad_id), self.device)
        with self._lock:
            logits: torch.Tensor = self.model(**inputs).logits.float()
        return logits


def on_device(inputs: dict[str, Any], device: str) -> dict[str, Any]:
    """Move the tensors of a batch to a GPU from pinned memory, which the host does not wait for."""
    pinned = torch.device(device).type == "cuda"
    return {
        name: (value.pin_memory() if pinned else value).to(device, non_blocking=pinned)
        if isinstance(value, torch.Tensor)
        else value
        for name, value in inputs.items()
    }


def has_bf16(device: str) -> bool:
    """Return True for a GPU that multiplies bf16 matrices."""
    return torch.device(device).type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


def open_on_gpu(opening: Opening) -> tuple[str, Compute]:
    """Open `torch-bf16` where its answers are those of fp32, else `torch`; returns the name too."""
    if has_bf16(opening.device):
        try:
            return "torch-bf16", Bf16Runtime.open(replace(opening, name="torch-bf16"))
        except ModelError as error:
            log.warning("%s; fp32 computes the answers", str(error).partition("; set")[0])
    return "torch", TorchRuntime.open(opening)


def probes(vocabulary: int, longest: int, count: int = 256) -> list[list[int]]:
    """Draw rows of random token ids, from one token to the longest row; the same in each process."""
    rng = np.random.default_rng(0)
    return [rng.integers(0, vocabulary, 1 + i * (longest - 1) // (count - 1)).tolist() for i in range(count)]


def unfaithful(
    runtime: Compute, exact: Compute, rows: Sequence[Sequence[int]], decoding: Decoding = SINGLE
) -> str | None:
    """Return the reason why a runtime's answers to `rows` do not pass the gate beside the exact one's, or None."""
    got, expected = (
        torch.cat([compute(rows[i : i + 32]).cpu() for i in range(0, len(rows), 32)]).numpy()
        for compute in (runtime, exact)
    )
    if not np.isfinite(got).all():
        return "its answers are not numbers"
    ours, theirs = (decoding.calibrated(decoding.probabilities(logits), 1.0) for logits in (got, expected))
    found = compare(ours, theirs, decoding)
    return None if found.passes else str(found)
