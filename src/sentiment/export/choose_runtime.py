"""Selection of an export's runtime: the fastest one that passes the gate beside PyTorch in fp32."""

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from sentiment.errors import ModelError
from sentiment.export.comparison import Comparison, Trial, spread, write_conversion
from sentiment.export.exits import discard_exits
from sentiment.export.huggingface import update_preprocessing
from sentiment.export.mixed_precision import PROBED, Rounding, search
from sentiment.export.onnx_graph import build
from sentiment.export.trust import distrust, edge_rows, first_line
from sentiment.files import replacing
from sentiment.inference.checksums import unlist, update_checksums
from sentiment.inference.fidelity import CONVERSION
from sentiment.inference.pairs import Text
from sentiment.inference.predictor import Predictor
from sentiment.inference.runtimes import OnnxRuntime, RuntimeName, graph_of
from sentiment.inference.tokenization import encode

log = logging.getLogger(__name__)

GRAPHS = ("onnx-int8", "onnx")  # fastest first; no timings, so that the choice is reproducible
COMPARED, MEASURED = 1000, 256  # most texts for comparison and for calibration
ROWS = 16  # texts in a calibration batch


def convert(exported: Path, *, runtime: RuntimeName, train: Sequence[Text], texts: Sequence[Text]) -> str:
    """Build the graph of `runtime` in the export folder and record the choice in preprocessing.json.

    With "auto", the fastest runtime that passes the gate is chosen: int8, int8 with some products in fp32, fp32; torch
    if none passes or can be trusted. What was tried stays in conversion.json.

    Returns:
        The runtime that was chosen.

    Raises:
        ModelError: The named runtime cannot be built or trusted; the export then uses PyTorch.
    """
    update_preprocessing(exported, runtime="torch")  # first, so that a crash leaves a usable export
    discard(exported)
    discard_exits(exported)
    if runtime == "torch":
        write_conversion(exported, None, [])
        return "torch"
    selection = Selection(exported, train, texts)
    chosen, trial = "torch", None
    try:
        trial = selection.auto() if runtime == "auto" else selection.named(runtime)
        chosen = trial.runtime if trial else "torch"
    except ModelError as error:
        if runtime != "auto":
            raise
        log.warning("%s; PyTorch computes the answers", error)
    finally:
        if graph_of(exported, chosen).is_file():
            update_checksums(exported, graph_of(exported, chosen).name)
        discard(exported, but=chosen)
    write_conversion(exported, trial, selection.trials)
    log.info("chosen (comparisons: %d): %s", len(selection.trials), trial or "torch")
    update_preprocessing(exported, runtime=chosen)
    return chosen


