"""A table with bad rows, and what a job makes of it in a folder of parts."""

import pandas as pd
import pytest

from sentiment.batch import predict
from sentiment.errors import RowsRejectedError
from tests.batch.echo import Echo
from tests.conftest import read_csv, write_csv

HIDDEN = ["_manifest.json", "_rejects.csv"]


def write_source(folder):
    """Write 40 rows, of which the second ten cannot be scored."""
    rows = [(" " if 10 <= i < 20 else f"text {i}\n", i, "a") for i in range(40)]
    return write_csv(folder / "in.csv", rows, header=("text", "id", "label"))


def run(source, output, engine=None, **settings):
    with pytest.raises(RowsRejectedError, match=r"10 of 40 rows could not be scored.*_rejects.csv"):
        predict(input=source, output=output, engine=engine or Echo(), quiet=True, **{"chunk": 10} | settings)


def whole(source, tmp_path, **settings):
    """Return the same rows as one file."""
    with pytest.raises(RowsRejectedError):
        predict(input=source, output=tmp_path / "whole.csv", engine=Echo(), quiet=True, chunk=7, **settings)
    return read_csv(tmp_path / "whole.csv")


def texts(rows):
    return [{name: "" if pd.isna(value) else str(value) for name, value in row.items()} for row in rows]


def cut(folder):
    part = folder / "part-0000001.parquet"
    part.write_bytes(part.read_bytes()[:-20])
