"""Mixed precision: the matrix products whose rounding moves answers most stay fp32, as few as the gate demands."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiment.export.comparison import Comparison, Trial
from sentiment.export.quantization import Quantized, fit_products, quantize, weight_bits
from sentiment.files import temporary_path
from sentiment.inference.runtimes import OnnxRuntime

log = logging.getLogger(__name__)

PROBED = 64  # validation texts on which the rounding of each product alone is measured


@dataclass(frozen=True, slots=True)
class Rounding:
    """The products of an fp32 graph, quantized once for all graphs that round some of them."""

    exact: Path  # the fp32 graph
    products: dict[str, Quantized]
    bits: int

    @classmethod
    def fit(cls, exact: Path, batches: Sequence[Sequence[Sequence[int]]], pad_id: int) -> "Rounding":
        bits = weight_bits()
        return cls(exact, fit_products(exact, batches, pad_id, bits=bits), bits)

    def write(self, target: Path, in_fp32: Sequence[str] = ()) -> None:
        quantize(self.exact, target, self.products, bits=self.bits, in_fp32=in_fp32)


def most_sensitive_first(rounding: Rounding, probe: Comparison) -> list[str]:
    """Sort the products by the mean squared error that rounding each of them alone makes, over its time in fp32."""
    names, gains = list(rounding.products), {}
    for name in names:
        with temporary_path(rounding.exact) as graph:
            rounding.write(graph, [other for other in names if other != name])
            error = probe(OnnxRuntime(graph, probe.model.pad_id)).rms ** 2
        gains[name] = error / rounding.products[name].weights.size  # the time of a product grows with its weights
    return sorted(names, key=gains.__getitem__, reverse=True)


def search(rounding: Rounding, probe: Comparison, attempt: Callable[[Sequence[str]], Trial | None]) -> Trial | None:
    """Find the fewest products in fp32 that pass the gate, by bisection over the products sorted by sensitivity.

    Args:
        rounding: The quantized products.
        probe: Comparison on a few texts, run once for each product.
        attempt: Builds and compares a graph with some products in fp32, at most log2(products) + 1 times; None if it
            cannot be built.

    Returns:
        The passing trial, or None.
    """
    count = len(rounding.products)
    log.info("int8 does not pass; rounding each of %d products alone on %d texts", count, len(probe.texts))
    order = most_sensitive_first(rounding, probe)
    best, low, high = None, 1, count - 1
    while low <= high:
        middle = (low + high) // 2
        trial = attempt(order[:middle])
        if trial and trial.fidelity.passes:
            best, high = trial, middle - 1
        else:
            low = middle + 1
    return best