class Selection:
    """The runtimes of one export, built and compared with PyTorch one after another."""

    def __init__(self, exported: Path, train: Sequence[Text], texts: Sequence[Text]) -> None:
        """Compute PyTorch's answers."""
        self.exported, self.train, self.trials = exported, train, list[Trial]()
        self.reference = Predictor.load(exported, runtime="torch")
        try:
            self.comparison = Comparison(self.reference, spread(texts, COMPARED))
        except ModelError as error:
            raise self.failed("torch", str(error)) from error
        self.edges = edge_rows(self.comparison.texts, self.reference)

    def auto(self) -> Trial | None:
        """Return the fastest runtime that passes the gate; None for torch.

        Raises:
            ModelError: No graph can be built.
        """
        self.build_exact()
        try:
            rounding = self.round()
            trial = self.attempt_int8(rounding)
            if trial and trial.fidelity.passes:
                return trial
            if trial := self.mixed(rounding):
                return trial
        except ModelError as error:
            log.warning("%s", error)
        trial = self.compare("onnx")
        return trial if trial.fidelity.passes else None

    def named(self, runtime: str) -> Trial:
        """Build a runtime, or check one that needs no graph, and log how near it is. Raises ModelError if it fails."""
        if runtime in GRAPHS:
            self.build_exact()
        return self.compare_int8(self.round()) if runtime == "onnx-int8" else self.compare(runtime)

    def build_exact(self) -> None:
        ways = [partial(build, self.exported), partial(build, self.exported, fused=False)]  # the fusions know BERT only
        self.write("onnx", *ways)

    def round(self) -> Rounding:
        rows = sorted(
            encode(spread(self.train, MEASURED), self.reference.tokenizer, self.reference.preprocessing), key=len
        )
        batches = [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]
        try:
            return Rounding.fit(graph_of(self.exported, "onnx"), batches, self.reference.pad_id)
        except Exception as error:  # onnx, ONNX Runtime and numpy share no base class
            raise self.failed("onnx-int8", first_line(error)) from error

    def attempt_int8(self, rounding: Rounding, in_fp32: Sequence[str] = ()) -> Trial | None:
        """Do as `compare_int8`, but log the reason and return None if the graph cannot be used."""
        try:
            return self.compare_int8(rounding, in_fp32)
        except ModelError as error:
            log.warning("%s", error)
            return None

    def compare_int8(self, rounding: Rounding, in_fp32: Sequence[str] = ()) -> Trial:
        """Write the int8 graph with some products in fp32 and compare it. Raises ModelError if it cannot be used."""
        self.write("onnx-int8", lambda target: rounding.write(target, in_fp32))
        return self.compare("onnx-int8", bits=rounding.bits, products=len(rounding.products), in_fp32=tuple(in_fp32))

    def mixed(self, rounding: Rounding) -> Trial | None:
        """Find and write the int8 graph that passes with the fewest products in fp32; None if there is none."""
        probe = Comparison(self.reference, spread(self.comparison.texts, PROBED))
        try:
            found = search(rounding, probe, partial(self.attempt_int8, rounding))
        except Exception as error:  # onnx, ONNX Runtime and numpy share no base class
            raise self.failed("onnx-int8", first_line(error)) from error
        if found:  # a later attempt may lie there
            self.write("onnx-int8", lambda target: rounding.write(target, found.in_fp32))
        return found

    def write(self, runtime: str, *ways: Callable[[Path], None]) -> None:
        """Write the graph of a runtime in the first way that PyTorch agrees with. Raises ModelError if none does."""
        graph, reasons = graph_of(self.exported, runtime), list[str]()
        for way in ways:
            if (reason := failure(way, graph, self.reference, self.edges)) is None:
                return
            reasons.append(reason)
        raise self.failed(runtime, reasons[-1])

    def compare(self, runtime: str, **details: Any) -> Trial:
        """Compare a runtime with PyTorch, log the result and keep it. Raises ModelError if it fails on a text."""
        reason = None
        try:
            compute = Predictor.load(self.exported, runtime=runtime).compute
            if runtime not in GRAPHS:  # whose edges are compared as they are written
                reason = distrust(compute, self.reference.compute, self.edges, self.reference.decoding)
            fidelity = self.comparison(compute)
        except Exception as error:  # a runtime of a user's own may raise anything
            raise self.failed(runtime, first_line(error)) from error
        if reason:
            raise self.failed(runtime, reason)
        trial = Trial(runtime, fidelity, **details)
        log.info("%s: %s", "passes" if fidelity.passes else "fails", trial)
        self.trials.append(trial)
        return trial

    def failed(self, runtime: str, reason: str) -> ModelError:
        remedy = "train again with a lower model.lr" if runtime == "torch" else "use runtime=torch"
        return ModelError(f"this model cannot be answered by {runtime}: {reason}; {remedy}")


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


def discard(exported: Path, *, but: str = "torch") -> None:
    """Delete the graphs of all runtimes except `but`, and the record of a choice, after their lines in SHA256SUMS."""
    gone = [graph_of(exported, runtime) for runtime in GRAPHS if runtime != but] + [exported / CONVERSION]
    unlist(exported, *(path.name for path in gone))
    for path in gone:
        path.unlink(missing_ok=True)
