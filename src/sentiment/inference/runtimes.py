"""Runtimes that map token ids to logits: PyTorch, and ONNX Runtime with a graph of the export folder."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import torch

from sentiment.errors import ModelError
from sentiment.inference.batching import pad, takes_types
from sentiment.inference.packing import first_tokens
from sentiment.inference.preprocessing import RUNTIMES
from sentiment.inference.privacy import keep_to_this_machine
from sentiment.inference.tasks import SINGLE, Decoding
from sentiment.shell import for_shell

keep_to_this_machine()  # ONNX Runtime opens its event database at import, in OnnxRuntime

log = logging.getLogger(__name__)

WEIGHT_BITS = "weight_bits"  # metadata of an int8 graph; those of earlier releases have none, and 7 bits
INPUTS = {"input_ids", "attention_mask", "token_type_ids"}  # of a graph; the last where the model reads aspects
# token ids -> logits (rows, labels), float32; a GPU's may still be computed when they are returned
Compute = Callable[[Sequence[Sequence[int]]], torch.Tensor]


@dataclass(frozen=True, slots=True)
class Opening:
    """Arguments of `Runtime.open`."""

    name: str  # the name that it is registered under
    export: Path  # the export folder
    labels: int
    pad_id: int
    device: str
    longest: int  # tokens of a row, at most
    load_model: Callable[[], Any]  # loads the model of transformers, on `device`
    decoding: Decoding = SINGLE


class Runtime(Protocol):
    """Class registered under a name that computes logits."""

    @classmethod
    def open(cls, opening: Opening) -> Compute:
        """Load what an export folder holds for this runtime."""
        ...


CLASSES: dict[str, type[Runtime]] = {}


def register(*names: str) -> Callable[[type[Any]], type[Any]]:
    """Decorate a runtime class: its names are accepted wherever a runtime is named, in configs and exports."""

    def add(cls: type[Any]) -> type[Any]:
        for name in names:
            CLASSES[name] = cls
            if name not in RUNTIMES:
                RUNTIMES.append(name)
        return cls

    return add


class _Registered:
    """Schema of the names that are registered when a config is checked."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        return handler.generate_schema(Literal[("auto", *RUNTIMES)])


RuntimeName = Annotated[str, _Registered()]


def open_runtime(opening: Opening) -> Compute:
    """Open the runtime registered under a name. Raises ModelError if its files are missing or damaged."""
    return CLASSES[opening.name].open(opening)


def graph_of(export: Path, runtime: str) -> Path:
    """Return the graph file of an ONNX runtime: model-onnx.onnx or model-onnx-int8.onnx."""
    return export / f"model-{runtime}.onnx"


def first_token_only(network: Any) -> Any:
    """Restrict the last layer of a BERT classifier to the first token after its attention.

    The head reads only that token, so logits and gradients are unchanged. Saves an eighth of the compute of a
    six-layer model. Modifies `network` in place and returns it; other architectures are unchanged.
    """
    from transformers import BertForSequenceClassification

    if isinstance(network, BertForSequenceClassification):
        last: Any = network.bert.encoder.layer[-1]
        last.attention.self.first_query_only = True  # read by this project's CPU attention kernel only
        last.attention.output.register_forward_pre_hook(first_tokens)
    return network


