"""What no format reads: a file of another format, a damaged one, one beyond a limit, an option without effect."""

import bz2
import gzip
import json
import lzma
import zipfile

import pytest

from sentiment.data.tables import BrokenRow, Limits, TableOptions, open_table
from sentiment.errors import DataError
from tests.data.tables.workbook import write_xlsx


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xls", b"x", "unknown format '.xls'; expected .csv, .tsv"),
        ("a.doc", b"x", "unknown format '.doc'; expected .csv, .tsv, .*, or .txt with a text a line"),
        ("a.txt", b"id;Text\n1;x\n", r"has column names in its first line \('id', 'Text'\).*; name it .csv"),
        ("a.txt", b"sentiment\ttweet_id\n1\t2\n", "name it .tsv"),
        ("a.txt", b"\xef\xbb\xbftext\r\nx\r\n", r"has column names in its first line \('text'\)"),
        ("a.txt", b"1\tgood\n0\tbad\n1\tfine\n", "has tabs in every line, as a table has; name it .tsv"),
        ("a.txt", b'{"text": "good"}\n{"text": "bad"}\n', "has JSON in every line; name it .jsonl"),
        ("a.txt", gzip.compress(b"a\n", mtime=0), "is compressed by gzip; name it .gz"),
        ("a.xlsx", b"x", "not readable as an Excel workbook"),
        ("a.parquet", b"x", "not readable as Parquet"),
        ("a.csv.gz", b"x", "not readable as gz"),
        ("a.csv", gzip.compress(b"text\na\n", mtime=0), "is compressed by gzip; name it .gz"),
        ("a.csv", bz2.compress(b"text\na\n"), "is compressed by bzip2; name it .gz, compressed by gzip instead"),
        ("a.csv", lzma.compress(b"text\na\n"), "is compressed by xz; name it .gz, compressed by gzip instead"),
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


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_column_names_that_stand_again_below_are_no_row(tmp_path, mark):
    path = tmp_path / "a.csv"
    path.write_text(f"{mark}text, label\na,b\n{mark}text, label\nc,d\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.csv, line 3: the column names again, as where files were joined"):
        list(open_table(path).rows())
    assert [isinstance(row, BrokenRow) for row in open_table(path).rows(broken="keep")] == [False, True, False]
    path.write_text("text\na\ntext\n")  # of one column, a text
    assert len(list(open_table(path).rows())) == 2
