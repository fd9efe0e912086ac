"""Runtimes that map token ids to logits: PyTorch, and ONNX Runtime with a graph of the export folder."""

import copy
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import torch

from sentiment.errors import ConfigError, ModelError
from sentiment.inference.batching import pad, takes_types
from sentiment.inference.packing import enable_packing, first_tokens, pack, packs
from sentiment.inference.preprocessing import RUNTIMES
from sentiment.inference.privacy import keep_to_this_machine

log = logging.getLogger(__name__)

MAX_DIFFERENCE = 0.03  # probability, mean over rows, between bf16 and fp32
MAX_MARGIN = 0.3  # probability by which fp32 prefers a label that bf16 must not change

keep_to_this_machine()  # ONNX Runtime opens its event database at import, in OnnxRuntime

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
        if reason := unfaithful(runtime, exact, probes(exact.model.config.vocab_size, opening.longest)):
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


def unfaithful(runtime: Compute, exact: Compute, rows: Sequence[Sequence[int]]) -> str | None:
    """Return the reason why a runtime's answers to `rows` are not those of the exact one, or None."""
    got, expected = (
        torch.cat([compute(rows[i : i + 32]).cpu() for i in range(0, len(rows), 32)]).softmax(dim=-1)
        for compute in (runtime, exact)
    )
    if not got.isfinite().all():
        return "its answers are not numbers"
    apart = (got - expected).abs().amax(dim=-1)
    best, second = expected.topk(2, dim=-1).values.unbind(dim=-1)
    flipped = (got.argmax(dim=-1) != expected.argmax(dim=-1)) & (best - second > MAX_MARGIN)
    if apart.mean() > MAX_DIFFERENCE or flipped.any():
        return f"its probabilities are {apart.mean():.3f} from fp32's, and {int(flipped.sum())} clear answers change"
    return None


@register("onnx", "onnx-int8")
class OnnxRuntime:
    """ONNX Runtime session on the CPU with torch's number of intra-op threads."""

    @classmethod
    def open(cls, opening: Opening) -> "OnnxRuntime":
        return cls(graph_of(opening.export, opening.name), opening.pad_id, labels=opening.labels)

    def __init__(self, graph: Path, pad_id: int, *, labels: int | None = None) -> None:
        import onnxruntime

        run = graph.parent.parent if graph.parent.name == "export" else graph.parent
        remedy = f"make it with: sentiment export run={run} runtime={graph.stem.removeprefix('model-')}"
        if not graph.is_file():
            raise ModelError(f"{graph} is missing; {remedy}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # fatal only; errors are raised as exceptions anyway
        options.add_session_config_entry("session.force_spinning_stop", "1")  # the TorchServe frontend shares the cores
        try:
            self.session = onnxruntime.InferenceSession(
                graph, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
            )  # fused Add+LayerNorm is about 5x slower on CPU than the two operators
        except Exception as error:  # the possible types share no narrower base class
            raise ModelError(
                f"{graph} is damaged: it cannot be read ({' '.join(str(error).split())}); {remedy}"
            ) from error
        inputs, outputs = (
            [node.name for node in nodes] for nodes in (self.session.get_inputs(), self.session.get_outputs())
        )
        self.types = "token_type_ids" in inputs
        if {*inputs, "token_type_ids"} != INPUTS or "logits" not in outputs[:1]:
            raise ModelError(f"{graph} is no graph of this project: it takes {inputs} and gives {outputs}; {remedy}")
        width = self.session.get_outputs()[0].shape[-1]
        if labels is not None and isinstance(width, int) and width != labels:
            raise ModelError(f"{graph} tells {width} labels apart, config.json names {labels}; {remedy}")
        self.graph, self.pad_id = graph, pad_id

    def __call__(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        [logits] = self.session.run(["logits"], self.feed(rows))
        return torch.from_numpy(logits)

    def feed(self, rows: Sequence[Sequence[int]]) -> dict[str, Any]:
        """Return the graph's inputs for rows of token ids."""
        inputs = {name: tensor.numpy() for name, tensor in pad(rows, self.pad_id).items()}
        if not self.types:
            inputs.pop("token_type_ids", None)
        return inputs
