"""JSON, Parquet and Excel: values keep their types, labels become names, other columns never stop the read."""

import datetime
import gzip
import json
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from openpyxl import Workbook

from sentiment.data.tables import BrokenRow, Limits, TableOptions, label_value, open_table, text_value
from sentiment.errors import DataError
from tests.data.tables.workbook import MAIN, RELATIONS, write_xlsx

ROWS = [{"text": "a", "n": 1}, {"text": "b\u00e9", "n": None}, {"text": "c", "more": [1]}]


def json_file(folder, content, name="a.jsonl"):
    path = folder / name
    data = content.encode("utf-8")
    path.write_bytes(gzip.compress(data) if name.lower().endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson", "a.json", "A.JSONL.GZ", "a.json.gz"])
@pytest.mark.parametrize("form", ["lines", "array", "pretty"])
def test_json_is_read_in_either_form(tmp_path, name, form):
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    content = {"lines": lines, "array": json.dumps(ROWS), "pretty": "\n" + json.dumps(ROWS, indent=2) + "\n"}[form]
    table = open_table(json_file(tmp_path, content, name))
    assert [*table.rows()] == [*table.rows()] == ROWS
    assert table.survey() == (["text", "n", "more"], 3)
    assert bool(table.said) == (("json" in name.lower().split(".")) != (form != "lines"))


def test_an_array_larger_than_what_is_read_at_once(tmp_path):
    rows = [{"text": "x" * (i % 5000), "i": i} for i in range(2000)]
    assert [*open_table(json_file(tmp_path, json.dumps(rows), "a.json")).rows()] == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"text": "a"}\n{"text": \n', "line 2: not valid JSON"),
        ('{"text": "a"}\n["b"]\n', "line 2: expected one JSON object"),
        ('{"text": "a"} {"text": "b"}\n', "line 1: more than one JSON value"),
        ('{"text": "a", "text": "b"}\n', "line 1: the key 'text' stands twice"),
        ('[{"text": "a"},\n{"text": "b"\n', "line 2: not valid JSON"),
        ('[{"text": "a"}\n{"text": "b"}]', "line 2: not valid JSON: expected , or ]"),
        ('[{"text": "a"}\n', "line 2: not valid JSON: expected , or ] and got the end of the file"),
        ('["a"]', "line 1: expected one JSON object"),
    ],
)
def test_what_is_no_json_is_refused_with_its_line(tmp_path, content, message):
    with pytest.raises(DataError, match=message):
        open_table(json_file(tmp_path, content)).survey()


def test_keys_of_other_columns_may_be_anything(tmp_path):
    rows = [{"text": "a", "label": 1, "price": 5, "style": {"a": {"x": 1, "x2": 2}}} for _ in range(1500)]
    rows += [{"text": "b", "label": 0, "price": "$5", "style": ["b"]}, {"text": "c", "label": 0, "new": {"k": None}}]
    content = "".join(json.dumps(row) + "\n" for row in rows) + '{"text": "d", "label": 1, "o": {"k": 1, "k": 2}}\n'
    found = [*open_table(json_file(tmp_path, content, "a.jsonl.gz")).rows(["text", "label"])]
    assert found[-3:] == [{"text": "b", "label": 0}, {"text": "c", "label": 0}, {"text": "d", "label": 1}]


def test_broken_lines_of_json_can_be_kept(tmp_path):
    path = json_file(tmp_path, '{"text": "a"}\n{"text"\n[1]\n')
    table = open_table(path, broken="keep")
    assert table.survey(broken="keep") == (["text"], 3)
    reasons = [row.reason for row in table.rows(broken="keep") if isinstance(row, BrokenRow)]
    assert reasons == ["line 2: not valid JSON", "line 3: expected one JSON object in a line"]


def test_dates_in_json_stay_as_written_and_a_replaced_file_is_read_anew(tmp_path):
    path = json_file(tmp_path, '{"text": "2020-01-01", "label": 1}\n')
    table = open_table(path)
    assert [*table.rows()] == [{"text": "2020-01-01", "label": 1}]
    path.write_text('{"text": "2020-01-02", "label": 0}\n', encoding="utf-8")
    assert [*table.rows()] == [{"text": "2020-01-02", "label": 0}]


