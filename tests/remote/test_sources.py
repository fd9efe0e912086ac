"""Runs, training data and the history of a monitor that lie in an object store."""

import pyarrow.parquet as pq
import pytest

from sentiment.data.readers import Columns
from sentiment.data.sources import Source as DataSource
from sentiment.errors import DataError
from sentiment.monitoring.command import monitor
from sentiment.remote import find, local_copy
from sentiment.remote.copies import download
from tests.batch.echo import Echo


def test_a_remote_run_is_downloaded_once_for_each_content(s3, tiny_run, tmp_path, monkeypatch):
    from sentiment.inference.predictor import Predictor

    monkeypatch.setenv("BERT_SENTIMENT_CACHE", str(tmp_path / "cache"))
    s3.put(str(tiny_run / "export"), "texts/runs/tiny/", recursive=True)
    s3.pipe("texts/runs/tiny/checkpoints/last.ckpt", b"large")
    folder = local_copy("s3://texts/runs/tiny")
    before = (folder / "export" / "config.json").stat().st_mtime_ns
    assert not (folder / "checkpoints").exists()
    far, near = Predictor.load("s3://texts/runs/tiny"), Predictor.load(tiny_run)
    assert far.predict(["good film"]) == near.predict(["good film"])
    assert far.identity().details == {"run": "s3://texts/runs/tiny"}
    assert (folder / "export" / "config.json").stat().st_mtime_ns == before  # not the access time, which reading moves
    s3.pipe("texts/runs/tiny/note.txt", b"new")
    assert local_copy("s3://texts/runs/tiny") != folder


def test_an_object_never_leaves_the_folder_of_its_download(s3, tmp_path, monkeypatch):
    monkeypatch.setenv("BERT_SENTIMENT_CACHE", str(tmp_path / "cache" / "deep"))
    s3.pipe({"texts/evil/run/config.json": b"{}", "texts/evil/run/../../../evil": b"evil"})
    with pytest.raises(DataError, match="would be written outside of the folder; rename or remove it"):
        local_copy("s3://texts/evil/run")
    assert not list(tmp_path.rglob("evil"))


def test_a_run_that_is_replaced_while_it_is_downloaded_is_not_kept(s3, tmp_path, monkeypatch):
    monkeypatch.setenv("BERT_SENTIMENT_CACHE", str(tmp_path / "cache"))
    s3.pipe({"texts/half/run/a": b"1", "texts/half/run/b": b"1", "texts/half/run/": b"", "texts/half/run2/c": b""})

    def replaced(*arguments):
        download(*arguments)
        s3.pipe("texts/half/run/b", b"22")

    monkeypatch.setattr("sentiment.remote.copies.download", replaced)
    with pytest.raises(DataError, match="changed while it was downloaded"):
        local_copy("s3://texts/half/run")
    monkeypatch.setattr("sentiment.remote.copies.download", download)
    folder = local_copy("s3://texts/half/run/")
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"1", "b": b"22"}
    assert [path for path in (tmp_path / "cache").iterdir() if path != folder.parent] == []


def test_a_glob_finds_files_alone_in_order(memory):
    memory.pipe({"/g/b.csv": b"", "/g/a.csv": b"", "/g/a.csvs/c.csv": b""})
    assert [str(path) for path in find("memory://g/*")] == ["memory://g/a.csv", "memory://g/b.csv"]


def test_a_monitor_and_its_history_lie_in_a_store(memory):
    texts = [f"day {day} text {i},2026-01-{day:02d}\n" for day in (1, 2, 3) for i in range(40)]
    memory.pipe("/in/a.csv", "".join(["text,time\n", *texts[:80]]).encode())
    settings = {"engine": Echo, "time": "time", "history": "memory://history", "quiet": True}
    assert str(monitor(input="memory://in/a.csv", output="memory://out", **settings)) == "memory://out/monitor.html"
    memory.pipe("/in/b.csv", "".join(["text,time\n", *texts[40:]]).encode())
    monitor(input="memory://in/b.csv", output="memory://out", **settings, tables=["parquet"])
    days = [path.split("/")[2] for path in memory.find("/history") if path.endswith(".parquet")]
    assert days == ["day=2026-01-01", "day=2026-01-02", "day=2026-01-03"]
    shares = pq.read_table(memory.open("/out/shares.parquet")).to_pylist()
    assert {row["texts"] for row in shares} == {40}


def test_of_two_monitors_that_add_to_a_history_in_a_store_the_first_is_refused(memory):
    rows = [f"text {i},2026-01-01\n" for i in range(60)]
    memory.pipe(
        {
            "/in/a.csv": "".join(["text,time\n", *rows[:40]]).encode(),
            "/in/b.csv": "".join(["text,time\n", *rows[20:]]).encode(),
        }
    )
    settings = {"time": "time", "history": "memory://history", "quiet": True}

    class Overtaken(Echo):
        def predict(self, texts):
            if len(texts) > 1 and not memory.exists("/out_b"):
                monitor(input="memory://in/b.csv", output="memory://out_b", engine=Echo, **settings)
            return super().predict(texts)

    with pytest.raises(DataError, match="another monitor has begun to add to history=memory://history; let it end"):
        monitor(input="memory://in/a.csv", output="memory://out_a", engine=Overtaken, **settings)
    monitor(input="memory://in/a.csv", output="memory://out_a", engine=Echo, **settings, tables=["parquet"])
    assert {row["texts"] for row in pq.read_table(memory.open("/out_a/shares.parquet")).to_pylist()} == {60}


def test_training_data_lies_in_a_store(memory, tmp_path, monkeypatch):
    monkeypatch.setenv("BERT_SENTIMENT_CACHE", str(tmp_path / "cache"))
    for name in ("train", "test"):
        memory.pipe(f"/data/{name}.csv", b"text,label\ngood,1\nbad,0\n")
    files = {"train": "memory://data/train.csv", "test": "memory://data/test.csv"}
    for source in (DataSource(dir="memory://data"), DataSource(**files)):
        assert {split: len(rows) for split, rows in source.read(Columns()).items()} == {"train": 2, "test": 2}
    assert list(DataSource(dir="memory://data/train.csv").read(Columns())) == ["train"]
    with pytest.raises(DataError, match="memory://nowhere: no such file, folder or bucket"):
        DataSource(dir="memory://nowhere").read(Columns())
