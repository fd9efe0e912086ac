"""The plan of a prediction job: the columns that it adds, its parts, and the identity by which it is continued."""

import json
from typing import Any

from sentiment.batch.excel import Counted, check_size
from sentiment.batch.identity import identity_of, versions
from sentiment.batch.inputs import Inputs
from sentiment.batch.job import Job
from sentiment.batch.output import Output
from sentiment.batch.parts import Parts
from sentiment.batch.probe import probe
from sentiment.batch.scoring import Columns, clash
from sentiment.batch.source import Source
from sentiment.data.tables import STDIN, TableOptions
from sentiment.errors import ConfigError
from sentiment.inference.types import Classifier, list_labels

CHUNK = 1024  # rows
PART = 32 * CHUNK  # rows of a part of a large partitioned output
PARTS = 256  # of a partitioned output, at least, where its parts have more than a chunk


def plan_job(
    source: Source,
    options: TableOptions,
    output: Output,
    engine: Classifier,
    *,
    prefix: str,
    polarity: bool,
    chunk: int | None,
) -> Job:
    """Ask the engine for one answer, and lay down the columns, the parts and all that decides what they hold.

    Raises:
        ConfigError: `polarity` asks for what the labels do not have.
        DataError: A column of the input has the name of an added one, or the rows do not fit the format.
    """
    canary, cells = probe(engine, source)
    if polarity and canary.polarity is None:
        labels = list_labels(canary.probabilities)
        raise ConfigError(f"polarity=true: the labels {labels} have no negative and positive one; leave it out")
    columns = Columns.of(canary, prefix=prefix, polarity=polarity)
    given, rows = source.columns, source.__iter__
    if source.paths == (STDIN,):
        first, given = source.peeked()
        rows = first.__iter__
    if taken := [name for name in columns.names if name in given]:
        raise clash(taken[0], prefix)
    names = [*given, *columns.names]
    if output.kind == "xlsx":
        check_size(source.rows or 0, len(names))
    metadata = source.schema.metadata if source.schema else None
    counted = Counted(columns.names[0], columns.labels)
    encoder = output.encoder(names, source.fields() | columns.fields(), metadata, counted)
    chunk = chunk or chunk_of(source.rows, partitioned=output.partitioned)
    settings = {
        "output": ".".join(filter(None, (output.kind, output.compression))),
        "text_column": source.text,
        **({"aspect_column": source.aspect} if source.aspect else {}),
        **{name: getattr(options, name) for name in options.given()},
        "broken_lines": source.broken,
        "prefix": prefix,
        **({"promise": True} if columns.promise else {}),
        **({"polarity": True} if polarity else {}),
        **({"several": True} if columns.several else {}),
        "spreadsheet_safe": output.spreadsheet_safe,
        **({"partitioned": True} if output.partitioned else {}),
        "chunk": chunk,
    }
    model, inputs = identity_of(engine, canary), Inputs.of(source.paths)
    deciding = {"input": inputs.sha256, "settings": settings, "model": model.deciding, "versions": versions()}
    identity = json.loads(json.dumps(deciding))  # normalised by a JSON round trip
    kept: dict[str, Any] = {"output": output.path, "suffix": output.part_suffix} if output.partitioned else {}
    parts = Parts(output.parts, encoder, None if output.kind == "jsonl" else frozenset(names), identity, **kept)
    return Job(source, inputs, rows, output, parts, cells, columns, model, settings, chunk, options)


def chunk_of(rows: int | None, *, partitioned: bool) -> int:
    """Return the rows of a part where the user names none; None rows are those of standard input."""
    if not partitioned:
        return CHUNK
    return PART if rows is None else min(PART, max(CHUNK, rows // PARTS))
