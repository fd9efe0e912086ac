"""Parts on the disk: damage is noticed and done again, and one job at a time writes an output."""

import fcntl
import io
import os
import subprocess
import sys

import pytest

from sentiment.batch import predict
from sentiment.batch.parts import Parts
from sentiment.errors import DataError
from tests.batch.echo import Echo
from tests.batch.test_identity import Broken
from tests.conftest import ROOT, read_csv, write_csv


@pytest.fixture
def source(tmp_path):
    return write_csv(tmp_path / "in.csv", [(f"text {i}",) for i in range(40)], header=("text",))


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def flip(path):
    content = bytearray(path.read_bytes())
    content[7] ^= 1
    path.write_bytes(content)


def empty_marker(path):
    path.with_suffix(".json").write_text("")


def other_marker(path):
    path.with_suffix(".json").write_text('{"rows": 10}')


@pytest.mark.parametrize("damage", [cut, flip, empty_marker, other_marker, lambda path: path.unlink()])
def test_a_damaged_part_alone_is_predicted_again_and_that_is_said(source, tmp_path, damage, caplog):
    with pytest.raises(OSError, match="No space"):
        predict(input=source, output=tmp_path / "out.csv", engine=Broken(5), chunk=10)
    damage(tmp_path / "out.csv.parts" / "part-0000001.rows")
    again = Echo()
    caplog.set_level("INFO")
    predict(input=source, output=tmp_path / "out.csv", engine=again, chunk=10)
    assert again.texts[1:] == [f"text {i}" for i in (*range(10, 20), *range(30, 40))]
    assert [row["text"] for row in read_csv(tmp_path / "out.csv")] == [f"text {i}" for i in range(40)]
    assert "part 1 in" in caplog.text
    assert "is damaged; its rows are predicted again" in caplog.text


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.xlsx"])
def test_a_part_damaged_while_the_job_runs_is_found_when_they_are_joined(source, tmp_path, name, caplog):
    class Damaging(Echo):
        def predict(self, texts):
            if texts[0] == "text 30":
                cut(tmp_path / f"{name}.parts" / "part-0000000.rows")
            return super().predict(texts)

    predict(input=source, output=tmp_path / name, engine=Damaging(), chunk=10)
    assert "part 0 in" in caplog.text
    predict(input=source, output=tmp_path / f"whole_{name}", engine=Echo(), chunk=10)
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole_{name}").read_bytes()


def test_standard_input_cannot_make_a_damaged_part_again_and_says_so(tmp_path, monkeypatch):
    class Damaging(Echo):
        def predict(self, texts):
            if texts == ["c"]:
                cut(tmp_path / "out.csv.parts" / "part-0000000.rows")
            return super().predict(texts)

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"text\na\nb\nc\n")))
    with pytest.raises(DataError, match=r"part 0 in .* was damaged .*standard input cannot be read again"):
        predict(input="-", output=tmp_path / "out.csv", engine=Damaging(), chunk=1)
    assert not (tmp_path / "out.csv").exists()


def test_parts_without_the_record_of_their_job_are_not_used(source, tmp_path, caplog):
    with pytest.raises(OSError, match="No space"):
        predict(input=source, output=tmp_path / "out.csv", engine=Broken(3), chunk=10)
    (tmp_path / "out.csv.parts" / "job.json").write_text("{")
    again = Echo()
    predict(input=source, output=tmp_path / "out.csv", engine=again, chunk=10)
    assert len(again.texts) == 1 + 40
    assert "does not say what job it is of; starting over" in caplog.text


def test_standard_input_does_not_take_the_parts_of_a_file(source, tmp_path, monkeypatch):
    with pytest.raises(OSError, match="No space"):
        predict(input=source, output=tmp_path / "out.csv", engine=Broken(3), chunk=10)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"text\na\n")))
    with pytest.raises(DataError, match="input was .*, is standard input; set overwrite=true"):
        predict(input="-", output=tmp_path / "out.csv", engine=Echo(), chunk=10)


def test_a_second_process_with_the_same_output_is_refused(source, tmp_path):
    command = [sys.executable, "-m", "tests.batch.echo", str(source), str(tmp_path / "out.csv")]
    parts = Parts(tmp_path / "out.csv.parts", None)
    with parts.held():
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert "another job writes" in done.stderr
    assert not (tmp_path / "out.csv").exists()


def test_a_lock_whose_folder_is_taken_away_by_the_job_before_is_taken_anew(tmp_path, monkeypatch):
    parts = Parts(tmp_path / "out.csv.parts", None)
    lock, calls = fcntl.flock, []

    def flock(descriptor, how):
        if not calls:
            calls.append(1)
            parts.remove()  # as the job before does at its end, between our open and our lock
        lock(descriptor, how)

    monkeypatch.setattr("sentiment.files.locks.fcntl.flock", flock)
    with parts.held():
        assert (parts.folder / "lock").is_file()
        with pytest.raises(DataError, match="another job"), Parts(parts.folder, None).held():
            raise AssertionError


def test_parts_are_on_the_disk_before_they_count(source, tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.readlink(f"/proc/self/fd/{descriptor}")))
    predict(input=source, output=tmp_path / "out.csv", engine=Echo(), chunk=20)
    names = [name.removeprefix(f"{tmp_path}/out.csv.parts/") for name in synced]
    assert names.index("part-0000000.rows") < next(i for i, name in enumerate(names) if "part-0000000.json" in name)
    assert names.index("joined") < len(names) - 1
