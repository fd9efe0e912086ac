"""The same table read by training, the batch job, the golden set and the page: the same rows, or the same refusal."""

import csv
import gzip
import json
import logging

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.batch import predict
from sentiment.data.readers import Columns
from sentiment.data.sources import Source
from sentiment.data.splits import check_rows
from sentiment.data.tables import TableOptions, open_table
from sentiment.errors import DataError, RowsRejectedError
from sentiment.inference.types import Prediction
from sentiment.serving.rollout.golden import read_golden
from sentiment.ui.table import open_upload, predict_file
from tests.conftest import read_csv
from tests.data.tables.workbook import write_xlsx

TEXTS = [f"{'good' if i % 2 else 'bad'} film, really; no {i}" for i in range(12)]
LABELS = [str(i % 2) for i in range(12)]


class Echo:
    """Answers every text, and keeps it."""

    def __init__(self):
        self.texts = []

    def predict(self, texts):
        self.texts += texts
        return [Prediction("a", 1.0, {"a": 1.0, "b": 0.0}) for _ in texts]


def trained(path, folder):
    rows = Source(train=path).read(Columns())["train"]
    return check_rows("train", rows, skip_bad_rows=False).texts


def predicted(path, folder):
    echo = Echo()
    try:
        predict(input=path, output=folder / "out.csv", engine=echo, quiet=True)
    except RowsRejectedError as error:
        raise DataError(read_csv(next(folder.glob("*.rejects.csv")))[0]["reason"]) from error
    return echo.texts[1:]  # the first one is the job's own


def golden(path, folder):
    return read_golden(path, folder, most=1000).texts


def on_the_page(path, folder):
    echo = Echo()
    table = open_upload(path)
    result = predict_file(path, table.text, echo, folder=folder, told=lambda *_: None)
    if result.rejects:
        raise DataError(result.rejects[0][1])
    return echo.texts[1:]


USERS = pytest.mark.parametrize("user", [trained, predicted, golden, on_the_page])


def delimited(separator, encoding="utf-8", end="\n"):
    rows = [("id", "text", "label"), *((str(i), *row) for i, row in enumerate(zip(TEXTS, LABELS, strict=True)))]
    lines = [separator.join(f'"{v}"' if separator in v else v for v in row) for row in rows]
    return (end.join(lines) + end).encode(encoding)


def rows():
    return [
        {"id": i, "text": text, "label": int(label)} for i, (text, label) in enumerate(zip(TEXTS, LABELS, strict=True))
    ]


def parquet(path, **types):
    table = pa.Table.from_pylist(rows())
    for name, kind in types.items():
        at = table.column_names.index(name)
        table = table.set_column(at, name, table.column(name).cast(kind))
    pq.write_table(table, path)


FILES = {
    "plain.csv": lambda path: path.write_bytes(delimited(",")),
    "windows.CSV": lambda path: path.write_bytes(delimited(",", "utf-8-sig", "\r\n")),
    "mac.csv": lambda path: path.write_bytes(delimited(",", end="\r")),
    "semicolons.csv": lambda path: path.write_bytes(delimited(";", "utf-8-sig")),
    "pipes.csv": lambda path: path.write_bytes(delimited("|")),
    "utf16.csv": lambda path: path.write_bytes(delimited(",", "utf-16")),
    "excel.csv": lambda path: path.write_bytes(b"sep=;\r\n" + delimited(";", end="\r\n")),
    "tabs.tsv": lambda path: path.write_bytes(delimited("\t")),
    "a.csv.gz": lambda path: path.write_bytes(gzip.compress(delimited(","))),
    "a.jsonl": lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in rows())),
    "a.NDJSON": lambda path: path.write_text("".join(json.dumps(row) + "\n" for row in rows())),
    "array.json": lambda path: path.write_text(json.dumps(rows(), indent=1)),
    "lines.json.gz": lambda path: path.write_bytes(gzip.compress("\n".join(map(json.dumps, rows())).encode())),
    "a.parquet": parquet,
    "binary.parquet": lambda path: parquet(path, text=pa.binary(), label=pa.float64()),
    "dictionary.parquet": lambda path: parquet(path, text=pa.dictionary(pa.int32(), pa.string())),
    "a.xlsx": lambda path: write_xlsx(path, {"A": [list(rows()[0]), *([*row.values()] for row in rows())]}),
    "train[1].csv": lambda path: path.write_bytes(delimited(",")),
}


@USERS
@pytest.mark.parametrize("name", FILES)
def test_every_file_gives_its_texts_to_every_user(tmp_path, name, user):
    FILES[name](tmp_path / name)
    (tmp_path / "train1.csv").write_text("text,label\nwrong,1\n")
    assert user(tmp_path / name, tmp_path) == TEXTS


