import gc
import io
import os
import signal
import subprocess
import sys

import pytest

from sentiment.batch import predict
from sentiment.errors import DataError, InterruptedRunError, RowsRejectedError, UnreachableError
from tests.conftest import read_csv, read_json, write_csv
from tests.signals import at_step


def test_rows_keep_their_order_and_columns(engine, tmp_path):
    rows = [(f"{'good' if i % 3 else 'bad'} film", str(i), 'a "b", c\nd') for i in range(25)]
    source = write_csv(tmp_path / "in.csv", rows, header=("text", "id", "note"))
    predict(input=source, output=tmp_path / "out.csv", engine=engine, chunk=4)
    out = read_csv(tmp_path / "out.csv")
    assert [(row["text"], row["id"], row["note"]) for row in out] == rows
    assert [row["prediction"] for row in out] == ["positive" if i % 3 else "negative" for i in range(25)]
    assert all(float(row["score"]) == max(float(row["p_negative"]), float(row["p_positive"])) for row in out)
    assert not (tmp_path / "out.csv.rejects.csv").exists()


def test_rows_that_cannot_be_scored_are_kept_and_listed(engine, tmp_path):
    source = write_csv(
        tmp_path / "in.csv", [("good film",), (" ",), ("a" * 1_000_000,), ("bad film",)], header=("text",)
    )
    with pytest.raises(RowsRejectedError, match="2 of 4 rows could not be scored"):
        predict(input=source, output=tmp_path / "out.csv", engine=engine)
    assert [row["prediction"] for row in read_csv(tmp_path / "out.csv")] == ["positive", "", "", "negative"]
    assert [row["row"] for row in read_csv(tmp_path / "out.csv.rejects.csv")] == ["2", "3"]
    assert "1,000,000 characters" in read_csv(tmp_path / "out.csv.rejects.csv")[1]["reason"]


def test_bad_rows_before_the_first_good_one_still_get_the_header(engine, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("",), ("",), ("good film",)], header=("text",))
    with pytest.raises(RowsRejectedError):
        predict(input=source, output=tmp_path / "out.csv", engine=engine, chunk=1)
    assert [row["prediction"] for row in read_csv(tmp_path / "out.csv")] == ["", "", "positive"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        ("folder", r"in.csv: is a folder; name its files, such as .*in.csv/\*.csv"),
        ("pipe", "in.csv: is a pipe or a device; save it as a file first"),
        (b"", "is empty; it needs a header line"),
        (b"note,id\nx,1\n", "no column 'text', only 'note', 'id'; set text_column"),
        (b"body,comment\nx,1\n", "may have its texts in 'body', 'comment'; set text_column"),
        ("é\n".encode() * 3 + b"caf\xe9\n", "line 4: not UTF-8"),
        (b"text,id\nfine,1\nbad,2,3\n", "line 3: 3 values under 2 columns"),
        (b"text,id\nfine\n", "line 2: 1 values under 2 columns"),
    ],
)
def test_a_bad_file_is_one_clear_error_and_leaves_no_output(engine, tmp_path, content, message):
    source = tmp_path / "in.csv"
    if content == "folder":
        source.mkdir()
    elif content == "pipe":
        os.mkfifo(source)
    elif content is not None:
        source.write_bytes(content)
    with pytest.raises(DataError, match=message):
        predict(input=source, output=tmp_path / "out.csv", engine=engine)
    assert {path.name for path in tmp_path.iterdir()} <= {"in.csv"}


class Failing:
    """The engine, until its n-th call fails."""

    def __init__(self, engine, call, error):
        self.engine, self.left, self.error, self.texts = engine, call, error, []

    def predict(self, texts):
        self.left -= 1
        if self.left == 0:
            raise self.error
        self.texts += texts
        return self.engine.predict(texts)


