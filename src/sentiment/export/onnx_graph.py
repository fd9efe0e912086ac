"""The exported model as an optimized ONNX graph: traced, with fused attention, without unused computation."""

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx.helper import make_node, make_tensor
from transformers import AutoModelForSequenceClassification

from sentiment.inference.batching import takes_types
from sentiment.inference.export_dir import read_preprocessing

OPSET = 17
NODES_OF_A_LAYER = 1000  # BERT has 100; more means unrolled loops: no fusion matches, in quadratic time
FIRST = "first_token"
PLAIN = {"SkipLayerNormalization": ("LayerNormalization", ""), "BiasGelu": ("Gelu", "com.microsoft")}


class Logits(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        logits: torch.Tensor = self.model(input_ids=input_ids, attention_mask=attention_mask, **types).logits
        return logits


def build(exported: Path, target: Path, *, fused: bool = True) -> None:
    """Write the fp32 ONNX graph of an export folder, attention, norms and activations `fused` as far as BERT has them.

    Inputs are input_ids, attention_mask and, of a model that reads aspects by token types, token_type_ids, all (B, T);
    the output is logits, (B, C).
    """
    model = AutoModelForSequenceClassification.from_pretrained(
        exported, local_files_only=True, attn_implementation="eager"
    )  # the fusions only match eager attention
    trace(model.eval(), target, types=read_preprocessing(exported).aspects and takes_types(model.config))
    if fused and len(onnx.load(target).graph.node) <= NODES_OF_A_LAYER * model.config.num_hidden_layers:
        fuse(target, model.config)


def fuse(target: Path, config: Any) -> None:
    """Fuse a traced graph in place with ONNX Runtime's optimizer, and remove what is slow on a CPU."""
    from onnxruntime.transformers.optimizer import optimize_model

    heads, width = config.num_attention_heads, config.hidden_size
    with quiet():
        fused = optimize_model(str(target), model_type="bert", num_heads=heads, hidden_size=width, opt_level=0)
        fused.save_model_to_file(str(target))  # saving also declares the operator sets
    graph = onnx.load(target)
    first_token_only(graph.graph)
    plain_sums(graph.graph)
    onnx.save(graph, target)


def trace(model: Any, target: Path, *, types: bool = False) -> None:
    ids = torch.full((2, 8), model.config.pad_token_id or 0)
    mask = torch.ones_like(ids)
    mask[0, 5:] = 0
    inputs = {"input_ids": ids, "attention_mask": mask}
    if types:
        inputs["token_type_ids"] = torch.zeros_like(ids)
    with quiet():
        torch.onnx.export(
            Logits(model),
            tuple(inputs.values()),
            str(target),
            dynamo=False,  # the tracer takes seconds, dynamo a minute
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_axes={name: {0: "rows", 1: "tokens"} for name in inputs},
        )


def first_token_only(graph: Any) -> bool:
    """Compute only the first token in the last layer after its attention, if the head reads no other.

    The result is the same, with an eighth less work in a model of six layers.

    Returns:
        False if the graph does not match the pattern.
    """
    makers = {name: node for node in graph.node for name in node.output}
    for gather in (node for node in graph.node if node.op_type == "Gather"):
        if chain := last_layer(gather, makers):
            project, middle = chain
            graph.initializer.append(make_tensor(FIRST, onnx.TensorProto.INT64, [1], [0]))
            at = list(graph.node).index(project)
            for node, i in ((project, 0), (middle, 1)):
                short = f"{node.input[i]}_{FIRST}"
                graph.node.insert(at, make_node("Gather", [node.input[i], FIRST], [short], axis=1, name=short))
                node.input[i] = short
            return True
    return False


def last_layer(gather: Any, makers: dict[str, Any]) -> tuple[Any, Any] | None:
    """Return the output projection and the middle norm of the layer whose first token `gather` selects, or None."""
    last = makers.get(gather.input[0])
    if not last or last.op_type != "SkipLayerNormalization":
        return None
    nodes, name = [], last.input[0]
    for kind in ("MatMul", "BiasGelu", "MatMul", "SkipLayerNormalization", "MatMul", "Attention"):
        node = makers.get(name)
        if not node or node.op_type != kind:
            return None
        nodes.append(node)
        name = node.input[0]
    middle, project = nodes[3], nodes[4]
    return (project, middle) if last.input[1] == middle.output[0] else None


def plain_sums(graph: Any) -> None:
    """Split the additions out of SkipLayerNormalization and BiasGelu.

    SkipLayerNormalization is five times slower on a CPU than Add and LayerNormalization; an int8 product can add its
    bias itself.
    """
    for node in [node for node in graph.node if node.op_type in PLAIN]:
        at = list(graph.node).index(node)
        graph.node.remove(node)
        if node.op_type == "BiasGelu":
            value, parts, rest = node.input[0], node.input[1:], []
        else:
            value, skip, *rest = node.input
            parts, rest = [*rest[2:], skip], rest[:2]  # add the bias first
        found = []
        for number, part in enumerate(filter(None, parts)):
            total = f"{node.output[0]}_sum_{number}"
            found.append(make_node("Add", [value, part], [total], name=total))
            value = total
        kind, domain = PLAIN[node.op_type]
        plain = make_node(kind, [value, *rest], list(node.output[:1]), name=node.name, domain=domain)
        plain.attribute.extend(node.attribute)
        for new in reversed([*found, plain]):
            graph.node.insert(at, new)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the warnings of tracer and optimizer about their own code, such as a page of graph if tracing fails."""
    logging.disable(logging.WARNING)
    torch._C._jit_set_onnx_log_output_stream("stderr")
    sys.stderr.flush()
    terminal = os.dup(2)
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)  # C++ code writes to the descriptor, not to sys.stderr
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nothing)
        logging.disable(logging.NOTSET)