@pytest.mark.parametrize("name", ["a.parquet", "A.PARQUET", "a.parquet.gz"])
def test_parquet_of_every_writer_is_read(tmp_path, name):
    table = pa.table(
        {
            "text": pa.array([b"a", "b\u00e9".encode(), None], pa.binary()),
            "large": pa.array(["a", "b", None], pa.large_string()),
            "label": pa.array(["pos", "neg", "pos"]).dictionary_encode(),
            "n": pa.array([1.0, None, 0.0]),
            "nested": pa.array([{"a": [1]}, None, {"a": []}]),
        }
    )
    pq.write_table(table, tmp_path / "plain.parquet")
    content = (tmp_path / "plain.parquet").read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith("gz") else content)
    opened = open_table(tmp_path / name)
    assert opened.survey() == (table.column_names, 3)
    rows = [*opened.rows()]
    assert [row["text"] for row in rows] == ["a", "b\u00e9", None]
    assert [(row["large"], row["label"], label_value(row["n"], "n")) for row in rows] == [
        ("a", "pos", "1"),
        ("b", "neg", None),
        (None, "pos", "0"),
    ]
    assert [*opened.rows(["label"])][0] == {"label": "pos"}
    with pytest.raises(DataError, match="column 'nested' holds an object"):
        text_value(rows[0]["nested"], "nested")


def test_a_workbook_is_read_from_its_first_sheet_with_data(tmp_path):
    rows = [
        ["text", "n", "share", "when", "seen", "mixed", "yes", ""],
        ["a", 1, 0.5, datetime.date(2026, 10, 9), datetime.datetime(2026, 10, 9, 1, 30), "x", True, ""],
        ["", 2, 1, datetime.date(2026, 10, 10), "", 7, False, ""],
        ["7 days", "", 0.25, "", "", "", "", ""],
    ]
    path = write_xlsx(tmp_path / "a.xlsx", {"Empty": [], "Data": rows, "Other": [["x"], [1]]})
    table = open_table(path)
    assert table.columns == ["text", "n", "share", "when", "seen", "mixed", "yes"]
    assert table.said.endswith("read as sheet 'Data' alone, without 'Other'")
    found = [*table.rows()]
    assert [row["text"] for row in found] == ["a", "", "7 days"]
    assert [row["n"] for row in found] == [1, 2, None]
    assert [row["mixed"] for row in found] == ["x", "7", ""]
    assert (found[0]["when"], str(found[0]["seen"])) == (datetime.date(2026, 10, 9), "2026-10-09 01:30:00")
    assert pa.Table.from_pylist(found, schema=table.schema).num_rows == 3
    assert [*open_table(path, TableOptions(columns=list("abcdefg"))).rows(["a"])][0] == {"a": "text"}


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("  pos ", "pos"), ("", None), (None, None), (float("nan"), None), (1, "1"), (1.0, "1"), (4.5, "4.5"),
        (True, "true"), (False, "false"), ("001", "001"), (datetime.date(2020, 1, 1), "2020-01-01"),
    ],
)  # fmt: skip
def test_labels_are_named_alike_in_every_format(value, name):
    assert label_value(value, "label") == name


@pytest.mark.parametrize("value", [[1], ["a", "b"], []])
def test_several_labels_of_a_text_are_refused(value):
    with pytest.raises(DataError, match=r"column 'labels' holds a list \(.*task=multi"):
        label_value(value, "labels")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xls", b"x", "unknown format '.xls'; expected .csv, .tsv"),
        ("a.txt", b"x", "unknown format '.txt'"),
        ("a.xlsx", b"x", "not readable as an Excel workbook"),
        ("a.parquet", b"x", "not readable as Parquet"),
        ("a.csv.gz", b"x", "not readable as gz"),
        ("a.csv", gzip.compress(b"text\na\n", mtime=0), "is compressed by gzip; name it .gz"),
        ("a.csv", b"PK\x03\x04", "is a zip archive or an Excel file; name it .xlsx"),
        ("a.jsonl", b"PAR1", "is a Parquet file; name it .parquet"),
    ],
)
def test_a_file_of_another_format_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        open_table(tmp_path / name)


