"""Which runtime an export folder is answered with: the fastest that answers as the model does."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, get_args

from sentiment.errors import ModelError
from sentiment.export.huggingface import amend
from sentiment.export.onnx_graph import build
from sentiment.export.quantization import quantize
from sentiment.export.trust import distrust, edge_rows, first_line
from sentiment.files import replacing
from sentiment.inference.checksums import unlist, update_checksums
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Runtime
from sentiment.inference.runtimes import OnnxRuntime, graph_of
from sentiment.inference.tokenization import encode
from sentiment.inference.types import Prediction

log = logging.getLogger(__name__)

Wanted = Literal["auto", "torch", "onnx", "onnx-int8"]
FASTEST_FIRST: tuple[Runtime, ...] = ("onnx-int8", "onnx")  # not timed: a run must come to the same choice again
MIN_AGREEMENT = 0.99  # of labels with those of fp32 PyTorch
MAX_DROP = 0.003  # of the accuracy
MAX_DIFFERENCE = 0.03  # between a text's probabilities, in the mean: labels say nothing where one is always the same
COMPARED, MEASURED = 1000, 256  # texts, at most
ROWS = 16  # in a batch that activations are measured on


@dataclass(frozen=True, slots=True)
class Fidelity:
    agreement: float
    drop: float  # of the accuracy; below 0 it is higher
    difference: float  # of a text's most unlike probability, in the mean

    @property
    def passes(self) -> bool:
        alike = self.agreement >= MIN_AGREEMENT and self.difference <= MAX_DIFFERENCE
        return alike and self.drop <= MAX_DROP

    def __str__(self) -> str:
        told = f"{self.agreement:.2%} of labels as PyTorch's, probabilities {self.difference:.4f} apart"
        return f"{told}, accuracy {-self.drop:+.4f}"


def convert(
    exported: Path, *, runtime: Wanted, train: Sequence[str], texts: Sequence[str], targets: Sequence[str]
) -> Runtime:
    """Put the graph of `runtime` into the export folder and record it there; auto: the fastest that is faithful.

    `texts` with labels `targets` are what runtimes are compared on, `train` what activations are measured on.
    Where auto finds none that is faithful and can be trusted, it stays with torch.

    Raises:
        ModelError: `runtime` names one that cannot be made or trusted; PyTorch computes the answers then.
    """
    amend(exported, runtime="torch")  # before the graph goes, so that a crash leaves what can be answered
    discard(exported)
    if runtime == "torch":
        return "torch"
    chosen: Runtime = "torch"
    try:
        chosen = compare(exported, runtime, train, texts, targets)
    except ModelError as error:
        if runtime != "auto":
            raise
        log.warning("%s; PyTorch computes the answers", error)
    finally:
        if chosen != "torch":
            update_checksums(exported, graph_of(exported, chosen).name)
        discard(exported, but=chosen)
    amend(exported, runtime=chosen)
    return chosen


def compare(
    exported: Path, wanted: Wanted, train: Sequence[str], texts: Sequence[str], targets: Sequence[str]
) -> Runtime:
    """The first runtime that is faithful, or the one that is wanted by name, however far it rounds; else torch.

    Raises:
        ModelError: no graph can be made, or the one that is wanted by name cannot be trusted.
    """
    texts, targets = spread(texts, COMPARED), spread(targets, COMPARED)
    reference = Predictor.load(exported, runtime="torch")
    expected, edges = reference.predict(texts), edge_rows(texts, reference)
    make(exported, "onnx", reference, train, edges)
    for candidate in FASTEST_FIRST if wanted == "auto" else (wanted,):
        try:
            if candidate != "onnx":
                make(exported, candidate, reference, train, edges)
            got = answer(exported, candidate, texts)
        except ModelError as error:
            if wanted != "auto":
                raise
            log.warning("%s", error)
            continue
        found = fidelity(got, expected, targets)
        log.info("runtime %s: %s, on %d texts", candidate, found, len(texts))
        if found.passes or candidate == wanted:
            return candidate
    return "torch"


def make(
    exported: Path, runtime: Runtime, reference: Predictor, train: Sequence[str], edges: Sequence[Sequence[int]]
) -> None:
    """Write the graph of a runtime, int8 from that of fp32; ModelError where it fails, or differs at the edges."""
    graph = graph_of(exported, runtime)
    ways = [partial(build, exported), partial(build, exported, fused=False)]  # the fusions know BERT alone
    if runtime != "onnx":
        rows = sorted(encode(spread(train, MEASURED), reference.tokenizer, reference.preprocessing), key=len)
        batches = [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]
        ways = [partial(quantize, graph_of(exported, "onnx"), batches=batches, pad_id=reference.pad_id)]
    reasons = []
    for write in ways:
        if (reason := failure(write, graph, reference, edges)) is None:
            return
        reasons.append(reason)
    raise ModelError(f"{exported} cannot be answered by {runtime}: {reasons[-1]}; use runtime=torch")


def failure(
    write: Callable[[Path], None], graph: Path, reference: Predictor, edges: Sequence[Sequence[int]]
) -> str | None:
    """Write a graph, and say why it cannot be used; None where it can."""
    try:
        with replacing(graph) as temporary:
            write(temporary)
        return distrust(OnnxRuntime(graph, reference.pad_id), reference.compute, edges)
    except Exception as error:  # of PyTorch's tracer, onnx, ONNX Runtime and numpy, which share no base
        return first_line(error)


def answer(exported: Path, runtime: Runtime, texts: Sequence[str]) -> list[Prediction]:
    """The predictions of a graph; ModelError where it cannot compute one of the texts."""
    try:
        return Predictor.load(exported, runtime=runtime).predict(texts)
    except Exception as error:  # of ONNX Runtime, which shares no base with others
        raise ModelError(
            f"{exported} cannot be answered by {runtime}: {first_line(error)}; use runtime=torch"
        ) from error


def fidelity(got: Sequence[Prediction], expected: Sequence[Prediction], targets: Sequence[str]) -> Fidelity:
    """Answers of a runtime beside those of PyTorch and the true labels."""
    count, pairs = len(targets), list(zip(got, expected, strict=True))
    agreeing = sum(a.label == b.label for a, b in pairs)
    lost = sum((b.label == t) - (a.label == t) for (a, b), t in zip(pairs, targets, strict=True))
    apart = sum(max(abs(p - b.probabilities[label]) for label, p in a.probabilities.items()) for a, b in pairs)
    return Fidelity(agreeing / count, lost / count, apart / count)


def spread(items: Sequence[str], most: int) -> list[str]:
    """At most `most` of them, evenly spaced, since files are often sorted by label."""
    return [items[i * len(items) // most] for i in range(most)] if len(items) > most else list(items)


def discard(exported: Path, *, but: Runtime = "torch") -> None:
    """Remove the graphs of all runtimes but one, and their lines of SHA256SUMS first."""
    gone = [graph_of(exported, runtime) for runtime in get_args(Runtime) if runtime != but]
    unlist(exported, *(graph.name for graph in gone))
    for graph in gone:
        graph.unlink(missing_ok=True)
