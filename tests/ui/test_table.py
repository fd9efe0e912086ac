"""A table a user brought, with what real tables hold."""

import csv
import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.errors import DataError
from sentiment.inference.types import Prediction
from sentiment.ui.table import opened, predict_file


class Echo:
    """Says of each text how it begins."""

    def predict(self, texts):
        return [Prediction(text[0], 1.0, {"a": float(text[0] == "a"), "b": float(text[0] != "a")}) for text in texts]


def predicted(path, column="note"):
    told = []
    result = predict_file(path, column, Echo(), folder=path.parent, told=lambda done, rows: told.append((done, rows)))
    assert told == sorted(told)  # the bar never goes back
    return result


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_broken_line_is_reported_and_the_others_are_predicted(tmp_path):
    table = tmp_path / "mine.csv"
    table.write_text('id,note\n1,a fine day\n2,a day, of commas\n3\n\n4,"b, quoted"\n5,\n', encoding="utf-8")
    assert (opened(table).columns, opened(table).text, opened(table).guessed) == (["id", "note"], None, None)
    result = predicted(table)
    assert [(row["id"], row["prediction"]) for row in rows_of(result.files[0])] == [
        ("1", "a"), ("", ""), ("", ""), ("4", "b"), ("5", ""),
    ]  # fmt: skip
    reasons = [
        ["2", "line 3: 3 values under 2 columns"],
        ["3", "line 4: 1 values under 2 columns"],
        ["5", "note is empty"],
    ]
    assert result.rejects == reasons
    assert [[row["row"], row["reason"]] for row in rows_of(result.files[1])] == reasons
    assert result.notice == "3 of 5 rows could not be scored; mine-predicted.csv.rejects.csv tells why."
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
    with gzip.open(result.files[0], "rt", encoding="utf-8") as file:
        assert [json.loads(line).get("prediction") for line in file] == ["a", None, None, None]


def test_parquet_keeps_its_columns(tmp_path):
    pq.write_table(pa.table({"note": ["a", "b", None], "n": [1, 2, 3]}), tmp_path / "mine.parquet")
    result = predicted(tmp_path / "mine.parquet")
    assert result.preview["headers"] == ["prediction", "score", "note", "n", "p_a", "p_b", "unreadable"]
    assert pq.read_table(result.files[0])["n"].to_pylist() == [1, 2, 3]


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