@pytest.mark.parametrize("name", FILES)
def test_every_file_gives_its_labels(tmp_path, name):
    FILES[name](tmp_path / name)
    assert Source(train=tmp_path / name).read(Columns())["train"].labels == LABELS
    assert read_golden(tmp_path / name, tmp_path, most=1000).labels == LABELS


REFUSED = {
    "one value more": ("text,label\n" + "a,1,x\n" * 5, "line 2: 3 values under 2 columns"),
    "one value less": ("text,label\n" + "a,1\n" * 5 + "b\n", "line 7: 1 values under 2 columns"),
    "two columns of one name": ("text,label,text\n" + "1,x,a\n" * 5, "has the column 'text' twice"),
    "rows inside quotes": (
        'text,label\na,pos\nb,neg\n"open,pos\nc,neg\nd,pos\nclose ",neg\ne,pos\n',
        "lines 4 to 7: a quotation mark opens in one row and closes in another",
    ),
    "an open quote": ('text,label\na,pos\n"b,neg\nc,pos\n', "lines 3 to 4: a quotation mark opens here"),
    "a header alone": ("text,label\n", "rows"),
    "nothing": ("", "is empty"),
    "no such column": ("note,label\na,1\nb,2\n", "no column 'text'|choose|note"),
    "two candidates": ("body,comment,label\na,b,1\n", "may have its texts in 'body', 'comment'|choose|body"),
    "invisible texts": ("text,label\na,1\n\u200b\u200e,2\nb,1\n", "empty but for markup or invisible characters"),
    "markup alone": ("text,label\na,1\n<br /><br/>&nbsp;,2\nb,1\n", "empty but for markup or invisible characters"),
    "a zero byte": ("text,label\na,1\nb\0,2\n", "line 3: a NUL byte"),
}


@USERS
@pytest.mark.parametrize("fault", REFUSED)
def test_every_fault_is_refused_by_every_user(tmp_path, fault, user):
    content, message = REFUSED[fault]
    (tmp_path / "a.csv").write_text(content, encoding="utf-8")
    if user is on_the_page and fault in ("no such column", "two candidates"):
        assert open_upload(tmp_path / "a.csv").text is None  # nothing is chosen for the user
        return
    if user is predicted and fault == "a header alone":
        return  # an output without rows is right
    with pytest.raises(DataError, match=message):
        user(tmp_path / "a.csv", tmp_path)


def test_one_broken_line_leaves_the_others_of_the_page_their_columns(tmp_path):
    lines = ["id;text", *(f"{i};a day, {i}" for i in range(100))]
    lines[50] = "49;a; b"
    (tmp_path / "a.csv").write_text("\n".join(lines))
    table = open_upload(tmp_path / "a.csv")
    assert (table.text, table.guessed) == ("text", "UTF-8, separated by ';'")
    echo = Echo()
    result = predict_file(tmp_path / "a.csv", "text", echo, folder=tmp_path, told=lambda *_: None)
    assert echo.texts[1:] == [f"a day, {i}" for i in range(100) if i != 49]
    assert result.rejects == [["50", "line 51: 3 values under 2 columns"]]


@pytest.mark.parametrize("name", ["Text", "FULL_TEXT", "message", "Comment", "body", "tweet", " review ", "content"])
def test_the_text_column_is_found_by_its_name_in_any_case(tmp_path, name):
    with (tmp_path / "a.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["id", name, "Label"], ["1", "a", "x"], ["2", "b", "y"]])
    for user in (trained, predicted, golden, on_the_page):
        assert user(tmp_path / "a.csv", tmp_path) == ["a", "b"]


def test_what_was_guessed_is_said(tmp_path, caplog):
    (tmp_path / "a.csv").write_bytes("text;label\ncafé;1\nbar;0\n".encode("cp1252"))
    with caplog.at_level(logging.INFO):
        for user in (trained, predicted, golden):
            user(tmp_path / "a.csv", tmp_path)
    said = [record.message for record in caplog.records if "read as cp1252, separated by ';'" in record.message]
    assert len(said) == 3
    assert open_upload(tmp_path / "a.csv").guessed == "cp1252, separated by ';'"


def test_what_predict_writes_it_reads_again(tmp_path):
    """Bare carriage returns, quotation marks, line breaks, and a table inside a cell."""
    texts = ["one\rtwo", 'he said "hi"', "two\nlines", '"', "a\r\nb", "x,y\nx,y\nx,y"]
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    for name in ("out.csv", "out.tsv"):
        predict(input=path, output=tmp_path / name, engine=Echo(), quiet=True)
        table = open_table(tmp_path / name, TableOptions(quoting="double"))
        assert [row["text"] for row in table.rows()] == texts
