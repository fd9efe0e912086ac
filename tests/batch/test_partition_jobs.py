"""Jobs that fill a folder of parts: stopped, given again, beside another job, without room, in a store."""

import os
import subprocess
import sys

import pandas as pd
import pytest

from sentiment.batch import predict
from sentiment.batch.plan import chunk_of
from sentiment.batch.source import Source
from sentiment.batch.verify import verify
from sentiment.errors import DataError
from tests.batch.echo import Echo
from tests.batch.folders import HIDDEN, cut, run, texts, whole, write_source
from tests.batch.test_identity import Broken
from tests.conftest import ROOT
from tests.stores import SECRETS


@pytest.fixture
def source(tmp_path):
    return write_source(tmp_path)


@pytest.mark.parametrize(
    ("there", "output", "message"),
    [
        ("o/mine.parquet", "o/", "o/ holds mine.parquet, which is no part of this output; name a new or empty folder"),
        ("o/part-0000000.csv", "o/", "holds part-0000000.csv"),
        ("o/part-0000000.parquet", "o/", "holds parts of a job that it does not name; set overwrite=true"),
        ("o/day=1/x", "o/", "o/ holds day=1"),
        ("o", "o/", "/o is a file, no folder; name another path"),
        ("o/x", "o", "o is a folder; name a file in it, such as .*predictions.csv, or .*o/ to have it filled"),
        ("x", "o.xlsx/", r"o.xlsx/: parts are .csv, .tsv, .jsonl, .ndjson, .parquet; name the folder so"),
        ("x", "o.parquet.gz/", "compresses by itself"),
        ("x", "./", "holds in.csv"),
    ],
)
def test_no_other_folder_is_filled(source, tmp_path, there, output, message):
    (tmp_path / there).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / there).touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match=message):
        predict(input=source, output=f"{tmp_path}/{output}", engine=Echo(), chunk=10)
    assert [path for path in sorted(tmp_path.rglob("*")) if "_job" not in str(path)] == before


def test_the_folder_of_another_job_is_named_and_replaced_where_asked(source, tmp_path):
    folder = tmp_path / "o"
    run(source, f"{folder}/", Echo(export="a" * 64), chunk=5)
    with pytest.raises(DataError, match=r"/o holds what another .*model.export was a{12}..., is b{12}.*overwrite=true"):
        predict(input=source, output=f"{folder}/", engine=Echo(export="b" * 64), chunk=5)
    verify(output=folder, sample=0)  # it is as it was
    run(source, f"{folder}/", Echo(export="b" * 64), chunk=20, overwrite=True)
    assert sorted(path.name for path in folder.glob("part-*")) == [f"part-000000{i}.parquet" for i in range(2)]
    verify(output=folder, sample=0)


def test_a_job_that_is_done_is_not_done_again(source, tmp_path, caplog):
    caplog.set_level("INFO")
    run(source, f"{tmp_path}/o/")
    again = Echo()
    run(source, f"{tmp_path}/o", again)  # the folder is known by its manifest
    assert len(again.texts) == 1  # the canary
    assert "is complete, and made by this very job" in caplog.text
    cut_part = tmp_path / "o" / "part-0000001.parquet"
    cut_part.write_bytes(b"")
    with pytest.raises(DataError, match="part-0000001.parquet has 0 bytes"):
        predict(input=source, output=f"{tmp_path}/o/", engine=Echo(), chunk=10)
    run(source, f"{tmp_path}/o/", overwrite=True)


def test_a_job_that_was_stopped_goes_on_and_no_reader_takes_its_folder(source, tmp_path):
    with pytest.raises(OSError, match="No space"):
        predict(input=source, output=f"{tmp_path}/o/", engine=Broken(4), chunk=10)
    with pytest.raises(DataError, match="has no _manifest.json: the job that fills it has not ended; give its command"):
        Source.open(f"{tmp_path}/o", text_column=None)
    cut(tmp_path / "o")
    again = Echo()
    run(source, f"{tmp_path}/o/", again)
    assert again.texts[1:] == [f"text {i}\n" for i in range(30, 40)]  # of the part cut, no row had been scored
    assert texts(pd.read_parquet(tmp_path / "o").to_dict("records")) == whole(source, tmp_path)


