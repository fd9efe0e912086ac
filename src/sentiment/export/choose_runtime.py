"""Selection of an export's runtime: the fastest one whose predictions agree with fp32 PyTorch."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from sentiment.errors import ModelError
from sentiment.export.huggingface import update_preprocessing
from sentiment.export.onnx_graph import build
from sentiment.export.quantization import quantize
from sentiment.export.trust import distrust, edge_rows, first_line
from sentiment.files import replacing
from sentiment.inference.checksums import unlist, update_checksums
from sentiment.inference.multilabel import overlap
from sentiment.inference.pairs import Text
from sentiment.inference.predictor import Predictor
from sentiment.inference.runtimes import OnnxRuntime, RuntimeName, graph_of
from sentiment.inference.tasks import SINGLE, Decoding
from sentiment.inference.tokenization import encode
from sentiment.inference.types import Label, Prediction

log = logging.getLogger(__name__)
Item = TypeVar("Item")

FASTEST_FIRST = ("onnx-int8", "onnx")  # no timings, so that the choice is reproducible
MIN_AGREEMENT = 0.99  # fraction of texts with the same label as fp32 PyTorch
MAX_DROP = 0.003  # largest drop in accuracy
MAX_DIFFERENCE = 0.03  # probability, mean over texts; agreement is trivial if one label is always predicted
COMPARED, MEASURED = 1000, 256  # most texts for comparison and for calibration
ROWS = 16  # texts in a calibration batch


@dataclass(frozen=True, slots=True)
class Fidelity:
    agreement: float  # share of texts with the same label; of several labels, mean Jaccard index
    drop: float  # drop in accuracy; negative if it rises
    difference: float  # mean over texts of the largest difference in probability

    @property
    def passes(self) -> bool:
        alike = self.agreement >= MIN_AGREEMENT and self.difference <= MAX_DIFFERENCE
        return alike and self.drop <= MAX_DROP

    def __str__(self) -> str:
        told = f"{self.agreement:.2%} of labels as PyTorch's, probabilities {self.difference:.4f} apart"
        return f"{told}, accuracy {-self.drop:+.4f}"


def convert(
    exported: Path, *, runtime: RuntimeName, train: Sequence[Text], texts: Sequence[Text], targets: Sequence[Label]
) -> str:
    """Build the graph of `runtime` in the export folder and record the choice in preprocessing.json.

    With "auto", the fastest faithful runtime is chosen; torch if none is faithful and trusted.

    Args:
        exported: The export folder.
        runtime: The runtime to build, or "auto".
        train: Calibration texts for the activation ranges.
        texts: Texts on which runtimes are compared.
        targets: The true labels of `texts`.

    Returns:
        The runtime that was chosen.

    Raises:
        ModelError: The named runtime cannot be built or trusted; the export then uses PyTorch.
    """
    update_preprocessing(exported, runtime="torch")  # first, so that a crash leaves a usable export
    discard(exported)
    if runtime == "torch":
        return "torch"
    chosen = "torch"
    try:
        chosen = compare(exported, runtime, train, texts, targets)
    except ModelError as error:
        if runtime != "auto":
            raise
        log.warning("%s; PyTorch computes the answers", error)
    finally:
        if graph_of(exported, chosen).is_file():
            update_checksums(exported, graph_of(exported, chosen).name)
        discard(exported, but=chosen)
    update_preprocessing(exported, runtime=chosen)
    return chosen


def compare(exported: Path, wanted: str, train: Sequence[Text], texts: Sequence[Text], targets: Sequence[Label]) -> str:
    """Return the first faithful runtime, the one named in `wanted` whatever its rounding error, or torch.

    Raises:
        ModelError: No graph can be built, or the named runtime cannot be trusted.
    """
    texts, targets = spread(texts, COMPARED), spread(targets, COMPARED)
    reference = Predictor.load(exported, runtime="torch")
    expected, edges = reference.predict(texts), edge_rows(texts, reference)
    if wanted == "auto" or wanted in FASTEST_FIRST:
        make(exported, "onnx", reference, train, edges)
    for candidate in FASTEST_FIRST if wanted == "auto" else (wanted,):
        try:
            if candidate not in FASTEST_FIRST:
                check_registered(exported, candidate, reference, edges)
            elif candidate != "onnx":
                make(exported, candidate, reference, train, edges)
            got = answer(exported, candidate, texts)
        except ModelError as error:
            if wanted != "auto":
                raise
            log.warning("%s", error)
            continue
        found = fidelity(got, expected, targets, decoding=reference.decoding)
        log.info("runtime %s: %s, on %d texts", candidate, found, len(texts))
        if found.passes or candidate == wanted:
            return candidate
    return "torch"


def make(
    exported: Path, runtime: str, reference: Predictor, train: Sequence[Text], edges: Sequence[Sequence[int]]
) -> None:
    """Write the graph of a runtime; int8 is quantized from the fp32 graph.

    Raises:
        ModelError: Building fails, or the graph differs from PyTorch on `edges`.
    """
    graph = graph_of(exported, runtime)
    ways = [partial(build, exported), partial(build, exported, fused=False)]  # the fusions only know BERT
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


def check_registered(exported: Path, runtime: str, reference: Predictor, edges: Sequence[Sequence[int]]) -> None:
    """Compare a runtime that needs no graph of this module with PyTorch. Raises ModelError if it differs on `edges`."""
    try:
        own = Predictor.load(exported, runtime=runtime).compute
        reason = distrust(own, reference.compute, edges, reference.decoding)
    except Exception as error:  # a runtime of a user's own may raise anything
        reason = first_line(error)
    if reason:
        raise ModelError(f"{exported} cannot be answered by {runtime}: {reason}; use runtime=torch")


def failure(
    write: Callable[[Path], None], graph: Path, reference: Predictor, edges: Sequence[Sequence[int]]
) -> str | None:
    """Write a graph and return the reason why it cannot be used, or None."""
    try:
        with replacing(graph) as temporary:
            write(temporary)
        return distrust(OnnxRuntime(graph, reference.pad_id), reference.compute, edges, reference.decoding)
    except Exception as error:  # PyTorch's tracer, onnx, ONNX Runtime and numpy share no base class
        return first_line(error)


def answer(exported: Path, runtime: str, texts: Sequence[Text]) -> list[Prediction]:
    """Predict the texts with a runtime's graph.

    Raises:
        ModelError: The graph fails on one of the texts.
    """
    try:
        return Predictor.load(exported, runtime=runtime).predict(texts)
    except Exception as error:  # ONNX Runtime's exceptions share no base class
        raise ModelError(
            f"{exported} cannot be answered by {runtime}: {first_line(error)}; use runtime=torch"
        ) from error


def fidelity(
    got: Sequence[Prediction], expected: Sequence[Prediction], targets: Sequence[Label], *, decoding: Decoding = SINGLE
) -> Fidelity:
    """Compare a runtime's predictions with PyTorch's and the true labels.

    On a scale a near label counts as nearly right, and of several labels those that are right (`Decoding.credit`).
    """
    count, pairs = len(targets), list(zip(got, expected, strict=True))
    agreeing = sum(overlap(a.answer, b.answer) for a, b in pairs)
    credits = (
        [decoding.credit(list(one.probabilities), one.answer, truth) for one in pair]
        for pair, truth in zip(pairs, targets, strict=True)
    )
    lost = sum(theirs - own for own, theirs in credits)
    apart = sum(max(abs(p - b.probabilities[label]) for label, p in a.probabilities.items()) for a, b in pairs)
    return Fidelity(agreeing / count, lost / count, apart / count)


def spread(items: Sequence[Item], most: int) -> list[Item]:
    """Return at most `most` evenly spaced items, since files are often sorted by label."""
    return [items[i * len(items) // most] for i in range(most)] if len(items) > most else list(items)


def discard(exported: Path, *, but: str = "torch") -> None:
    """Delete the graphs of all runtimes except `but`, after their lines in SHA256SUMS."""
    gone = [graph_of(exported, runtime) for runtime in FASTEST_FIRST if runtime != but]
    unlist(exported, *(graph.name for graph in gone))
    for graph in gone:
        graph.unlink(missing_ok=True)
