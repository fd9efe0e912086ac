"""Comparison of runtimes with PyTorch on validation texts, and the record of it that stays in the export."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from sentiment.errors import ModelError
from sentiment.files import write_json
from sentiment.inference.checksums import update_checksums
from sentiment.inference.fidelity import CONVERSION, MAX_LOSS, MAX_MARGIN, MAX_RMS, Fidelity, compare
from sentiment.inference.pairs import Text
from sentiment.inference.predictor import Predictor
from sentiment.inference.runtimes import Compute

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Trial:
    """A runtime with its distance from PyTorch."""

    runtime: str
    fidelity: Fidelity
    bits: int | None = None  # of int8 weights
    products: int = 0  # of int8 graphs: matrix products with weights, the last layer's of one token left out
    in_fp32: Sequence[str] = ()  # those of them that stay fp32

    def __str__(self) -> str:
        kept = f", {len(self.in_fp32)} of {self.products} products in fp32" if self.in_fp32 else ""
        how = f" ({self.bits}-bit weights{kept})" if self.bits else ""
        return f"{self.runtime}{how}: {self.fidelity}"

    def to_json(self) -> dict[str, Any]:
        own = {"weight_bits": self.bits, "products": self.products, "in_fp32": list(self.in_fp32)} if self.bits else {}
        return {"runtime": self.runtime, **own, **self.fidelity.to_json()}


class Comparison:
    """PyTorch's answers to some texts, before the temperature, which is fitted later, and how near others come."""

    def __init__(self, reference: Predictor, texts: Sequence[Text]) -> None:
        self.model, self.texts = copy.copy(reference), texts
        self.model.preprocessing = replace(reference.preprocessing, temperature=1.0)
        self.expected = answers(self.model, texts)

    def __call__(self, compute: Compute) -> Fidelity:
        """Compare a runtime's answers to the texts; whatever it raises is let through."""
        other = copy.copy(self.model)
        other.compute = compute
        return compare(answers(other, self.texts), self.expected, self.model.decoding)


def answers(model: Predictor, texts: Sequence[Text]) -> Any:
    """Compute probabilities, (N, labels). Raises ModelError if one is not a number."""
    found = model.probabilities(texts)
    if not found.isfinite().all():
        raise ModelError("its answers are not numbers")
    return found


def write_conversion(exported: Path, chosen: Trial | None, trials: Sequence[Trial]) -> None:
    """Store in conversion.json which runtime was chosen, None for torch, and what was tried."""
    record = {
        "summary": str(chosen or "torch"),
        "chosen": {"runtime": "torch"} if chosen is None else chosen.to_json(),
        "limits": {"loss": MAX_LOSS, "rms": MAX_RMS, "margin": MAX_MARGIN},
        "tried": [trial.to_json() for trial in trials],
    }
    write_json(exported / CONVERSION, record)
    update_checksums(exported, CONVERSION)


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most `most` evenly spaced items, since files are often sorted by label."""
    return [items[i * len(items) // most] for i in range(most)] if len(items) > most else list(items)
