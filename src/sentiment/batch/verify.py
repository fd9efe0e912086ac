"""The command `sentiment verify`: check an output against its summary and rescore a sample of its rows."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Gt

from sentiment.batch.comparison import check_sample
from sentiment.batch.output import Output
from sentiment.config import extras
from sentiment.data.tables import STDIN, expanded, is_partitioned
from sentiment.errors import ConfigError, DataError, VerificationError
from sentiment.files import read_json
from sentiment.inference.checksums import file_digest
from sentiment.inference.preprocessing import current_fields
from sentiment.inference.types import Classifier, Identified
from sentiment.remote import as_path, info, is_remote

log = logging.getLogger(__name__)

CLOSE = 0.001  # default tolerance of probabilities; rounding depends on the processor and on the batch


def verify(
    *,
    output: str | Path,
    run: str | Path | None = None,
    sample: Annotated[int, Ge(0)] = 200,
    tolerance: Annotated[float, Gt(0)] = CLOSE,
    server: str | None = None,
    key_file: str | Path | None = None,
) -> None:
    """Check an output against <output>.summary.json and compare a sample of rows with the model's current predictions.

    Args:
        output: File or folder written by sentiment predict.
        run: Run folder of the model; defaults to the recorded one.
        sample: Number of evenly spaced rows to score again; 0 skips this.
        tolerance: Maximum absolute difference of a probability.
        server: Address of the server to query, for an output of engine=rest; defaults to the recorded one.
        key_file: Keys of the server; defaults to the recorded file.

    Raises:
        DataError: The output or its summary is missing, or the summary is of another version.
        ConfigError: `server` or `key_file` does not apply, or the location of the model is unknown.
        VerificationError: The output, an input, the model or a prediction differs from the record. Further differences
            are logged.
    """
    target = Output.of(output)
    record = read_summary(target)
    faults = [*check_output(target, record), *check_inputs(record)]
    if sample and not faults:
        with engine_of(record, run=run, server=server, key_file=key_file) as engine:
            faults += [*check_model(engine, record), *check_sample(target, record, engine, sample, tolerance)]
    if faults:
        for fault in faults[:-1]:
            log.error("%s", fault)
        raise VerificationError(faults[-1])


def read_summary(target: Output) -> dict[str, Any]:
    if is_remote(target.path):
        info(target.path)
    elif not target.path.is_file() and not is_partitioned(target.path):
        raise DataError(f"output={target.path}: no such file, or no folder of sentiment predict")
    if not target.summary.is_file():
        raise DataError(
            f"{target.summary} is missing; it lies beside an output of sentiment predict, and moves with it"
        )
    record = read_json(target.summary)
    if not isinstance(record, dict) or not {"output", "input", "model", "settings", "rows"}.issubset(record):
        raise DataError(f"{target.summary} is no summary of this version of sentiment predict; predict again")
    return record


def check_output(target: Output, record: Mapping[str, Any]) -> Iterator[str]:
    if target.partitioned:
        try:
            expanded(target.path)
            log.info("output: the %d parts of %s are as they were written", len(record["output"]["parts"]), target.path)
        except DataError as error:
            yield str(error)
        return
    wanted, size = record["output"], target.path.stat().st_size
    if size != wanted["bytes"]:
        yield f"{target.path} has {size:,} bytes, its summary says {wanted['bytes']:,}; it was changed or cut short"
    elif (sha256 := file_digest(target.path)) != wanted["sha256"]:
        yield f"{target.path} was changed: its SHA-256 is {sha256[:12]}..., its summary says {wanted['sha256'][:12]}..."
    else:
        log.info("output: %s is as it was written, %d rows", target.path, record["rows"])


def check_inputs(record: Mapping[str, Any]) -> Iterator[str]:
    for file in record["input"]:
        path = as_path(file["path"])
        if path == STDIN:
            log.info("input: standard input, which cannot be compared")
        elif not path.is_file():
            log.info("input: %s is not there any more, and was not compared", path)
        elif file_digest(path) != file["sha256"]:
            yield f"{path} was changed since it was predicted; predict again"
        else:
            log.info("input: %s is what was predicted", path)


@contextmanager
def engine_of(
    record: Mapping[str, Any], *, run: str | Path | None, server: str | None, key_file: str | Path | None
) -> Iterator[Classifier]:
    """Yield the recorded model with the recorded settings; a given `run` replaces any recorded engine.

    Raises:
        ConfigError: `server` or `key_file` is given without engine=rest, or the location of the model is unknown.
    """
    model = current_fields(record["model"])
    if model.get("engine") == "rest" and run is None:
        from sentiment.client import Client
        from sentiment.client.pinned import ADDRESS

        address = {name: model.get(name) for name in (*ADDRESS, "max_error", "threshold")}
        with Client(
            **address | {"url": server or model["url"], "key_file": key_file or model.get("key_file")}
        ) as client:
            yield client.pinned()
        return
    if server or key_file:
        raise ConfigError("server and key_file are for an output of engine=rest; leave them out")
    if run is None and not model.get("run"):
        raise ConfigError("the summary does not say where the model is; set run=outputs/RUN, or sample=0")
    extras.require("a sample scored by the run", ["sentiment.inference.predictor"])
    from sentiment.inference.predictor import Predictor

    names = ("runtime", "device", "window_step", "max_tokens", "max_error", "default_aspect", "exits")
    settings = {name: model[name] for name in names if name in model}
    if "thresholds" in (task := model.get("task") or {}):
        settings["threshold"] = dict(zip(model["labels"], task["thresholds"], strict=True))
    yield Predictor.load(run or model["run"], **settings)


def check_model(engine: Classifier, record: Mapping[str, Any]) -> Iterator[str]:
    now = engine.identity().deciding if isinstance(engine, Identified) else {}
    before = record["model"]
    if now.get("export") != before.get("export"):
        yield (
            f"the model is another one: its export is {str(now.get('export'))[:12]}..., "
            f"the summary says {str(before.get('export'))[:12]}...; name the one that was used with run="
        )
    else:
        log.info("model: export %s..., as recorded", str(now.get("export"))[:12])
