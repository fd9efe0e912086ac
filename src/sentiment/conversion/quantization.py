"""Matrix products in int8: weights by the column, activations in ranges measured once.

Activation ranges that are measured anew in each batch, as dynamic quantization does, would make an answer depend on
its neighbours in the batch. A few channels of BERT's activations are far larger than the rest: their size is moved
into the weights, which changes no product, after Xiao et al. 2023, "SmoothQuant".
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.helper import make_empty_tensor_value_info, make_node
from onnx.numpy_helper import from_array, to_array

from sentiment.conversion.graph import FIRST, quiet
from sentiment.runtimes import OnnxRuntime, pad

KINDS = ["MatMul", "Attention"]  # both take weights (K, N) as their second input; the head, a Gemm, stays fp32
LEVELS = 255  # of an unsigned byte, above 0
TINY = 1e-6

Ranges = dict[str, tuple[Any, Any]]  # the least and greatest value of each channel of a tensor, (K,) each


def quantize(graph: Path, target: Path, batches: Iterable[Sequence[Sequence[int]]], pad_id: int) -> None:
    """Write `graph` with int8 products to `target`; `batches` of token ids are what activations are measured on.

    Weights keep 7 bits: two products of 8 bits each overflow the 16-bit sums of processors without VNNI.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = onnx.load(graph)
    products = weighted(model.graph)
    found = ranges(graph, [node.input[0] for node in products], batches, pad_id)
    extremes = smooth(model.graph, found)
    onnx.save(model, target)
    with quiet():
        quantize_dynamic(
            target,
            target,
            nodes_to_quantize=[node.name for node in products],
            op_types_to_quantize=KINDS,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    model = onnx.load(target)
    fix(model.graph, extremes)
    onnx.save(model, target)


def weighted(graph: Any) -> list[Any]:
    """The products of all tokens with weights; those of the first token alone cost too little to lose a digit for."""
    initializers = {tensor.name for tensor in graph.initializer}
    attentions = [at for at, node in enumerate(graph.node) if node.op_type == "Attention"]
    end = attentions[-1] + 1 if FIRST in initializers else len(graph.node)
    return [node for node in list(graph.node)[:end] if node.op_type in KINDS and node.input[1] in initializers]


def ranges(graph: Path, names: Sequence[str], batches: Iterable[Sequence[Sequence[int]]], pad_id: int) -> Ranges:
    """By channel over all rows and tokens of all batches, padding included."""
    model = onnx.load(graph)
    names = sorted(set(names))
    model.graph.output.extend(make_empty_tensor_value_info(name) for name in names)
    seen = graph.with_suffix(".seen.onnx")
    onnx.save(model, seen)
    found: Ranges = {}
    try:
        session = OnnxRuntime(seen, pad_id).session
        for rows in batches:
            inputs = {name: tensor.numpy() for name, tensor in pad(rows, pad_id).items()}
            for name, value in zip(names, session.run(names, inputs), strict=True):
                channels = value.reshape(-1, value.shape[-1])
                low, high = found.get(name, (0.0, 0.0))
                found[name] = np.minimum(low, channels.min(axis=0)), np.maximum(high, channels.max(axis=0))
    finally:
        seen.unlink()
    return found


def smooth(graph: Any, found: Ranges) -> dict[str, tuple[float, float]]:
    """Divide the channels of each product's input by their greatest size and multiply its weights by them.

    Returns the least and greatest value of each divided tensor.
    """
    weights = {tensor.name: tensor for tensor in graph.initializer}
    extremes = {}
    for node in weighted(graph):
        name, weight = node.input[0], weights[node.input[1]]
        low, high = found[name]
        share = np.maximum(np.maximum(-low, high), TINY)
        weight.CopyFrom(from_array((to_array(weight) * share[:, None]).astype(np.float32), weight.name))
        smoothed = f"{node.name}_smoothed"
        graph.initializer.append(from_array((1 / share).astype(np.float32), f"{smoothed}_by"))
        graph.node.insert(list(graph.node).index(node), make_node("Mul", [name, f"{smoothed}_by"], [smoothed]))
        node.input[0] = smoothed
        extremes[smoothed] = float((low / share).min()), float((high / share).max())
    return extremes


def fix(graph: Any, extremes: dict[str, tuple[float, float]]) -> None:
    """Replace each measuring node by one that rounds with a constant scale and zero point."""
    for i, node in enumerate(graph.node):
        if node.op_type != "DynamicQuantizeLinear":
            continue
        low, high = extremes[node.input[0]]
        scale = np.float32(max((high - low) / LEVELS, TINY))
        zero = np.uint8(np.clip(np.round(-low / scale), 0, LEVELS))
        rounded, scale_name, zero_name = node.output
        graph.initializer.append(from_array(np.asarray(scale), scale_name))
        graph.initializer.append(from_array(np.asarray(zero), zero_name))
        inputs = [node.input[0], scale_name, zero_name]
        graph.node[i].CopyFrom(make_node("QuantizeLinear", inputs, [rounded], name=node.name))
