"""Parquet and labels: values keep their types, and labels become the same names in every format."""

import datetime
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sentiment.data.tables import label_value, open_table, text_value
from sentiment.errors import DataError


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


def test_values_that_a_batch_job_wrote_as_json_are_those_values_again(tmp_path):
    fields = [pa.field("id", pa.string(), metadata={"content": "json"}), pa.field("text", pa.string())]
    table = pa.table([['"2026-01-05"', "7", None], ["a", '"b"', "c"]], schema=pa.schema(fields))
    pq.write_table(table, tmp_path / "mixed.parquet")
    rows = list(open_table(tmp_path / "mixed.parquet").rows())
    assert rows == [{"id": "2026-01-05", "text": "a"}, {"id": 7, "text": '"b"'}, {"id": None, "text": "c"}]


def test_parquet_with_texts_that_are_no_utf_8_is_refused(tmp_path):
    texts = pa.array([b"good", b"caf\xe9"]).cast(pa.string(), safe=False)
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: not readable as Parquet: 'utf-8' codec can't decode byte 0xe9"):
        list(open_table(tmp_path / "a.parquet").rows())


def test_a_damaged_page_of_parquet_is_one_line(tmp_path):
    pq.write_table(pa.table({"text": ["a", "b"]}), tmp_path / "a.parquet", compression="none")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[4:20] = b"\xff" * 16  # the header of the first page
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(DataError, match="not readable as Parquet: ") as caught:
        list(open_table(tmp_path / "a.parquet").rows())
    assert len(str(caught.value).splitlines()) == 1
