"""The kinds of files that a job reads and writes, and what it says of those it cannot."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.batch import predict
from sentiment.errors import DataError, RowsRejectedError
from tests.conftest import read_csv, write_csv

ROWS = [
    {"id": i, "text": f"{'good' if i % 2 else 'bad'} film é {i}", "tags": ["a", str(i)], "note": None} for i in range(7)
]


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz", "in.jsonl.zst", "in.parquet"])
@pytest.mark.parametrize("output", ["out.jsonl", "out.jsonl.gz", "out.jsonl.zst", "out.parquet"])
def test_every_format_keeps_its_values(engine, tmp_path, name, output):
    write_rows(tmp_path / name, ROWS)
    predict(input=tmp_path / name, output=tmp_path / output, engine=engine, chunk=3)
    found = read_rows(tmp_path / output)
    assert [{key: row[key] for key in ROWS[0]} for row in found] == ROWS
    assert [row["prediction"] for row in found] == ["positive" if i % 2 else "negative" for i in range(7)]


def test_csv_comes_out_of_any_format(engine, tmp_path):
    write_rows(tmp_path / "in.parquet", ROWS)
    predict(input=tmp_path / "in.parquet", output=tmp_path / "out.csv.gz", engine=engine, chunk=3)
    with gzip.open(tmp_path / "out.csv.gz", "rt", newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert [(row["id"], row["tags"], row["note"]) for row in found] == [
        (str(row["id"]), json.dumps(row["tags"]), "") for row in ROWS
    ]


def test_a_parquet_column_keeps_its_type(engine, tmp_path):
    table = pa.table(
        {"text": ["good film", None], "when": pa.array([1, 2], pa.timestamp("us")), "n": pa.array([1, 2], "int8")}
    )
    pq.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(RowsRejectedError, match="1 of 2"):
        predict(input=tmp_path / "in.parquet", output=tmp_path / "out.parquet", engine=engine)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.select(table.column_names).equals(table)
    assert found.column("prediction").to_pylist() == ["positive", None]
    assert "text must be a string, got null" in read_csv(tmp_path / "out.parquet.rejects.csv")[0]["reason"]


def test_a_glob_is_one_job_in_the_order_of_the_names(engine, tmp_path):
    for day in (2, 1):
        write_csv(tmp_path / f"day{day}.csv", [(f"good film {day}",)], header=("text",))
    predict(input=f"{tmp_path}/day*.csv", output=tmp_path / "out.csv", engine=engine)
    assert [row["text"] for row in read_csv(tmp_path / "out.csv")] == ["good film 1", "good film 2"]


def test_standard_input_is_predicted(engine, tmp_path, monkeypatch):
    content = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    predict(input="-", output=tmp_path / "out.tsv", engine=engine, stdin_format="jsonl", chunk=2)
    with (tmp_path / "out.tsv").open(newline="", encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file, delimiter="\t")] == [str(i) for i in range(7)]


def test_each_line_of_a_text_file_is_a_text(engine, tmp_path, monkeypatch):
    lines = ['good film, "really"', "", "bad;\tfilm\x1f|", "=SUM(1) good film"]
    (tmp_path / "in.txt").write_bytes("\r\n".join([*lines, "", "", ""]).encode())
    with pytest.raises(RowsRejectedError, match="1 of 4 rows"):  # the numbers of the rows are those of the lines
        predict(input=tmp_path / "in.txt", output=tmp_path / "out.csv", engine=engine)
    found = read_csv(tmp_path / "out.csv")
    assert [row["text"] for row in found] == lines
    assert [row["prediction"] for row in found] == ["positive", "", "negative", "positive"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("good film\nbad film".encode("utf-16"))))
    predict(input="-", output=tmp_path / "out.jsonl", engine=engine, stdin_format="txt")
    assert [row["text"] for row in read_rows(tmp_path / "out.jsonl")] == ["good film", "bad film"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.xls", b"x", "unknown format '.xls'; expected .csv, .tsv, .jsonl, .ndjson, .json, .parquet, .xlsx"),
        ("in.parquet.gz", b"x", "in.parquet.gz: not readable as gz"),
        ("in.csv.gz", b"no gzip", "in.csv.gz: not readable as gz"),
        ("in.parquet", b"no parquet", "not readable as Parquet"),
        ("in.jsonl", b'{"text": "a"}\n{"text": \n', "line 2: not valid JSON"),
        ("in.jsonl", b"", "is empty; it has no rows"),
        ("in.json", b"[]", "is empty; it has no rows"),
        ("in.jsonl", b'["a"]\n', "line 1: expected one JSON object"),
        ("in.csv", b"text,text\na,b\n", "has the column 'text' twice"),
        ("in.csv", b"text,score\na,1\n", "already has the column 'score'"),
        ("in.csv.gz", gzip.compress("text\né é\n".encode() + b"caf\xe9\n", mtime=0), "line 3: not UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_error(engine, tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        predict(input=tmp_path / name, output=tmp_path / "out.csv", engine=engine)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def write_rows(path, rows):
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with pa.output_stream(str(path), compression="detect") as stream:
            stream.write("".join(json.dumps(row) + "\n" for row in rows).encode())


def read_rows(path):
    if path.suffix == ".parquet":
        return pq.read_table(path).to_pylist()
    with pa.input_stream(str(path), compression="detect") as stream:
        return [json.loads(line) for line in stream.read().splitlines()]
