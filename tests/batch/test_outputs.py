"""Where an output is written, what stands beside it, and the columns that are added."""

import csv
import io
import json
import os
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.batch import predict
from sentiment.batch.cells import unguard
from sentiment.data.csv_output import write_csv as write_table
from sentiment.errors import ConfigError, DataError, RowsRejectedError
from tests.batch.echo import Echo
from tests.conftest import read_csv, read_json, write_csv

ROWS = [("good film", "a"), ("bad film", "b")]


@pytest.fixture
def source(tmp_path):
    return write_csv(tmp_path / "in.csv", ROWS, header=("text", "note"))


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out"])
def test_a_folder_is_never_replaced(source, tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "thesis.txt").write_text("years")
    with pytest.raises(DataError, match="is a folder; name a file in it, such as"):
        predict(input=source, output=tmp_path / name, engine=Echo())
    assert (tmp_path / name / "thesis.txt").read_text() == "years"
    assert sorted(os.listdir(tmp_path)) == sorted(["in.csv", name])


@pytest.mark.parametrize("how", ["same", "other spelling", "symbolic link", "hard link", "one of a glob"])
def test_the_input_is_never_overwritten(source, tmp_path, how):
    before, given, output = source.read_bytes(), source, source
    if how == "other spelling":
        output = tmp_path / "x" / ".." / "in.csv"
        (tmp_path / "x").mkdir()
    elif how == "symbolic link":
        output = tmp_path / "link.csv"
        output.symlink_to(source)
    elif how == "hard link":
        output = tmp_path / "link.csv"
        os.link(source, output)
    elif how == "one of a glob":
        given = tmp_path / "*.csv"
    with pytest.raises(DataError, match="is one of the inputs; choose another output"):
        predict(input=given, output=output, engine=Echo())
    assert source.read_bytes() == before


def test_the_rejects_of_a_former_job_are_no_output_of_the_next(source, tmp_path):
    rejects = tmp_path / "out.csv.rejects.csv"
    source.rename(rejects)
    with pytest.raises(DataError, match="rejects.csv is one of the inputs"):
        predict(input=rejects, output=tmp_path / "out.csv", engine=Echo())


def test_a_symbolic_link_is_written_through(source, tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "out.csv").symlink_to(tmp_path / "disk" / "real.csv")
    predict(input=source, output=tmp_path / "out.csv", engine=Echo())
    assert (tmp_path / "out.csv").is_symlink()
    assert len(read_csv(tmp_path / "disk" / "real.csv")) == 2
    assert sorted(os.listdir(tmp_path / "disk")) == ["real.csv", "real.csv.summary.json"]


def test_a_pipe_is_refused(source, tmp_path):
    os.mkfifo(tmp_path / "out.csv")
    with pytest.raises(DataError, match="neither a file nor a folder"):
        predict(input=source, output=tmp_path / "out.csv", engine=Echo())


