"""What computes logits from token ids: PyTorch, or ONNX Runtime with a graph of the export folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from sentiment.errors import ModelError
from sentiment.inference.batching import pad
from sentiment.inference.preprocessing import Runtime
from sentiment.inference.privacy import keep_to_this_machine

keep_to_this_machine()  # ONNX Runtime opens its database of events as it is imported, which is done below

Compute = Callable[[Sequence[Sequence[int]]], torch.Tensor]  # rows of ids -> logits (rows, labels), float32, on the CPU


def graph_of(export: Path, runtime: Runtime) -> Path:
    """The file that a runtime other than torch computes with: model-onnx.onnx, model-onnx-int8.onnx."""
    return export / f"model-{runtime}.onnx"


def first_token_only(network: Any) -> Any:
    """Let the last layer of a BERT classifier go on with the first token alone after its attention.

    The head reads no other, so neither logits nor gradients change; of six layers an eighth of the work is saved.
    """
    from transformers import BertForSequenceClassification

    if isinstance(network, BertForSequenceClassification):
        last: Any = network.bert.encoder.layer[-1]
        last.attention.self.first_query_only = True  # for an attention that cares: ours, on a CPU
        last.attention.output.register_forward_pre_hook(lambda module, states: tuple(state[:, :1] for state in states))
    return network


class TorchRuntime:
    """The model of transformers; the only one for a GPU, and the one that has gradients."""

    def __init__(self, model: Any, pad_id: int, *, device: str = "cpu") -> None:
        self.model, self.pad_id, self.device = model, pad_id, device

    @torch.inference_mode()
    def __call__(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        inputs = {name: tensor.to(self.device) for name, tensor in pad(rows, self.pad_id).items()}
        logits: torch.Tensor = self.model(**inputs).logits.float().cpu()
        return logits


class OnnxRuntime:
    """ONNX Runtime on the CPU, with as many threads as torch has been given."""

    def __init__(self, graph: Path, pad_id: int, *, labels: int | None = None) -> None:
        import onnxruntime

        run = graph.parent.parent if graph.parent.name == "export" else graph.parent
        remedy = f"make it with: sentiment export run={run} runtime={graph.stem.removeprefix('model-')}"
        if not graph.is_file():
            raise ModelError(f"{graph} is missing; {remedy}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # errors are raised, too
        options.add_session_config_entry("session.force_spinning_stop", "1")  # the server's Java has the same cores
        try:
            self.session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
            )  # the two that it puts into one take a fifth of its time
        except Exception as error:  # of many kinds, that share no other base
            raise ModelError(
                f"{graph} is damaged: it cannot be read ({' '.join(str(error).split())}); {remedy}"
            ) from error
        inputs, outputs = (
            [node.name for node in nodes] for nodes in (self.session.get_inputs(), self.session.get_outputs())
        )
        if sorted(inputs) != ["attention_mask", "input_ids"] or "logits" not in outputs[:1]:
            raise ModelError(f"{graph} is no graph of this project: it takes {inputs} and gives {outputs}; {remedy}")
        width = self.session.get_outputs()[0].shape[-1]
        if labels is not None and isinstance(width, int) and width != labels:
            raise ModelError(f"{graph} tells {width} labels apart, config.json names {labels}; {remedy}")
        self.graph, self.pad_id = graph, pad_id

    def __call__(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        inputs = {name: tensor.numpy() for name, tensor in pad(rows, self.pad_id).items()}
        [logits] = self.session.run(["logits"], inputs)
        return torch.from_numpy(logits)
