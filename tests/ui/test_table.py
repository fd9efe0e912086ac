"""A table a user brought, with what real tables hold."""

import csv
import gzip
import json
from threading import Event

import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.batch import predict
from sentiment.data.tables.columns import usual_aspect
from sentiment.errors import DataError, InterruptedRunError
from sentiment.inference.types import Prediction
from sentiment.ui.choices import period, time_column, times_of
from sentiment.ui.table import open_upload, predict_file
from tests.data.tables.workbook import write_xlsx


class Echo:
    """Says of each text whether it begins with an a."""

    def predict(self, texts):
        a = {"a": 1.0, "b": 0.0}
        return [
            Prediction("a", 1.0, a) if text[0] == "a" else Prediction("b", 1.0, {"a": 0.0, "b": 1.0}) for text in texts
        ]


def predicted(path, column="note"):
    told = []
    result = predict_file(path, column, Echo(), folder=path.parent, told=lambda done, rows: told.append((done, rows)))
    assert told == sorted(told)  # the bar never goes back
    return result


def rows_of(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_a_broken_line_is_reported_and_the_others_are_predicted(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text('id,note\n1,a fine day\n2,a day, of commas\n3\n\n4,"b, quoted"\n5,\n', encoding="utf-8")
    found = open_upload(table)
    assert (found.columns, found.text, found.guessed, found.rows) == (["id", "note"], None, None, 5)
    assert found.read_as == ["5 rows."]
    result = predicted(table)
    assert [file.name for file in result.files] == [
        "mine-predicted.xlsx", "mine-predicted.csv", "mine-rows-not-scored.csv",
    ]  # fmt: skip
    assert [(row["id"], row["prediction"]) for row in rows_of(result.files[1])] == [
        ("1", "a"), ("", ""), ("", ""), ("4", "b"), ("5", ""),
    ]  # fmt: skip
    reasons = [
        ["2", "line 3: 3 values under 2 columns"],
        ["3", "line 4: 1 values under 2 columns"],
        ["5", "note is empty"],
    ]
    assert result.rejects == reasons
    assert [[row["row"], row["reason"]] for row in rows_of(result.files[2])] == reasons
    assert result.notice == "3 of 5 rows could not be scored; mine-rows-not-scored.csv tells why."
    assert result.counts == {"a": 1, "b": 1}


def test_a_broken_line_of_json_is_reported(tmp_path):
    table = tmp_path / "mine.jsonl.gz"
    with gzip.open(table, "wt", encoding="utf-8") as file:
        file.write('{"note": "a", "n": 1}\n{"note": "b"\n[1]\n{"note": 7}\n')
    result = predicted(table)
    assert result.rejects == [
        ["2", "line 2: not valid JSON"],
        ["3", "line 3: expected one JSON object in a line"],
        ["4", "note must be a string, got a number"],
    ]
    lines = (tmp_path / "mine-predicted.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line).get("prediction") for line in lines] == ["a", None, None, None]


def test_parquet_keeps_its_columns_and_the_text_is_shown_first(tmp_path):
    pq.write_table(pa.table({"n": [1, 2, 3], "note": ["a", "=b", None]}), tmp_path / "mine.parquet")
    result = predicted(tmp_path / "mine.parquet")
    assert result.headers == ["note", "prediction", "score", "n", "p_a", "p_b", "unreadable", "unreadable_reason"]
    assert [row[0] for row in result.preview] == ["a", "=b", ""]
    assert pq.read_table(tmp_path / "mine-predicted.parquet")["n"].to_pylist() == [1, 2, 3]


def test_the_page_writes_what_the_command_writes(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text('id,text\n007,"a fine\nday"\n1830000000000000092,=1+1\n', encoding="utf-8")
    result = predicted(table, "text")
    for path in result.files:
        own = tmp_path / f"own{path.suffix}"
        predict(input=table, output=own, engine=Echo(), spreadsheet_safe=True, quiet=True)
        assert own.read_bytes() == path.read_bytes()
    assert result.files[1].read_bytes().startswith(b"\xef\xbb\xbfid,text,prediction")
    book = openpyxl.load_workbook(result.files[0])
    cells = [[cell.value for cell in row][:3] for row in book["predictions"].iter_rows()]
    assert cells == [["id", "text", "prediction"], ["007", "a fine\nday", "a"], ["1830000000000000092", "=1+1", "b"]]
    assert {cell.data_type for row in book["predictions"]["A2:C3"] for cell in row} == {"s"}
    assert [[cell.value for cell in row] for row in book["summary"].iter_rows()] == [
        ["label", "rows", "share"], ["a", 1, 0.5], ["b", 1, 0.5], ["all labels", 2, 1], ["without a label", 0, None],
    ]  # fmt: skip


def test_each_text_is_scored_once_and_a_stopped_job_ends(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text("note\n" + "a\nb\na\n" * 200, encoding="utf-8")
    asked, stop = [], Event()

    class Once(Echo):
        def predict(self, texts):
            asked.extend(texts)
            return super().predict(texts)

    predict_file(table, "note", Once(), folder=tmp_path, told=lambda *_: None, stop=stop)
    assert sorted(asked)[:2] == ["a", "a first text to see that the model answers"]
    assert len(asked) == 3
    (tmp_path / "more").mkdir()
    with pytest.raises(InterruptedRunError, match="stopped"):
        predict_file(table, "note", Echo(), folder=tmp_path / "more", told=lambda *_: stop.set(), stop=stop)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("no.csv", b"", "is empty"),
        ("no.csv", "note\né é\n".encode() + b"caf\xe9\n", "line 3: not UTF-8"),
        ("no.parquet", b"note", "not readable as Parquet"),
        ("no.csv", b"other\na\n", "has no column 'note'"),
    ],
)
def test_what_is_no_table_is_an_error(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        predict_file(tmp_path / name, "note", Echo(), folder=tmp_path, told=lambda *_: None)


def test_columns_are_suggested_by_rows_from_all_over_the_table(tmp_path):
    lines = [f"2026-{i // 250 + 1:02}-01,a very fine day {i}" for i in range(3000)]
    (tmp_path / "mine.csv").write_text("\n".join(["day,note", *lines]), encoding="utf-8")
    found = open_upload(tmp_path / "mine.csv")
    assert (found.text, time_column(found.columns, found.sample)) == ("note", "day")
    assert len(found.sample) == 1000
    assert period(times_of("day", found.sample)) == "1w"
    hours = np.array(["2026-10-25T08:00", "2026-10-25T16:30"], dtype="datetime64[s]")
    assert [period(hours), period(hours + np.array([0, 9 * 3600])), period(hours[:1])] == ["15min", "1h", "15min"]


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (["text", "Target "], "Target "),
        (["text", "target", "ASPECT"], "ASPECT"),
        (["target", "Target"], None),
        (["text", "topic"], None),
    ],
)
def test_a_column_of_aspects_is_found_by_its_usual_name(columns, found):
    assert usual_aspect(columns) == found


def test_of_a_workbook_with_a_cover_the_sheet_that_is_read_is_told(tmp_path):
    write_xlsx(tmp_path / "a.xlsx", {"Cover": [["Report"], ["by us"]], "Data": [["text"], ["good"]]})
    assert open_upload(tmp_path / "a.xlsx").read_as == [
        "Read as sheet 'Cover' alone, without 'Data'. If another sheet is meant, put it first.", "1 row.",
    ]  # fmt: skip
