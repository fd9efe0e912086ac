"""Early exits of an export: asked for, fitted, put in place with the graph in parts, taken out again."""

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from sentiment.data.splits import Split
from sentiment.errors import ConfigError, ModelError
from sentiment.evaluation.abstention import CONFIDENCE
from sentiment.evaluation.proportions import upper_bound
from sentiment.export.comparison import spread
from sentiment.export.cut import cut
from sentiment.export.exit_fitting import MAX_CHANGED, Fitting
from sentiment.files import read_object, write_json
from sentiment.inference.checksums import unlist, update_checksums
from sentiment.inference.exits import EXITS, HEADS, Exit, PartedRuntime, part_of
from sentiment.inference.export_dir import read_preprocessing
from sentiment.inference.pairs import Text
from sentiment.inference.predictor import Predictor
from sentiment.inference.runtimes import graph_of
from sentiment.inference.tasks import decoding_of

log = logging.getLogger(__name__)

TAUGHT = 20_000  # most training texts that heads learn from


def check_layers(layers: Sequence[int], depth: int, key: str) -> None:
    """Raise ConfigError unless layers are ascending, and each has layers above it."""
    if not layers or sorted(set(layers)) != list(layers) or layers[0] < 1 or layers[-1] >= depth:
        raise ConfigError(
            f"{key}={list(layers)}: expected ascending numbers of 1 to {depth - 1}, as the model has {depth} layers"
        )


def check_model(exported: Path, layers: Sequence[int], runtime: str) -> None:
    """Raise ConfigError where a finished model can have no exits after `layers`."""
    task = decoding_of(read_preprocessing(exported).task).kind
    if task != "single":
        raise ConfigError(
            f"exits={[*layers]}: exits are for one of several labels, this model has task={task}; leave exits out"
        )
    if runtime not in ("auto", "onnx", "onnx-int8"):
        raise ConfigError(f"exits={[*layers]} does nothing with runtime={runtime}: they are for ONNX; leave one")
    check_layers(layers, read_object(exported / "config.json").get("num_hidden_layers", 1), "exits")


def asked_exits(exported: Path) -> list[int]:
    """Return the layers after which exits of an export were asked for, whether or not they are used."""
    path = exported / EXITS
    return [*read_object(path).get("asked", [])] if path.is_file() else []


def discard_exits(exported: Path) -> None:
    """Delete the exits of an export and the parts of its graph."""
    gone = [exported / EXITS, exported / HEADS, *exported.glob("model-onnx*-[0-9].onnx")]
    unlist(exported, *(path.name for path in gone))
    for path in gone:
        path.unlink(missing_ok=True)


def add_exits(exported: Path, layers: Sequence[int], *, train: Sequence[Text], validation: Split) -> bool:
    """Give an export exits after some of `layers`, the fastest that pass the gate, or none if none do.

    The graph then lies in parts, and exits.json says what was measured. Temperatures of the heads are relative to that
    of the export, which must be fitted before.

    Args:
        exported: The export folder, with a graph as the runtime that answers.
        layers: The layers, from 1, after which a text may leave.
        train: Texts whose answers by the model the heads learn.
        validation: Labelled texts for temperatures and thresholds.

    Returns:
        True if there are exits now.
    """
    whole, asked = Predictor.load(exported), dict[str, Any](asked=[*layers])
    runtime = whole.preprocessing.runtime
    graph = graph_of(exported, runtime)
    if not graph.is_file():
        return none_used(exported, asked, f"exits are of ONNX runtimes, and {runtime} answers")
    if upper_bound(0, len(validation), CONFIDENCE) > MAX_CHANGED:
        told = f"{len(validation)} validation texts are too few for exits"
        return none_used(exported, asked, f"{told}, whose changed answers are bounded to {MAX_CHANGED:.0%} with 299")
    try:
        with opened(graph, layers, whole) as probe:
            fitting = Fitting(whole, probe, layers, spread(train, TAUGHT), validation)
        found = fitting.best()
        if found is None:
            return none_used(exported, asked, f"no exit after layers {', '.join(map(str, layers))} passes the gate")
        chosen, temperatures = found
        with opened(graph, [one.layer for one in chosen], whole, chosen) as engine:
            trial, shares = fitting.measure(engine)
            if not trial.passes:
                return none_used(exported, asked, f"the engine with exits does not pass the gate ({trial})")
            used = [
                {"layer": one.layer, "threshold": one.threshold, "temperature": temperature, "share": round(share, 4)}
                for one, temperature, share in zip(chosen, temperatures, shares, strict=True)
            ]
            leaving = ", ".join(f"{one['share']:.0%} after layer {one['layer']}" for one in used)
            summary = f"{leaving} of {engine.depth}; {trial}"
            record = {"summary": summary, **asked, "runtime": runtime, "exits": used, "validation": trial.to_json()}
            store(exported, engine, graph, record)
    except ModelError as error:
        return none_used(exported, asked, str(error))
    log.info("exits: %s", summary)
    return True


def store(exported: Path, engine: PartedRuntime, graph: Path, record: dict[str, Any]) -> None:
    """Put heads, record and parts of the graph into the export, and take the whole graph out."""
    heads = {f"{one.layer}.weight": np.ascontiguousarray(one.weights.T) for one in engine.exits}
    save_file(heads | {f"{one.layer}.bias": one.bias for one in engine.exits}, exported / HEADS)
    shutil.copymode(exported / "config.json", exported / HEADS)
    parts = [part_of(exported, record["runtime"], number + 1) for number in range(len(engine.parts))]
    for source, target in zip(engine.parts, parts, strict=True):
        source.replace(target)
    write_json(exported / EXITS, record)
    update_checksums(exported, EXITS, HEADS, *(part.name for part in parts))
    unlist(exported, graph.name)
    graph.unlink()


@contextmanager
def opened(graph: Path, layers: Sequence[int], whole: Predictor, exits: Sequence[Exit] = ()) -> Iterator[PartedRuntime]:
    """Cut a graph after some layers into parts that are gone after the block, and open them."""
    with TemporaryDirectory(dir=graph.parent.parent) as folder:
        parts = [Path(folder) / f"{number}.onnx" for number in range(len(layers) + 1)]
        cut(graph, layers, parts)
        depth = int(read_object(graph.parent / "config.json")["num_hidden_layers"])
        yield PartedRuntime(parts, whole.pad_id, exits=exits, labels=len(whole.labels), depth=depth)


def none_used(exported: Path, record: dict[str, Any], reason: str) -> bool:
    log.warning("%s; all layers compute every answer", reason)
    write_json(exported / EXITS, record | {"summary": reason, "exits": []})
    update_checksums(exported, EXITS)
    return False
