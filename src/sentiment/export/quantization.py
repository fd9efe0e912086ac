"""Static int8 quantization of matrix products: weights per column, activations per tensor.

Activation ranges are calibrated once; measured anew in each batch, as dynamic quantization does, they would make a
prediction depend on the other texts of its batch. A few channels of BERT's activations are outliers: most of their
magnitude is migrated into the weights, which leaves the products unchanged (Xiao et al. 2023, "SmoothQuant"). Weights
are rounded row by row, and the later rows compensate each row's rounding error (Frantar et al. 2023, "GPTQ").
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.helper import make_empty_tensor_value_info, make_node, set_model_props
from onnx.numpy_helper import from_array, to_array

from sentiment.export.onnx_graph import FIRST
from sentiment.files import temporary_path
from sentiment.inference.runtimes import WEIGHT_BITS, OnnxRuntime, saturates

KINDS = ("MatMul", "Attention")  # weights (K, N) are the second input; the head, a Gemm, stays fp32
LEVELS = 255  # largest uint8
WEIGHT_LEVELS = {8: 127, 7: 64}  # by bits; without VNNI, the 16-bit sum of two 8-bit products overflows
SMOOTHQUANT_ALPHA = 0.9  # SmoothQuant's migration strength; 1 costs the weights precision, 0.5 the activations
DAMPING = 0.01  # GPTQ's damping, relative to the mean of the Gram matrix's diagonal
TINY = 1e-6


@dataclass(frozen=True, slots=True)
class Seen:
    """Per-channel min and max, and the Gram matrix, of a product's input over all calibration tokens, with padding."""

    low: Any  # per channel, (K,)
    high: Any
    moments: Any  # Gram matrix, summed over rows and tokens, (K, K)


@dataclass(frozen=True, slots=True)
class Quantized:
    """A quantized product: the input times `factors`, quantized with `scale` and `zero`, times int8 weights."""

    factors: Any  # (K,), float32
    scale: Any  # float32
    zero: Any  # uint8
    weights: Any  # (K, N), int8
    scales: Any  # weight scale per column, (N,), float32


def fit_products(
    graph: Path, batches: Iterable[Sequence[Sequence[int]]], pad_id: int, *, bits: int
) -> dict[str, Quantized]:
    """Quantize the products of a graph.

    Returns:
        The quantized products by the names of their nodes, in the order of the graph.
    """
    model, levels = onnx.load(graph).graph, WEIGHT_LEVELS[bits]
    nodes, weights = weighted_products(model), {tensor.name: tensor for tensor in model.initializer}
    seen = observe(graph, [node.input[0] for node in nodes], batches, pad_id)
    return {node.name: fit(seen[node.input[0]], to_array(weights[node.input[1]]), levels) for node in nodes}


def weight_bits() -> int:
    """Return the bits of weights whose products this processor computes exactly and fast."""
    return 7 if saturates() else 8


def quantize(
    graph: Path, target: Path, products: Mapping[str, Quantized], *, bits: int, in_fp32: Collection[str] = ()
) -> None:
    """Write `graph` with int8 products to `target`; those of the nodes named in `in_fp32` stay as they are."""
    model = onnx.load(graph)
    for node in weighted_products(model.graph):
        if node.name not in in_fp32:
            replace(model.graph, node, products[node.name])
    drop_unused(model.graph)
    set_model_props(model, {WEIGHT_BITS: str(bits)})
    onnx.save(model, target)


def drop_unused(graph: Any) -> None:
    """Remove the initializers that no node uses, such as the fp32 weights."""
    used = {name for node in graph.node for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)


def weighted_products(graph: Any) -> list[Any]:
    """List the products with weights that process all tokens.

    Those of the first token alone stay fp32: they cost too little to lose precision for.
    """
    initializers = {tensor.name for tensor in graph.initializer}
    attentions = [at for at, node in enumerate(graph.node) if node.op_type == "Attention"]
    end = attentions[-1] + 1 if FIRST in initializers else len(graph.node)
    return [node for node in list(graph.node)[:end] if node.op_type in KINDS and node.input[1] in initializers]


