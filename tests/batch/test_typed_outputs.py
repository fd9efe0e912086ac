"""Values with types: JSON to Parquet, and everything to Excel."""

import datetime as dt
import json
import math

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.batch import predict
from sentiment.batch.excel import ExcelEncoder, check_size
from sentiment.errors import DataError
from tests.batch.echo import Echo
from tests.conftest import read_json, write_csv

NAN = float("nan")


def parquet_of(folder, values, *, chunk=2):
    """A column `v` of JSON through a job, as Parquet reads it back; its type, and what was said."""
    lines = [json.dumps({"text": f"text {i}", "v": value}) for i, value in enumerate(values)]
    (folder / "in.jsonl").write_text("".join(f"{line}\n" for line in lines))
    predict(input=folder / "in.jsonl", output=folder / "out.parquet", engine=Echo(), chunk=chunk, overwrite=True)
    found = pq.read_table(folder / "out.parquet")
    assert found["text"].to_pylist() == [f"text {i}" for i in range(len(values))]
    return found["v"].to_pylist(), str(found.schema.field("v").type), read_json(folder / "out.parquet.summary.json")


@pytest.mark.parametrize("chunk", [1, 2, 100], ids=lambda chunk: f"chunk {chunk}")
@pytest.mark.parametrize(
    "values",
    [
        [1, "a", None],
        ["a", 1, 2.5, True],
        [True, 1],
        [2**63, 1],
        [-(2**70), None, 3],
        [2**60 + 1, 0.5, 1],  # no double holds both
        [{}, {}, None],
        [{"a": 1}, {"a": "x"}],
        [[1], ["a"]],
        [[1], 2],
        [{"a": 1}, [1]],
    ],
    ids=str,
)
def test_a_column_without_a_common_type_is_json_text_that_loses_nothing(tmp_path, values, chunk, caplog):
    found, kind, summary = parquet_of(tmp_path, values, chunk=chunk)
    assert [None if value is None else json.loads(value) for value in found] == values
    assert kind == "string"
    assert pq.read_schema(tmp_path / "out.parquet").field("v").metadata == {b"content": b"json"}
    assert summary["changed_values"]["json"] == {"v": sum(value is not None for value in values)}
    assert "are written as JSON text" in caplog.text


@pytest.mark.parametrize("chunk", [1, 100], ids=lambda chunk: f"chunk {chunk}")
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, None, 3], "int64"),
        ([1, 2.5], "double"),
        ([None, "a"], "string"),
        ([True, None], "bool"),
        ([[], ["a"]], "list<element: string>"),
        ([{"a": 1}, {"a": None}], "struct<a: int64>"),
        ([None, None], "null"),
    ],
    ids=str,
)
def test_a_column_with_a_common_type_keeps_it(tmp_path, values, kind, chunk):
    found, own, summary = parquet_of(tmp_path, values, chunk=chunk)
    assert (found, own, summary["changed_values"]) == (values, kind, {})


def test_nan_is_a_number_among_numbers_and_said_elsewhere(tmp_path):
    found, kind, summary = parquet_of(tmp_path, [1, NAN, 2.5])
    assert (kind, found[0], found[2], math.isnan(found[1])) == ("double", 1.0, 2.5, True)
    assert summary["changed_values"] == {}
    found, kind, summary = parquet_of(tmp_path, ["a", NAN])
    assert (found, kind) == (['"a"', "null"], "string")
    assert summary["changed_values"] == {"json": {"v": 2}, "not_a_number": {"v": 1}}


def test_json_lines_have_no_nan(tmp_path, caplog):
    (tmp_path / "in.jsonl").write_text('{"text": "a", "v": NaN, "w": [Infinity, 1]}\n')
    predict(input=tmp_path / "in.jsonl", output=tmp_path / "out.jsonl", engine=Echo())
    [line] = (tmp_path / "out.jsonl").read_text().splitlines()

    def refuse(constant):
        raise AssertionError(constant)

    row = json.loads(line, parse_constant=refuse)
    assert (row["v"], row["w"]) == (None, [None, 1])
    assert "NaN and Infinity, which JSON has not, are written as null: 1 in 'v', 1 in 'w'" in caplog.text


def test_parquet_has_few_row_groups(tmp_path):
    source = write_csv(tmp_path / "in.csv", [(f"text {i}",) for i in range(500)], header=("text",))
    predict(input=source, output=tmp_path / "out.parquet", engine=Echo(), chunk=10)
    assert pq.ParquetFile(tmp_path / "out.parquet").num_row_groups == 1