@pytest.mark.parametrize(
    ("error", "seen", "said"),
    [
        (OSError(28, "No space left on device"), OSError, "No space left"),
        (
            KeyboardInterrupt(),
            InterruptedRunError,
            "stopped after 6 rows, kept in .* the same command goes on from there",
        ),
        (UnreachableError("no answer"), UnreachableError, "no answer; stopped after 6 rows, kept in .*out.csv.parts"),
    ],
)
def test_what_was_done_before_a_failure_is_not_done_again(engine, tmp_path, error, seen, said):
    rows = [(f"{'good' if i % 3 else 'bad'} film {i}",) for i in range(10)]
    source = write_csv(tmp_path / "in.csv", rows, header=("text",))
    (tmp_path / "out.csv").write_text("former")
    with pytest.raises(seen, match=said):
        predict(input=source, output=tmp_path / "out.csv", engine=Failing(engine, 4, error), chunk=3)
    assert (tmp_path / "out.csv").read_text() == "former"
    again = Failing(engine, 0, error)
    predict(input=source, output=tmp_path / "out.csv", engine=again, chunk=3)
    assert again.texts[1:] == [text for (text,) in rows[6:]]
    predict(input=source, output=tmp_path / "whole.csv", engine=engine, chunk=3)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert read_json(tmp_path / "out.csv.summary.json")["rows_done_before"] == 6
    assert not (tmp_path / "out.csv.parts").exists()


def test_other_input_is_refused_and_starts_afresh_where_asked(engine, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("good film",)] * 6, header=("text",))
    with pytest.raises(OSError, match="full"):
        predict(input=source, output=tmp_path / "out.csv", engine=Failing(engine, 3, OSError(28, "full")), chunk=2)
    write_csv(source, [("bad film",)] * 7, header=("text",))
    with pytest.raises(DataError, match=r"input was \w{12}\.\.\., is \w{12}\.\.\.; set overwrite=true to start over"):
        predict(input=source, output=tmp_path / "out.csv", engine=Failing(engine, 0, None), chunk=2)
    predict(input=source, output=tmp_path / "out.csv", engine=engine, chunk=2, overwrite=True)
    assert [row["text"] for row in read_csv(tmp_path / "out.csv")] == ["bad film"] * 7


@pytest.mark.slow  # tests/batch/test_kills.py does it with a model that costs nothing
def test_a_job_killed_again_and_again_loses_no_row(tiny_run, engine, tmp_path):
    """The real command under SIGKILL: its rows are those of an unbroken job, in their order."""
    rows = [(f"{'good' if i % 3 else 'bad'} film {i} " + "and so on " * 12,) for i in range(600)]
    source = write_csv(tmp_path / "in.csv", rows, header=("text",))
    command = [sys.executable, "-m", "sentiment", "predict", f"run={tiny_run}", f"input={source}"]
    command += [f"output={tmp_path}/out.csv", "chunk=20"]
    for part in (5, 20):
        environment = at_step(signal.SIGKILL, rf"os\.rename .*/part-{part:07d}\.json")
        assert subprocess.run(command, env=environment, capture_output=True).returncode == -signal.SIGKILL
    subprocess.run(command, check=True, capture_output=True)
    predict(input=source, output=tmp_path / "whole.csv", engine=engine, chunk=20)
    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert read_json(tmp_path / "out.csv.summary.json")["rows_done_before"] == 20 * 20


def test_two_jobs_cannot_write_one_output(engine, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("good film",)], header=("text",))

    class Nosy:
        calls = 0

        def predict(self, texts):
            self.calls += 1
            if self.calls == 2:  # inside the job
                with pytest.raises(DataError, match="another job writes"):
                    predict(input=source, output=tmp_path / "out.csv", engine=engine)
            return engine.predict(texts)

    predict(input=source, output=tmp_path / "out.csv", engine=Nosy())
    assert len(read_csv(tmp_path / "out.csv")) == 1


def test_standard_input_stopped_begins_anew_and_says_so(engine, tmp_path, monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(b"text\ngood film\nbad film\ngood song\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(
        InterruptedRunError, match="stopped after 1 rows; the same command begins with the first row again"
    ):
        predict(input="-", output=tmp_path / "out.csv", engine=Failing(engine, 3, KeyboardInterrupt()), chunk=1)
    gc.collect()  # the reader goes before what it reads


def test_the_summary_counts(engine, tmp_path):
    source = write_csv(tmp_path / "in.csv", [("good film",), ("bad film",), ("good one",), ("",)], header=("text",))
    with pytest.raises(RowsRejectedError):
        predict(input=source, output=tmp_path / "out.csv", engine=engine)
    summary = read_json(tmp_path / "out.csv.summary.json")
    assert (summary["rows"], summary["predicted"], summary["rejected"]) == (4, 3, 1)
    assert summary["labels"] == {"negative": 1, "positive": 2}
    assert summary["shares"] == {"negative": 0.333333, "positive": 0.666667}
