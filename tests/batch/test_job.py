import csv
import gc
import gzip
import io
import json
import os
import signal
import subprocess
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.batch import predict
from sentiment.errors import DataError, Interrupted, RowsRejected, Unreachable
from sentiment.predictor import Predictor
from tests.conftest import read_json, write_csv


@pytest.fixture(scope="module")
def engine(tiny_run):
    return Predictor.load(tiny_run)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_keep_their_order_and_columns(engine, tmp_path):
    rows = [(f"{'good' if i % 3 else 'bad'} film", str(i), 'a "b", c\nd') for i in range(25)]
    source = write_csv(tmp_path / "in.csv", rows, header=("text", "id", "note"))
    predict(input=source, output=tmp_path / "out.csv", engine=engine, chunk=4)
    out = read(tmp_path / "out.csv")
    assert [(row["text"], row["id"], row["note"]) for row in out] == rows
    assert [row["prediction"] for row in out] == ["positive" if i % 3 else "negative" for i in range(25)]
    assert all(float(row["score"]) == max(float(row["p_negative"]), float(row["p_positive"])) for row in out)
    assert not (tmp_path / "out.rejects.csv").exists()


def test_rows_that_cannot_be_scored_are_kept_and_listed(engine, tmp_path):
    source = write_csv(
        tmp_path / "in.csv", [("good film",), (" ",), ("a" * 1_000_000,), ("bad film",)], header=("text",)
    )
    with pytest.raises(RowsRejected, match="2 of 4 rows could not be scored"):
        predict(input=source, output=tmp_path / "out.csv", engine=engine)
    assert [row["prediction"] for row in read(tmp_path / "out.csv")] == ["positive", "", "", "negative"]
    assert [row["row"] for row in read(tmp_path / "out.rejects.csv")] == ["2", "3"]
    assert "1,000,000 characters" in read(tmp_path / "out.rejects.csv")[1]["reason"]


def test_bad_rows_before_the_first_good_one_still_get_the_header(engine, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("",), ("",), ("good film",)], header=("text",))
    with pytest.raises(RowsRejected):
        predict(input=source, output=tmp_path / "out.csv", engine=engine, chunk=1)
    assert [row["prediction"] for row in read(tmp_path / "out.csv")] == ["", "", "positive"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "is empty; it needs a header line"),
        (b"body,id\nx,1\n", "no column 'text', only 'body', 'id'; set text_column"),
        (b"text\ncaf\xe9\n", "line 2: not UTF-8"),
        (b"text,id\nfine,1\nbad,2,3\n", "line 3: 3 values under 2 columns"),
        (b"text,id\nfine\n", "line 2: 1 values under 2 columns"),
    ],
)
def test_a_bad_file_is_one_clear_error_and_leaves_no_output(engine, tmp_path, content, message):
    source = tmp_path / "in.csv"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(DataError, match=message):
        predict(input=source, output=tmp_path / "out.csv", engine=engine)
    assert {path.name for path in tmp_path.iterdir()} <= {"in.csv"}


class Failing:
    """The engine, until its n-th call fails."""

    def __init__(self, engine, call, error):
        self.engine, self.left, self.error, self.texts = engine, call, error, []

    def predict(self, texts):
        self.left -= 1
        if self.left == 0:
            raise self.error
        self.texts += texts
        return self.engine.predict(texts)


@pytest.mark.parametrize(
    ("error", "seen", "said"),
    [
        (OSError(28, "No space left on device"), OSError, "No space left"),
        (KeyboardInterrupt(), Interrupted, "stopped after 6 rows, kept in .* the same command goes on from there"),
        (Unreachable("no answer"), Unreachable, "no answer; stopped after 6 rows, kept in .*out.csv.parts"),
    ],
)
def test_what_was_done_before_a_failure_is_not_done_again(engine, tmp_path, error, seen, said):
    rows = [(f"{'good' if i % 3 else 'bad'} film {i}",) for i in range(10)]
    source = write_csv(tmp_path / "in.csv", rows, header=("text",))
    (tmp_path / "out.csv").write_text("former")
    with pytest.raises(seen, match=said):
        predict(input=source, output=tmp_path / "out.csv", engine=Failing(engine, 4, error), chunk=3)
    assert (tmp_path / "out.csv").read_text() == "former"
    again = Failing(engine, 0, error)
    predict(input=source, output=tmp_path / "out.csv", engine=again, chunk=3)
    assert again.texts[1:] == [text for (text,) in rows[6:]]
    predict(input=source, output=tmp_path / "whole.csv", engine=engine, chunk=3)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert read_json(tmp_path / "out.summary.json")["rows_done_before"] == 6
    assert not (tmp_path / "out.csv.parts").exists()