def test_a_part_that_is_cut_while_the_job_runs_is_made_again(source, tmp_path):
    class Damaging(Echo):
        def predict(self, texts):
            if texts[0] == "text 30\n":
                cut(tmp_path / "o")
            return super().predict(texts)

    run(source, f"{tmp_path}/o/", Damaging())
    assert texts(pd.read_parquet(tmp_path / "o").to_dict("records")) == whole(source, tmp_path)


def test_two_jobs_cannot_fill_one_folder(source, tmp_path):
    class Second(Echo):
        def predict(self, texts):
            if len(texts) > 1:
                with pytest.raises(DataError, match="another job writes .*_job; let it end, or choose another output"):
                    predict(input=source, output=f"{tmp_path}/o/", engine=Echo(), chunk=10)
            return super().predict(texts)

    run(source, f"{tmp_path}/o/", Second())


def test_a_full_disk_is_one_line_and_the_job_goes_on(source, tmp_path):
    """A limit on the size of a file, which the kernel enforces: at the second part, then at the manifest."""
    command = [sys.executable, "-m", "tests.batch.echo", str(source), f"{tmp_path}/o.csv/"]
    limited = [
        subprocess.run(
            ["bash", "-c", f'ulimit -f {blocks}; exec "$@"', "-", *command], cwd=ROOT, capture_output=True, text=True
        )
        for blocks in (0, 1)
    ]
    assert all(done.returncode for done in limited)
    assert subprocess.run(command, cwd=ROOT).returncode == 3
    assert texts(Source.open(f"{tmp_path}/o.csv", text_column=None)) == whole(source, tmp_path)


def test_a_folder_that_takes_no_files_is_told_before_the_work(source, tmp_path, monkeypatch):
    (tmp_path / "o").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(tmp_path / "o"))  # root may write anywhere
    engine = Echo()
    with pytest.raises(PermissionError):
        predict(input=source, output=f"{tmp_path}/o/", engine=engine)
    assert engine.texts == []


def test_a_folder_in_a_store_is_that_on_disk(s3, source, tmp_path, caplog):
    s3.put_file(str(source), "texts/in p.csv")
    run(source, f"{tmp_path}/o é/")
    caplog.set_level("DEBUG")
    for _ in range(2):
        run("s3://texts/in p.csv", "s3://texts/scored/o é/")
    names = [path.rpartition("/")[2] for path in s3.find("texts/scored/o é")]
    assert names == [*HIDDEN, *(f"part-000000{i}.parquet" for i in range(4))]
    for name in names[1:]:
        assert s3.cat(f"texts/scored/o é/{name}") == (tmp_path / "o é" / name).read_bytes()
    verify(output="s3://texts/scored/o é", sample=0)
    assert Source.open("s3://texts/scored/o é", text_column=None).rows == 40
    assert not any(secret in caplog.text for secret in SECRETS.values())
    s3.pipe("texts/scored/o é/part-0000002.parquet", b"torn")
    with pytest.raises(DataError, match="part-0000002.parquet has 4 bytes, its _manifest.json says"):
        Source.open("s3://texts/scored/o é", text_column=None)
    with pytest.raises(DataError, match="model.export was nothing, is bbbbbbbbbbbb"):
        predict(input=source, output="s3://texts/scored/o é/", engine=Echo(export="b" * 64), chunk=10)


def test_a_second_job_on_a_folder_in_a_store_ends_the_first(memory, source):
    class Overtaken(Echo):
        def predict(self, texts):
            if texts[0] == "text 30\n":
                run(source, "memory://o/", Echo(export="b" * 64), overwrite=True)
            return super().predict(texts)

    with pytest.raises(DataError, match="another job has begun to write memory://o/_job, or it was removed"):
        predict(input=source, output="memory://o/", engine=Overtaken(export="a" * 64), chunk=10, quiet=True)


def test_parts_of_large_tables_are_large():
    assert [chunk_of(rows, partitioned=True) for rows in (0, 10**5, 10**6, 10**9, None)] == [
        1024, 1024, 3906, 32768, 32768,
    ]  # fmt: skip
    assert chunk_of(10**9, partitioned=False) == 1024