def test_a_compressed_file_cut_short_is_damaged(tmp_path):
    content = gzip.compress("".join(f"{i} film\n" for i in range(200_000)).encode())
    (tmp_path / "a.csv.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="not readable as gz"):
        open_table(tmp_path / "a.csv.gz").survey()


def test_a_name_is_literal(tmp_path):
    for name, text in {"train[1].jsonl": "right", "train1.jsonl": "wrong"}.items():
        (tmp_path / name).write_text(json.dumps({"text": text}))
    assert [*open_table(tmp_path / "train[1].jsonl").rows()] == [{"text": "right"}]


@pytest.mark.parametrize(
    ("name", "limits", "message"),
    [
        ("a.csv.gz", Limits(bytes=10_000), "more than 10,000 bytes once decompressed"),
        ("a.csv.gz", Limits(rows=100), "more than 100 rows"),
        ("a.csv.gz", Limits(line=30), "line 2: more than 30 characters in a line"),
        ("a.jsonl.gz", Limits(line=30), "line 1: more than 30 characters in a line"),
        ("a.xlsx", Limits(bytes=1000), "more than 1,000 bytes once decompressed"),
    ],
)
def test_limits_stop_the_read(tmp_path, name, limits, message):
    if name == "a.xlsx":
        write_xlsx(tmp_path / name, {"A": [["text"], *([f"text {i}"] for i in range(50))]})
        assert zipfile.is_zipfile(tmp_path / name)
    else:
        line = json.dumps({"text": "x" * 40}) if "json" in name else "x" * 40
        (tmp_path / name).write_bytes(
            gzip.compress(("" if "json" in name else "text\n").encode() + (line + "\n").encode() * 1000)
        )
    with pytest.raises(DataError, match=message):
        open_table(tmp_path / name, limits=limits).survey()


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.xlsx"])
def test_an_option_that_a_format_cannot_take_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match="separator says nothing about a file of"):
        open_table(tmp_path / name, TableOptions(separator=";"))


def with_sheet(path, rows, texts=()):
    """Write a workbook whose one sheet has these rows of XML, with shared texts."""
    write_xlsx(path, {"A": [["x"]]})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name).decode() for name in archive.namelist()}
    members["xl/worksheets/sheet1.xml"] = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    link = f'<Relationship Id="rIdT" Type="{RELATIONS}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    rels = "xl/_rels/workbook.xml.rels"
    members[rels] = members[rels].replace("</Relationships>", link)
    members["xl/sharedStrings.xml"] = (
        f'<sst xmlns="{MAIN}">{"".join(f"<si><t>{text}</t></si>" for text in texts)}</sst>'
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_text_that_a_workbook_repeats_is_refused_before_it_fills_the_memory(tmp_path):
    rows = '<row><c t="s"><v>0</v></c></row>' + '<row><c t="s"><v>1</v></c></row>' * 2_000
    path = with_sheet(tmp_path / "bomb.xlsx", rows, ["text", "x" * 100_000])
    assert path.stat().st_size < 20_000
    with pytest.raises(DataError, match="more than 10,000,000 characters in its cells; split it"):
        open_table(path, limits=Limits(bytes=10_000_000))
    small = with_sheet(tmp_path / "a.xlsx", '<row><c t="s"><v>0</v></c></row>' * 3, ["text"])
    assert [row["text"] for row in open_table(small, limits=Limits(bytes=10_000_000)).rows()] == ["text", "text"]


@pytest.mark.parametrize("limits", [Limits(), Limits(bytes=10_000_000)])
def test_a_cell_in_the_last_row_and_column_ends_no_process_of_ours(tmp_path, limits):
    last = '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    path = with_sheet(tmp_path / "bomb.xlsx", '<row r="1"><c r="A1" t="s"><v>0</v></c></row>' + last, ["text"])
    with pytest.raises(DataError, match=r"bomb\.xlsx: its cells take more memory than there is for them"):
        open_table(path, limits=limits)


def test_a_time_at_midnight_among_times_of_a_workbook_is_a_time(tmp_path):
    path, book = tmp_path / "times.xlsx", Workbook()
    midnight, evening = datetime.datetime(2026, 1, 5), datetime.datetime(2026, 1, 5, 23, 36)
    for row in (("created", "day"), (midnight, midnight), (evening, midnight)):
        book.active.append(row)
    book.save(path)
    assert list(open_table(path).rows()) == [
        {"created": midnight, "day": midnight.date()},
        {"created": evening, "day": midnight.date()},
    ]


def test_values_that_a_batch_job_wrote_as_json_are_those_values_again(tmp_path):
    fields = [pa.field("id", pa.string(), metadata={"content": "json"}), pa.field("text", pa.string())]
    table = pa.table([['"2026-01-05"', "7", None], ["a", '"b"', "c"]], schema=pa.schema(fields))
    pq.write_table(table, tmp_path / "mixed.parquet")
    rows = list(open_table(tmp_path / "mixed.parquet").rows())
    assert rows == [{"id": "2026-01-05", "text": "a"}, {"id": 7, "text": '"b"'}, {"id": None, "text": "c"}]