def test_a_folder_that_takes_no_files_is_told_before_the_work(source, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write everywhere
    engine = Echo()
    with pytest.raises(PermissionError, match="nothing can be written into this folder"):
        predict(input=source, output=tmp_path / "deep" / "out.csv", engine=engine)
    assert engine.texts == []


@pytest.mark.parametrize("name", ["file/out.csv", "file/out/"])
def test_a_file_in_the_place_of_a_folder_is_told_before_the_work(source, tmp_path, name):
    (tmp_path / "file").touch()
    engine = Echo()
    with pytest.raises(DataError, match=r"output=.*/file/out.*: .*/file is a file, no folder; name another path"):
        predict(input=source, output=f"{tmp_path}/{name}", engine=engine)
    assert engine.texts == []


@pytest.mark.parametrize("name", ["out.csv.summary.json", "out.csv.rejects.csv"])
def test_a_folder_in_the_place_of_a_file_beside_the_output_is_told_before_the_work(source, tmp_path, name):
    (tmp_path / name).mkdir()
    engine = Echo()
    with pytest.raises(DataError, match=rf"output=.*/out.csv: .*/{name}, which it needs, is a folder; choose another"):
        predict(input=source, output=tmp_path / "out.csv", engine=engine)
    assert engine.texts == []


def test_a_missing_folder_is_made(source, tmp_path):
    predict(input=source, output=tmp_path / "a" / "b" / "out.csv", engine=Echo())
    assert len(read_csv(tmp_path / "a" / "b" / "out.csv")) == 2


def test_outputs_that_differ_in_their_format_alone_share_nothing(tmp_path):
    for name, texts in {"out.csv": ["", "good"], "out.jsonl": ["good", "", ""], "out.csv.gz": [""]}.items():
        source = write_csv(tmp_path / f"in_{name.replace('.', '_')}.csv", [(text,) for text in texts], ("text",))
        with pytest.raises(RowsRejectedError, match=rf"{name}\.rejects\.csv"):
            predict(input=source, output=tmp_path / name, engine=Echo())
    counts = {name: read_json(tmp_path / f"{name}.summary.json")["rejected"] for name in ("out.csv", "out.jsonl")}
    assert counts == {"out.csv": 1, "out.jsonl": 2}
    assert [row["row"] for row in read_csv(tmp_path / "out.csv.rejects.csv")] == ["1"]
    assert [row["row"] for row in read_csv(tmp_path / "out.jsonl.rejects.csv")] == ["2", "3"]


def test_a_prefix_makes_room_for_columns_of_the_input(tmp_path):
    source = write_csv(tmp_path / "in.csv", [("good film", "7")], header=("text", "score"))
    with pytest.raises(DataError, match="already has the column 'score'; set prefix=..., such as prefix=model_"):
        predict(input=source, output=tmp_path / "out.csv", engine=Echo())
    predict(input=source, output=tmp_path / "out.csv", engine=Echo(), prefix="model_")
    [row] = read_csv(tmp_path / "out.csv")
    added = ("prediction", "score", "p_a", "p_b", "unreadable", "unreadable_reason")
    assert list(row) == ["text", "score", *(f"model_{name}" for name in added)]
    assert row["score"] == "7"


def test_a_key_that_comes_late_does_not_overwrite_what_is_added(tmp_path, monkeypatch):
    lines = b'{"text": "a"}\n{"text": "b", "score": 7}\n'
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines * 200_000)))
    with pytest.raises(DataError, match="already has the column 'score'; set prefix"):
        predict(input="-", output=tmp_path / "out.jsonl", engine=Echo(), stdin_format="jsonl")


@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.csv.gz", "out.jsonl", "out.xlsx", "out.parquet"])
def test_an_output_is_read_again_as_it_is(tmp_path, name):
    """predict takes what predict has written; a bare carriage return parts no rows on any Python."""
    texts = ["a\rb", "x\r", "\ry", 'q "r", s', "tab\there", "line\nend", "crlf\r\nend", "'", "007", "-3.5", "=1"]
    write_table(tmp_path / "in.csv", [("text", "id"), *((text, f"0{i}") for i, text in enumerate(texts))])
    predict(input=tmp_path / "in.csv", output=tmp_path / name, engine=Echo())
    predict(input=tmp_path / name, output=tmp_path / "again.jsonl", engine=Echo(), prefix="again_")
    found = [json.loads(line) for line in (tmp_path / "again.jsonl").read_text(encoding="utf-8").splitlines()]
    expected = [text.replace("\r\n", "\n").replace("\r", "\n") if name == "out.xlsx" else text for text in texts]
    assert [(row["text"], row["id"]) for row in found] == [(text, f"0{i}") for i, text in enumerate(expected)]


FORMULAS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1"]
PLAIN = ["-3.5", "+5", "-1,234.50", "-1e-3", "-5%", "a=b", "", "'quoted'"]