@register("torch")
class TorchRuntime:
    """transformers model in fp32; on a CPU and on a GPU."""

    @classmethod
    def open(cls, opening: Opening) -> "TorchRuntime":
        return cls(opening.load_model(), opening.pad_id, device=opening.device)

    def __init__(self, model: Any, pad_id: int, *, device: str = "cpu") -> None:
        self.model, self.pad_id, self.device = model, pad_id, device
        self.types = takes_types(getattr(model, "config", None))

    @torch.inference_mode()
    def __call__(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        inputs = {name: tensor.to(self.device) for name, tensor in pad(rows, self.pad_id).items()}
        if not self.types:
            inputs.pop("token_type_ids", None)
        logits: torch.Tensor = self.model(**inputs).logits.float()
        return logits


def saturates() -> bool:
    """Return True if sums of two products of uint8 and 8-bit weights overflow in 16 bits here: x86 without VNNI."""
    has = torch.cpu.get_capabilities()
    x86 = has.get("architecture") not in ("aarch64", "arm64")
    return x86 and not any(has.get(name) for name in ("avx512_vnni", "avx_vnni", "amx_int8"))


def open_session(graph: Path, *, exact: bool = False) -> Any:
    """Open a graph in ONNX Runtime on the CPU.

    Args:
        graph: The ONNX file.
        exact: Where products of uint8 and int8 would saturate, compute those of uint8 and uint8 in their place.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 4  # fatal only; errors are raised as exceptions anyway
    options.add_session_config_entry("session.force_spinning_stop", "1")  # the TorchServe frontend shares the cores
    options.add_session_config_entry("session.x64quantprecision", "1" if exact else "0")
    return onnxruntime.InferenceSession(
        graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
    )  # fused Add+LayerNorm is about 5x slower on CPU than the two operators


@register("onnx", "onnx-int8")
class OnnxRuntime:
    """ONNX Runtime session on the CPU with torch's number of intra-op threads."""

    @classmethod
    def open(cls, opening: Opening) -> "OnnxRuntime":
        return cls(graph_of(opening.export, opening.name), opening.pad_id, labels=opening.labels)

    def __init__(self, graph: Path, pad_id: int, *, labels: int | None = None) -> None:
        self.session = load_graph(graph)
        inputs, outputs = (
            [node.name for node in nodes] for nodes in (self.session.get_inputs(), self.session.get_outputs())
        )
        self.types = "token_type_ids" in inputs
        if {*inputs, "token_type_ids"} != INPUTS or "logits" not in outputs[:1]:
            told = f"it takes {inputs} and gives {outputs}"
            raise ModelError(f"{graph} is no graph of this project: {told}; {remedy_of(graph)}")
        width = self.session.get_outputs()[0].shape[-1]
        if labels is not None and isinstance(width, int) and width != labels:
            told = f"{graph} tells {width} labels apart, config.json names {labels}"
            raise ModelError(f"{told}; {remedy_of(graph)}")
        self.graph, self.pad_id = graph, pad_id

    def __call__(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        [logits] = self.session.run(["logits"], self.feed(rows))
        return torch.from_numpy(logits)

    def feed(self, rows: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Return the graph's inputs for rows of token ids."""
        return graph_inputs(rows, self.pad_id, types=self.types)


def load_graph(graph: Path) -> Any:
    """Open a graph, with exact products where its weights have too many bits for this processor.

    Raises:
        ModelError: It is missing or damaged.
    """
    if not graph.is_file():
        raise ModelError(f"{graph} is missing; {remedy_of(graph)}")
    try:
        session = open_session(graph)
        bits = session.get_modelmeta().custom_metadata_map.get(WEIGHT_BITS)
        if bits == "8" and saturates():
            log.warning(
                "%s has 8-bit weights, whose sums overflow on this processor (no VNNI): slower, exact products are "
                "used; made here, a graph has 7 bits: sentiment export %s",
                graph,
                for_shell("run", run_of(graph)),
            )
            session = open_session(graph, exact=True)
    except Exception as error:  # the possible types share no narrower base class
        told = " ".join(str(error).split())
        raise ModelError(f"{graph} is damaged: it cannot be read ({told}); {remedy_of(graph)}") from error
    return session


def run_of(graph: Path) -> Path:
    return graph.parent.parent if graph.parent.name == "export" else graph.parent


def remedy_of(graph: Path) -> str:
    runtime = "onnx-int8" if "int8" in graph.stem else "onnx"
    return f"make it with: sentiment export {for_shell('run', run_of(graph))} runtime={runtime}"


def graph_inputs(rows: Sequence[Sequence[int]], pad_id: int, *, types: bool) -> dict[str, Any]:
    """Return the inputs of a graph, which takes token types or does not, for rows of token ids."""
    inputs = {name: tensor.numpy() for name, tensor in pad(rows, pad_id).items()}
    if not types:
        inputs.pop("token_type_ids", None)
    return inputs
