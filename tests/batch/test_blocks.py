"""Blocks of the rows of an input, each read by itself."""

import csv
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.batch import predict
from sentiment.batch.blocks import Work
from sentiment.data.tables import TableOptions
from tests.batch.echo import Echo
from tests.conftest import write_csv


def test_rows_of_several_files_are_read_from_where_a_block_begins(tmp_path):
    """Each block opens only its files; of Parquet, its row groups."""
    pq.write_table(pa.table({"text": [f"p {i}" for i in range(50)]}), tmp_path / "a.parquet", row_group_size=7)
    pq.write_table(pa.table({"text": [f"q {i}" for i in range(30)]}), tmp_path / "b.parquet", row_group_size=7)
    files = ((str(tmp_path / "a.parquet"), 50), (str(tmp_path / "b.parquet"), 30), (str(tmp_path / "none.parquet"), 0))
    work = Work(files, TableOptions(), "refuse", None, None, None, 10)
    texts = [f"p {i}" for i in range(50)] + [f"q {i}" for i in range(30)]
    for start in (0, 6, 7, 8, 49, 50, 51, 79):
        assert [row["text"] for row in work.rows(start)] == texts[start:]
    assert work.blocks({0, 1, 2}, 1) == [(number, number + 1) for number in range(3, 8)]
    assert list(Work(((files[0]),), TableOptions(), "refuse", None, None, None, 10).rows(50)) == []


@pytest.mark.parametrize("name", ["bom.csv", "semi.csv.gz", "tabs.tsv", "book.xlsx", "lines.jsonl.gz"])
def test_a_block_of_any_table_begins_at_its_row(tmp_path, name):
    """Texts with quotes, line breaks and separators, so that no line is a row."""
    rows = [(f'text {i}\n"and"; so\ton' if i % 3 else f"zo\u00eb {i}", i) for i in range(40)]
    source = table_of(tmp_path, rows, name)
    work = Work(((str(source), 40), (str(source), 40)), TableOptions(), "refuse", None, None, None, 10)
    for start in (0, 1, 17, 39, 40, 61, 79):
        assert [row["text"] for row in work.rows(start)] == ([text for text, _ in rows] * 2)[start:]


def table_of(folder, rows, name):
    """Return a table of the rows in the format of its name, which the batch job itself wrote where it can."""
    if name == "bom.csv":
        source = write_csv(folder / name, rows, header=("text", "id"))
        source.write_bytes(b"\xef\xbb\xbf" + source.read_bytes())
        return source
    if name == "semi.csv.gz":
        with gzip.open(folder / name, "wt", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter=";").writerows([("text", "id"), *rows])
        return folder / name
    predict(input=write_csv(folder / "in.csv", rows, header=("text", "id")), output=folder / name, engine=Echo())
    return folder / name