def test_texts_that_a_spreadsheet_would_run_are_texts_where_asked(tmp_path):
    rows = [(f"text {i}", value) for i, value in enumerate(FORMULAS + PLAIN)]
    write_table(tmp_path / "in.csv", [("text", "=note"), *rows])
    predict(input=tmp_path / "in.csv", output=tmp_path / "out.csv", engine=Echo(), spreadsheet_safe=True)
    found = read_csv(tmp_path / "out.csv")
    assert [row["'=note"] for row in found] == [f"'{value}" for value in FORMULAS] + PLAIN
    assert [unguard(row["'=note"]) for row in found] == FORMULAS + PLAIN  # nothing is lost
    assert read_json(tmp_path / "out.csv.summary.json")["changed_values"] == {"formula": {"=note": len(FORMULAS)}}
    predict(input=tmp_path / "in.csv", output=tmp_path / "plain.csv", engine=Echo())
    assert [row["=note"] for row in read_csv(tmp_path / "plain.csv")] == FORMULAS + PLAIN


def test_a_real_number_is_no_formula(tmp_path):
    pq.write_table(pa.table({"text": ["a"], "n": [-3.5]}), tmp_path / "in.parquet")
    predict(input=tmp_path / "in.parquet", output=tmp_path / "out.csv", engine=Echo(), spreadsheet_safe=True)
    assert read_csv(tmp_path / "out.csv")[0]["n"] == "-3.5"


@pytest.mark.parametrize("name", ["out.jsonl", "out.parquet"])
def test_a_key_that_can_do_nothing_is_refused(source, tmp_path, name):
    with pytest.raises(ConfigError, match=f"spreadsheet_safe=true does nothing for {name}"):
        predict(input=source, output=tmp_path / name, engine=Echo(), spreadsheet_safe=True)


@pytest.mark.parametrize("name", ["out.csv", "out.tsv.gz", "out.jsonl", "out.parquet", "out.xlsx"])
def test_half_of_a_surrogate_pair_costs_no_other_row(tmp_path, name, caplog):
    (tmp_path / "in.jsonl").write_text(
        '{"text": "fine", "note": "\\ud83d", "deep": [{"k": "\\udc00"}]}\n{"text": "\\ud83d", "note": "b"}\n'
        '{"text": "fine too \\ud83d\\ude00", "note": "c"}\n'
    )
    with pytest.raises(RowsRejectedError, match="1 of 3 rows"):
        predict(input=tmp_path / "in.jsonl", output=tmp_path / name, engine=Echo())
    assert "half of a surrogate pair" in read_csv(tmp_path / f"{name}.rejects.csv")[0]["reason"]
    changed = read_json(tmp_path / f"{name}.summary.json")["changed_values"]["surrogate"]
    assert changed == {"text": 1, "note": 1, "deep": 1}
    assert "half of a surrogate pair, which is no character, is written as U+FFFD: 1 in" in caplog.text
    with pytest.raises(DataError, match="already has"):  # it is read again
        predict(input=tmp_path / name, output=tmp_path / "again.csv", engine=Echo())


def test_a_column_name_with_half_of_a_surrogate_pair_is_refused(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "fine", "\\ud83d": 1}\n')
    with pytest.raises(DataError, match="half of a surrogate pair in its name; rename it"):
        predict(input=tmp_path / "in.jsonl", output=tmp_path / "out.csv", engine=Echo())


def test_a_header_and_no_row_give_a_header_and_no_row(tmp_path):
    write_csv(tmp_path / "in.csv", [], header=("text",))
    for name in ("out.csv", "out.parquet", "out.xlsx", "out.jsonl"):
        predict(input=tmp_path / "in.csv", output=tmp_path / name, engine=Echo())
    assert read_csv(tmp_path / "out.csv") == []
    added = ["prediction", "score", "p_a", "p_b", "unreadable", "unreadable_reason"]
    assert pq.read_schema(tmp_path / "out.parquet").names == ["text", *added]


def test_csv_is_what_other_tools_read(tmp_path):
    """awk and Python's own reader, which parts lines at a bare carriage return that is not quoted."""
    write_table(tmp_path / "in.csv", [("text",), ("a\rb",), ("c",)])
    predict(input=tmp_path / "in.csv", output=tmp_path / "out.csv", engine=Echo())
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert [row["text"] for row in csv.DictReader(file, strict=True)] == ["a\rb", "c"]
    lines = subprocess.run(["wc", "-l", tmp_path / "out.csv"], capture_output=True, text=True, check=True).stdout
    assert lines.split()[0] == "3"
