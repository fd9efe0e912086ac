"""An ONNX graph cut into parts at the hidden states of some layers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx.helper import make_tensor_value_info, set_model_props
from onnx.utils import Extractor

from sentiment.errors import ModelError

MASK_INPUT = {"Attention": 3, "QAttention": 5}  # by operator: the place of the mask among its inputs


def cut(graph: Path, layers: Sequence[int], parts: Sequence[Path]) -> None:
    """Write the parts of a fused graph to files, each of which ends after one of `layers`, the last with the logits.

    Raises:
        ModelError: The graph has no fused attention, as of architectures other than BERT, or not as many layers.
    """
    model = onnx.load(graph)
    attentions = [node for node in model.graph.node if node.op_type in MASK_INPUT]
    if len(attentions) <= max(layers):
        raise ModelError(f"{graph} cannot be cut after layer {max(layers)}: it has {len(attentions)} fused layers")
    makers = {name: node for node in model.graph.node for name in node.output}
    mask = attentions[0].input[MASK_INPUT[attentions[0].op_type]]
    states = [hidden_state(attentions[layer], makers) for layer in layers]
    dims = ["rows", "tokens"] if makers[mask].op_type == "Cast" else ["rows"]  # else it has the lengths of the rows
    known = [make_tensor_value_info(mask, onnx.TensorProto.INT32, dims)]
    known += [make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["rows", "tokens", "width"]) for name in states]
    model.graph.value_info.extend(known)
    extractor = Extractor(model)
    inputs = [[one.name for one in model.graph.input], *([name, mask] for name in states)]
    for own, output, path in zip(inputs, [*states, "logits"], parts, strict=True):
        part = extractor.extract_model(own, [output])
        set_model_props(part, {one.key: one.value for one in model.metadata_props})
        onnx.save(part, path)


def hidden_state(attention: Any, makers: dict[str, Any]) -> str:
    """Return the name of the hidden state that a layer reads, before it is quantized."""
    name = str(attention.input[0])
    if attention.op_type == "QAttention":  # Mul and QuantizeLinear, as quantization puts them
        name = str(makers[makers[name].input[0]].input[0])
    return name
