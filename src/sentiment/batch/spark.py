"""Prediction of a column of a Spark DataFrame, by a pandas UDF that holds the model once in each Python worker."""

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pandas as pd

from sentiment.batch.scoring import Cells, Columns, outcomes
from sentiment.inference.predictor import Predictor
from sentiment.inference.types import Prediction
from sentiment.protocol.validation import CANARY

REJECTED = "rejected"  # field with the reason why a row has no prediction
TYPES = {"string": "string", "double": "double", "bool": "boolean"}  # of Arrow: of Spark


def predict_udf(run: str, **settings: Any) -> Any:
    """Return a pandas UDF from a text column to a struct of the columns of `sentiment predict`, and `rejected`.

    Every row is answered as by `sentiment predict`; a text that cannot be scored has a reason in `rejected` and the
    other fields empty. A worker loads the model when it is first needed, and keeps it.

    Args:
        run: Run folder or export folder that every worker sees, or its address in a store, such as s3://BUCKET/RUN.
        settings: Of `Predictor.from_pretrained`: runtime, device, window_step, max_error, threshold, exits.

    Example:
        scored = table.withColumn("s", predict_udf("s3://BUCKET/RUN")("text")).select("*", "s.*").drop("s")
    """
    from pyspark.sql.functions import pandas_udf

    known = json.dumps(settings, sort_keys=True)
    fields = columns_of(loaded(run, known)).fields()
    schema = ", ".join(f"`{name}` {TYPES[str(field.type)]}" for name, field in fields.items())

    def predict(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        engine = loaded(run, known)
        return (frame(engine, texts.tolist()) for texts in batches)

    return pandas_udf(predict, f"{schema}, {REJECTED} string")


@cache
def loaded(run: str, settings: str) -> Predictor:
    """Open a run with settings that are an object of JSON, since a threshold by label has no hash."""
    return Predictor.load(run, **json.loads(settings))


@cache
def columns_of(engine: Predictor) -> Columns:
    return Columns.of(engine.predict([CANARY])[0])


def frame(engine: Predictor, texts: list[Any]) -> pd.DataFrame:
    """Return one row for each text, in order."""
    cells, columns = Cells("text"), columns_of(engine)
    reasons = [cells.reason({"text": text}) for text in texts]
    found = iter(outcomes(engine, [text for text, why in zip(texts, reasons, strict=True) if not why]))
    results = [why or next(found) for why in reasons]
    rows = [
        (*columns.values(one if isinstance(one, Prediction) else None), one if isinstance(one, str) else None)
        for one in results
    ]
    return pd.DataFrame(rows, columns=[*columns.names, REJECTED])
