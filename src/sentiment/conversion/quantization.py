"""Matrix products in int8: weights by the column, activations in ranges measured once.

Activation ranges that are measured anew in each batch, as dynamic quantization does, would make an answer depend on
its neighbours in the batch.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx.helper import make_node
from onnx.numpy_helper import from_array

from sentiment.conversion.graph import quiet
from sentiment.runtimes import OnnxRuntime, pad

KINDS = ["MatMul", "Attention"]
LEVELS = 255  # of an unsigned byte, above 0


def quantize(graph: Path, target: Path, batches: Iterable[Sequence[Sequence[int]]], pad_id: int) -> None:
    """Write `graph` with int8 products to `target`; `batches` of token ids are what activations are measured on.

    Weights keep 7 bits: two products of 8 bits each overflow the 16-bit sums of processors without VNNI.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with quiet():
        quantize_dynamic(
            graph,
            target,
            op_types_to_quantize=KINDS,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )
    model = onnx.load(target)
    measured = [node.input[0] for node in model.graph.node if node.op_type == "DynamicQuantizeLinear"]
    fix(model.graph, ranges(graph, measured, batches, pad_id))
    onnx.save(model, target)


def ranges(
    graph: Path, names: Sequence[str], batches: Iterable[Sequence[Sequence[int]]], pad_id: int
) -> dict[str, tuple[float, float]]:
    """The least and the greatest value of each tensor over all batches, padding included."""
    model = onnx.load(graph)
    names = sorted(set(names))
    for name in names:
        model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    seen = graph.with_suffix(".seen.onnx")
    onnx.save(model, seen)
    try:
        session = OnnxRuntime(seen, pad_id).session
        found = {name: (0.0, 0.0) for name in names}
        for rows in batches:
            inputs = {name: tensor.numpy() for name, tensor in pad(rows, pad_id).items()}
            for name, value in zip(names, session.run(names, inputs), strict=True):
                low, high = found[name]
                found[name] = min(low, float(value.min())), max(high, float(value.max()))
    finally:
        seen.unlink()
    return found


def fix(graph: Any, found: dict[str, tuple[float, float]]) -> None:
    """Replace each measuring node by one that rounds with a constant scale and zero point."""
    for i, node in enumerate(graph.node):
        if node.op_type != "DynamicQuantizeLinear":
            continue
        low, high = found[node.input[0]]
        scale = max((high - low) / LEVELS, float(np.finfo(np.float32).tiny))
        zero = round(-low / scale)
        rounded, scale_name, zero_name = node.output
        graph.initializer.append(from_array(np.array(scale, dtype=np.float32), scale_name))
        graph.initializer.append(from_array(np.array(zero, dtype=np.uint8), zero_name))
        graph.node[i].CopyFrom(
            make_node("QuantizeLinear", [node.input[0], scale_name, zero_name], [rounded], name=node.name)
        )