def test_other_input_or_another_model_starts_afresh(engine, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("good film",)] * 6, header=("text",))
    with pytest.raises(OSError, match="full"):
        predict(input=source, output=tmp_path / "out.csv", engine=Failing(engine, 3, OSError(28, "full")), chunk=2)
    write_csv(source, [("bad film",)] * 7, header=("text",))
    predict(input=source, output=tmp_path / "out.csv", engine=engine, chunk=2)
    assert [row["text"] for row in read(tmp_path / "out.csv")] == ["bad film"] * 7


def test_a_job_killed_again_and_again_loses_no_row(tiny_run, engine, tmp_path):
    """The real command under SIGKILL: its rows are those of an unbroken job, in their order."""
    rows = [(f"{'good' if i % 3 else 'bad'} film {i} " + "and so on " * 12,) for i in range(3000)]
    source = write_csv(tmp_path / "in.csv", rows, header=("text",))
    command = [sys.executable, "-m", "sentiment", "predict", f"run={tiny_run}", f"input={source}"]
    command += [f"output={tmp_path}/out.csv", "chunk=50"]
    parts, kills = tmp_path / "out.csv.parts", 0
    for wanted in (5, 20):  # parts on disk when the kill comes
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
            while running.poll() is None and len(list(parts.glob("part-*.json"))) < wanted:
                time.sleep(0.005)
            kills += running.poll() is None
            os.kill(running.pid, signal.SIGKILL)
    assert kills == 2
    subprocess.run(command, check=True, capture_output=True)
    predict(input=source, output=tmp_path / "whole.csv", engine=engine, chunk=50)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert read_json(tmp_path / "out.summary.json")["rows_done_before"] >= 20 * 50


def test_two_jobs_cannot_write_one_output(engine, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("good film",)], header=("text",))

    class Nosy:
        calls = 0

        def predict(self, texts):
            self.calls += 1
            if self.calls == 2:  # inside the job
                with pytest.raises(DataError, match="another job writes"):
                    predict(input=source, output=tmp_path / "out.csv", engine=engine)
            return engine.predict(texts)

    predict(input=source, output=tmp_path / "out.csv", engine=Nosy())
    assert len(read(tmp_path / "out.csv")) == 1


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
    with pytest.raises(RowsRejected, match="1 of 2"):
        predict(input=tmp_path / "in.parquet", output=tmp_path / "out.parquet", engine=engine)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.select(table.column_names).equals(table)
    assert found.column("prediction").to_pylist() == ["positive", None]
    assert "text must be a string, got null" in read(tmp_path / "out.rejects.csv")[0]["reason"]


def test_a_glob_is_one_job_in_the_order_of_the_names(engine, tmp_path):
    for day in (2, 1):
        write_csv(tmp_path / f"day{day}.csv", [(f"good film {day}",)], header=("text",))
    predict(input=f"{tmp_path}/day*.csv", output=tmp_path / "out.csv", engine=engine)
    assert [row["text"] for row in read(tmp_path / "out.csv")] == ["good film 1", "good film 2"]


def test_standard_input_is_predicted(engine, tmp_path, monkeypatch):
    content = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))
    predict(input="-", output=tmp_path / "out.tsv", engine=engine, stdin_format="jsonl", chunk=2)
    with (tmp_path / "out.tsv").open(newline="", encoding="utf-8") as file:
        assert [row["id"] for row in csv.DictReader(file, delimiter="\t")] == [str(i) for i in range(7)]


def test_standard_input_stopped_begins_anew_and_says_so(engine, tmp_path, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b"text\ngood film\nbad film\ngood song\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(Interrupted, match="stopped after 1 rows; the same command begins with the first row again"):
        predict(input="-", output=tmp_path / "out.csv", engine=Failing(engine, 3, KeyboardInterrupt()), chunk=1)
    gc.collect()  # the reader goes before what it reads


def test_the_summary_counts(engine, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("good film",), ("bad film",), ("good one",), ("",)], header=("text",))
    with pytest.raises(RowsRejected):
        predict(input=source, output=tmp_path / "out.csv", engine=engine)
    summary = read_json(tmp_path / "out.summary.json")
    assert (summary["rows"], summary["predicted"], summary["rejected"]) == (4, 3, 1)
    assert summary["labels"] == {"negative": 1, "positive": 2}
    assert summary["shares"] == {"negative": 0.333333, "positive": 0.666667}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("in.xlsx", b"x", "expected .csv, .tsv, .jsonl, .ndjson, .parquet"),
        ("in.parquet.gz", b"x", "Parquet compresses by itself"),
        ("in.csv.gz", b"no gzip", "in.csv.gz: not readable as gz"),
        ("in.parquet", b"no parquet", "not readable as Parquet"),
        ("in.jsonl", b'{"text": "a"}\n{"text": \n', "line 2: not valid JSON"),
        ("in.jsonl", b'["a"]\n', "line 1: expected one JSON object"),
        ("in.csv", b"text,text\na,b\n", "has the column 'text' twice"),
        ("in.csv", b"text,score\na,1\n", "already has the column 'score'"),
        ("in.csv.gz", gzip.compress(b"text\nfine\ncaf\xe9\n"), "line 3: not UTF-8"),
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
