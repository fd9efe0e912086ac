import json

import pytest

from sentiment.errors import ConfigError, DataError
from sentiment.serving.rollout.golden import read_golden
from tests.conftest import write_csv


def test_a_run_brings_its_own_scored_texts(tiny_run):
    golden = read_golden(None, tiny_run, most=200)
    assert len(golden.texts) == 16
    assert set(golden.labels) == {"negative", "positive"}


def test_a_long_file_is_read_evenly(tmp_path):
    source = write_csv(tmp_path / "a.csv", [(f"text {i}", "x") for i in range(1000)])
    assert read_golden(source, tmp_path, most=4).texts == ["text 0", "text 250", "text 500", "text 750"]
    assert len(read_golden(source, tmp_path, most=300).texts) == 250


def test_json_lines_without_labels_do(tmp_path):
    (tmp_path / "a.jsonl").write_text("".join(json.dumps({"review": f"text {i}"}) + "\n" for i in range(3)))
    golden = read_golden(tmp_path / "a.jsonl", tmp_path, most=9)
    assert (golden.texts, golden.labels) == (["text 0", "text 1", "text 2"], None)


def test_what_cannot_be_a_golden_set_is_said(tmp_path):
    with pytest.raises(ConfigError, match="no predictions.csv to check against; name labelled texts with golden=FILE"):
        read_golden(None, tmp_path, most=9)
    with pytest.raises(DataError, match="no column 'text', only 'x', 'y'; set text_column"):
        read_golden(write_csv(tmp_path / "a.csv", [("a", "b")] * 3, header=("x", "y")), tmp_path, most=9)
    with pytest.raises(DataError, match="row 2: text is empty"):
        read_golden(write_csv(tmp_path / "b.csv", [("a", "b"), (" ", "b"), ("c", "b")]), tmp_path, most=9)
    with pytest.raises(DataError, match="1 rows; a golden set needs two at least"):
        read_golden(write_csv(tmp_path / "c.csv", [("a", "b")]), tmp_path, most=9)