def observe(
    graph: Path, names: Sequence[str], batches: Iterable[Sequence[Sequence[int]]], pad_id: int
) -> dict[str, Seen]:
    """Run the graph on the calibration batches and collect the statistics of the tensors `names`."""
    model = onnx.load(graph)
    names = sorted(set(names))
    model.graph.output.extend(make_empty_tensor_value_info(name) for name in names)
    found: dict[str, Seen] = {}
    with temporary_path(graph) as probe:
        onnx.save(model, probe)
        runtime = OnnxRuntime(probe, pad_id)
        for rows in batches:
            for name, value in zip(names, runtime.session.run(names, runtime.feed(rows)), strict=True):
                flat = value.reshape(-1, value.shape[-1])
                new = Seen(flat.min(axis=0), flat.max(axis=0), flat.T @ flat)
                found[name] = join(found[name], new) if name in found else new
    return found


def join(a: Seen, b: Seen) -> Seen:
    return Seen(np.minimum(a.low, b.low), np.maximum(a.high, b.high), a.moments + b.moments)


def fit(seen: Seen, weights: Any, levels: int) -> Quantized:
    reach = np.maximum(np.maximum(-seen.low, seen.high), TINY)
    size = reach**SMOOTHQUANT_ALPHA / np.maximum(np.abs(weights).max(axis=1), TINY) ** (1 - SMOOTHQUANT_ALPHA)
    low, high = min(0.0, float((seen.low / size).min())), max(0.0, float((seen.high / size).max()))
    scale = max((high - low) / LEVELS, TINY)
    grown = weights * size[:, None]
    scales = np.maximum(np.abs(grown).max(axis=0) / levels, TINY)
    return Quantized(
        factors=(1 / size).astype(np.float32),
        scale=np.float32(scale),
        zero=np.uint8(np.clip(np.round(-low / scale), 0, LEVELS)),
        weights=round_weights(grown / scales, seen.moments / np.outer(size, size), levels),
        scales=scales.astype(np.float32),
    )


def round_weights(weights: Any, moments: Any, levels: int) -> Any:
    """Round weights (K, N) to int8 with the GPTQ updates that minimize the error of the products.

    Args:
        weights: Weights divided by their columns' scales, (K, N).
        moments: Gram matrix of the inputs, (K, K).
        levels: The largest integer.
    """
    rest = np.array(weights, dtype=np.float32)
    damped = moments + np.eye(len(moments)) * (DAMPING * np.mean(np.diag(moments)) + TINY)
    upper = np.linalg.cholesky(np.linalg.inv(damped.astype(np.float64))).T.astype(np.float32)
    found = np.empty(rest.shape, dtype=np.int8)
    for row in range(len(rest)):
        found[row] = np.clip(np.round(rest[row]), -levels, levels)
        missed = (rest[row] - found[row]) / upper[row, row]
        rest[row + 1 :] -= np.outer(upper[row, row + 1 :], missed)
    return found


def replace(graph: Any, node: Any, by: Quantized) -> None:
    """Replace a MatMul or Attention by Mul, QuantizeLinear and an int8 operator."""

    def constant(part: str, value: Any) -> str:
        graph.initializer.append(from_array(np.asarray(value), f"{node.name}_{part}"))
        return f"{node.name}_{part}"

    weights, factors = constant("weights", by.weights), constant("factors", by.factors)
    scale, zero, scales = constant("scale", by.scale), constant("zero", by.zero), constant("scales", by.scales)
    moved, quantized = f"{node.name}_moved", f"{node.name}_quantized"
    if node.op_type == "MatMul":
        kind, inputs = "MatMulIntegerToFloat", [quantized, weights, scale, scales, zero]
        if bias := absorb_bias(graph, node):
            inputs += ["", bias]  # no zero point for the weights
    else:
        bias, mask = node.input[2:4]
        kind, inputs = "QAttention", [quantized, weights, bias, scale, scales, mask, zero]
    int8 = make_node(kind, inputs, list(node.output), name=node.name, domain="com.microsoft")
    int8.attribute.extend(node.attribute)
    at = list(graph.node).index(node)
    graph.node.remove(node)
    for new in (
        int8,
        make_node("QuantizeLinear", [moved, scale, zero], [quantized], name=quantized),
        make_node("Mul", [node.input[0], factors], [moved], name=moved),
    ):
        graph.node.insert(at, new)


def absorb_bias(graph: Any, node: Any) -> str | None:
    """Remove the Add that is the only user of a product, and return its bias's name; None if there is no such Add."""
    users = [user for user in graph.node if node.output[0] in user.input]
    if [user.op_type for user in users] != ["Add"]:
        return None
    bias = next((str(name) for name in users[0].input if name != node.output[0]), None)
    if bias not in {tensor.name for tensor in graph.initializer if len(tensor.dims) == 1}:
        return None
    graph.node.remove(users[0])
    node.output[0] = users[0].output[0]
    return bias
