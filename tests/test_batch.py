import csv

import pytest

from sentiment.batch import predict
from sentiment.errors import DataError, RowsRejected
from sentiment.predictor import Predictor
from tests.conftest import write_csv


@pytest.fixture(scope="module")
def engine(tiny_run):
    return Predictor.load(tiny_run)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_rows_keep_their_order_and_columns(engine, tmp_path):
    rows = [(f"{'good' if i % 3 else 'bad'} film", str(i), 'a "b", c\nd') for i in range(25)]
    source = write_csv(tmp_path / "in.csv", rows, header=("text", "id", "note"))
    predict(input=source, output=tmp_path / "out.csv", engine=engine, chunk=4)
    out = read(tmp_path / "out.csv")
    assert [(row["text"], row["id"], row["note"]) for row in out] == rows
    assert [row["prediction"] for row in out] == ["positive" if i % 3 else "negative" for i in range(25)]
    assert all(float(row["score"]) == max(float(row["p_negative"]), float(row["p_positive"])) for row in out)
    assert not (tmp_path / "out.rejects.csv").exists()


def test_rows_that_cannot_be_scored_are_kept_and_listed(engine, tmp_path):
    source = write_csv(
        tmp_path / "in.csv", [("good film",), (" ",), ("a" * 1_000_000,), ("bad film",)], header=("text",)
    )
    with pytest.raises(RowsRejected, match="2 of 4 rows could not be scored"):
        predict(input=source, output=tmp_path / "out.csv", engine=engine)
    assert [row["prediction"] for row in read(tmp_path / "out.csv")] == ["positive", "", "", "negative"]
    assert [row["row"] for row in read(tmp_path / "out.rejects.csv")] == ["2", "3"]
    assert "1,000,000 characters" in read(tmp_path / "out.rejects.csv")[1]["reason"]


def test_bad_rows_before_the_first_good_one_still_get_the_header(engine, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("",), ("",), ("good film",)], header=("text",))
    with pytest.raises(RowsRejected):
        predict(input=source, output=tmp_path / "out.csv", engine=engine, chunk=1)
    assert [row["prediction"] for row in read(tmp_path / "out.csv")] == ["", "", "positive"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "is empty; it needs a header line"),
        (b"body,id\nx,1\n", "no column 'text', only 'body', 'id'; set text_column"),
        (b"text\ncaf\xe9\n", "line 2: not UTF-8"),
        (b"text,id\nfine,1\nbad,2,3\n", "line 3: 3 values under 2 columns"),
        (b"text,id\nfine\n", "line 2: 1 values under 2 columns"),
    ],
)
def test_a_bad_file_is_one_clear_error_and_leaves_no_output(engine, tmp_path, content, message):
    source = tmp_path / "in.csv"
    if content is not None:
        source.write_bytes(content)
    with pytest.raises(DataError, match=message):
        predict(input=source, output=tmp_path / "out.csv", engine=engine)
    assert {path.name for path in tmp_path.iterdir()} <= {"in.csv"}


def test_a_failure_in_the_middle_leaves_the_former_output(engine, tmp_path):
    class Broken:
        calls = 0

        def predict(self, texts):
            self.calls += 1
            if self.calls == 2:
                raise OSError(28, "No space left on device")
            return engine.predict(texts)

    source = write_csv(tmp_path / "in.csv", [("good film",)] * 10, header=("text",))
    (tmp_path / "out.csv").write_text("former")
    with pytest.raises(OSError, match="No space left"):
        predict(input=source, output=tmp_path / "out.csv", engine=Broken(), chunk=5)
    assert (tmp_path / "out.csv").read_text() == "former"
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv"}