def test_binary_columns_are_texts(tmp_path):
    pq.write_table(pa.table({"text": [b"good"], "raw": [b"\xff\x00"]}), tmp_path / "in.parquet")
    for name in ("out.jsonl", "out.parquet", "out.xlsx"):
        predict(input=tmp_path / "in.parquet", output=tmp_path / name, engine=Echo())
    row = json.loads((tmp_path / "out.jsonl").read_text())
    assert (row["text"], row["raw"]) == ("good", "/wA=")
    assert pq.read_table(tmp_path / "out.parquet")["raw"].to_pylist() == [b"\xff\x00"]


def cells(path):
    sheet = openpyxl.load_workbook(path)["predictions"]
    header, *rows = [[(cell.value, cell.data_type) for cell in row] for row in sheet.iter_rows()]
    return [dict(zip([name for name, _ in header], row, strict=True)) for row in rows]


def test_texts_stay_texts_and_numbers_numbers_in_excel(tmp_path):
    rows = [
        {"text": "=1+1", "id": "007", "n": -3.5, "when": dt.datetime(2020, 1, 2, 3, 4, 5), "big": 2**53},
        {"text": "#N/A", "id": "-3.5", "n": 1.0, "when": dt.datetime(1850, 1, 1), "big": 5},
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "in.parquet")
    predict(input=tmp_path / "in.parquet", output=tmp_path / "out.xlsx", engine=Echo())
    first, second = cells(tmp_path / "out.xlsx")
    assert (first["text"], second["text"]) == (("=1+1", "s"), ("#N/A", "s"))  # neither a formula nor an error
    assert (first["id"], second["id"]) == (("007", "s"), ("-3.5", "s"))
    assert first["n"] == (-3.5, "n")
    assert (first["when"], second["when"]) == ((rows[0]["when"], "d"), ("1850-01-01 00:00:00", "s"))
    assert (first["big"], second["big"]) == ((str(2**53), "s"), (5, "n"))
    assert first["score"][1] == "n"
    assert read_json(tmp_path / "out.xlsx.summary.json")["changed_values"] == {"text": {"big": 1}}


@pytest.mark.parametrize("safe", [False, True])
def test_no_cell_is_ever_a_formula_and_a_safe_one_stays_a_text_when_edited(tmp_path, safe):
    source = write_csv(tmp_path / "in.csv", [("=1+1", "-3.5"), ("+x", "a")], header=("text", "=h"))
    predict(input=source, output=tmp_path / "out.xlsx", engine=Echo(), spreadsheet_safe=safe)
    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["predictions"]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s", "n"}
    quoted = [[cell.value for cell in row if cell.quotePrefix] for row in sheet.iter_rows()]
    assert quoted == ([["=h"], ["=1+1"], ["+x"]] if safe else [[], [], []])


def test_what_a_cell_cannot_hold_is_changed_and_said(tmp_path, caplog):
    odd = ["x" * 40_000, "\U0001f600" * 20_000, "a\x0bb\ufffe", "a\r\nb\rc", "_x0041_", " lead "]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps({"text": "t", "v": value}) + "\n" for value in odd))
    predict(input=tmp_path / "in.jsonl", output=tmp_path / "out.xlsx", engine=Echo())
    predict(input=tmp_path / "out.xlsx", output=tmp_path / "again.jsonl", engine=Echo(), prefix="again_")
    found = [json.loads(line)["v"] for line in (tmp_path / "again.jsonl").read_text(encoding="utf-8").splitlines()]
    assert found == ["x" * 32_767, "\U0001f600" * 16_383, "a\ufffdb\ufffd", "a\nb\nc", "_x0041_", " lead "]
    changed = read_json(tmp_path / "out.xlsx.summary.json")["changed_values"]
    assert changed == {"cut": {"v": 2}, "control": {"v": 1}, "carriage_return": {"v": 1}}
    assert "texts are cut at the 32,767 characters of a cell in Excel: 2 in 'v'" in caplog.text


@pytest.mark.parametrize(("rows", "columns"), [(1_048_576, 3), (5, 16_385)])
def test_more_than_a_sheet_holds_is_refused(rows, columns):
    check_size(1_048_575, 16_384)
    with pytest.raises(DataError, match=r"a sheet of Excel holds .*write \.csv or \.parquet"):
        check_size(rows, columns)


def test_too_many_rows_are_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("sentiment.batch.excel.MOST_ROWS", 3)
    source = write_csv(tmp_path / "in.csv", [("a",)] * 3, header=("text",))
    engine = Echo()
    with pytest.raises(DataError, match="3 rows: a sheet of Excel holds 2 below its header"):
        predict(input=source, output=tmp_path / "out.xlsx", engine=engine)
    assert len(engine.texts) <= 1  # the canary


def test_a_workbook_is_the_same_bytes_for_the_same_rows(tmp_path):
    part, _ = ExcelEncoder(["a"]).encode([{"a": "x"}])
    for name in ("one", "two"):
        ExcelEncoder(["a"]).join([part], tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
