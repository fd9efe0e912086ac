"""JSON as lines, an array or one object after the other: read alike, and refused with the line at fault."""

import gzip
import json

import pytest

from sentiment.data.tables import BrokenRow, open_table
from sentiment.errors import DataError

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


def test_a_name_is_literal(tmp_path):
    for name, text in {"train[1].jsonl": "right", "train1.jsonl": "wrong"}.items():
        (tmp_path / name).write_text(json.dumps({"text": text}))
    assert [*open_table(tmp_path / "train[1].jsonl").rows()] == [{"text": "right"}]
