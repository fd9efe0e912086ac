"""Batch jobs whose input and output lie in an object store: memory:// and an S3 on loopback."""

import json
import logging
import os
import signal
import subprocess
import sys

import fsspec
import pyarrow.parquet as pq
import pytest

from sentiment.batch import predict
from sentiment.batch.verify import verify
from sentiment.cli import main
from sentiment.data.readers import Columns
from sentiment.data.sources import Source as DataSource
from sentiment.errors import ConfigError, DataError, MissingPackageError, RowsRejectedError, VerificationError
from sentiment.monitoring.command import monitor
from sentiment.remote import as_path, find, local_copy
from tests.batch.echo import Echo
from tests.conftest import ROOT, write_csv
from tests.stores import SECRETS, s3_on_loopback


@pytest.fixture(scope="module")
def s3():
    with s3_on_loopback() as fs:
        yield fs


@pytest.fixture
def memory():
    fs = fsspec.filesystem("memory", use_listings_cache=False)
    yield fs
    fs.rm("/", recursive=True)


@pytest.fixture
def rows(tmp_path):
    return write_csv(
        tmp_path / "in.csv", [(f"text {i}" if i % 9 else " ", i) for i in range(40)], header=("text", "id")
    )


def run(input, output, engine=None, **settings):
    with pytest.raises(RowsRejectedError, match="5 of 40 rows"):
        predict(input=input, output=output, engine=engine or Echo(), chunk=10, quiet=True, **settings)


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl.gz", "out.parquet", "out.xlsx"])
def test_a_job_in_a_store_gives_the_bytes_of_one_on_disk(memory, rows, tmp_path, name):
    memory.put_file(str(rows), "/texts/in.csv")
    run(rows, tmp_path / name)
    run("memory://texts/in.csv", f"memory://out/{name}")
    assert memory.cat(f"/out/{name}") == (tmp_path / name).read_bytes()
    assert memory.cat(f"/out/{name}.rejects.csv") == (tmp_path / f"{name}.rejects.csv").read_bytes()
    assert sorted(memory.find("/out")) == [f"/out/{name}{end}" for end in ("", ".rejects.csv", ".summary.json")]
    verify(output=f"memory://out/{name}", sample=0)


@pytest.mark.parametrize("name", ["in.parquet", "in.xlsx", "in.csv.gz", "in.jsonl.zst"])
def test_every_format_is_read_from_a_store(memory, rows, tmp_path, name):
    run(rows, tmp_path / f"made{name}".replace("xlsx", "csv") if name == "in.xlsx" else tmp_path / f"made{name}")
    made = tmp_path / f"made{name}"
    if name == "in.xlsx":
        run(rows, made)
    memory.put_file(str(made), f"/texts/{name}")
    run(made, tmp_path / "local.csv", prefix="again_")
    run(f"memory://texts/{name}", "memory://out/remote.csv", prefix="again_")
    assert memory.cat("/out/remote.csv") == (tmp_path / "local.csv").read_bytes()


def test_s3_in_and_out_and_a_glob_and_no_credential_anywhere(s3, rows, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    text = rows.read_text().splitlines(keepends=True)
    s3.pipe(
        {"texts/day/a.csv": "".join(text[:21]).encode(), "texts/day/b.csv": "".join([text[0], *text[21:]]).encode()}
    )
    run(rows, tmp_path / "out.csv")
    run("s3://texts/day/*.csv", "s3://texts/scored/out.csv")
    assert s3.cat("texts/scored/out.csv") == (tmp_path / "out.csv").read_bytes()
    summary = s3.cat("texts/scored/out.csv.summary.json").decode()
    assert [file["path"] for file in json.loads(summary)["input"]] == ["s3://texts/day/a.csv", "s3://texts/day/b.csv"]
    assert not any(secret in caplog.text + summary for secret in SECRETS.values())
    s3.pipe("texts/scored/out.csv", b"changed" * 100)
    with pytest.raises(VerificationError, match="s3://texts/scored/out.csv has 700 bytes"):
        verify(output="s3://texts/scored/out.csv", sample=0)


def test_a_killed_job_goes_on_from_the_parts_in_the_store(s3, rows, tmp_path):
    s3.put_file(str(rows), "texts/in.csv")
    script = "import sys; from tests.batch.test_remote import job; job(sys.argv[1], sys.argv[2])"
    command = [sys.executable, "-c", script, "s3://texts/in.csv", "s3://texts/killed/out.csv"]
    assert subprocess.run(command, cwd=ROOT).returncode == -signal.SIGKILL
    parts = [path.rpartition("/")[2] for path in s3.find("texts/killed/out.csv.parts")]
    assert parts == ["job.json", *(f"part-000000{i}.{kind}" for i in range(2) for kind in ("json", "rows"))]
    s3.pipe("texts/killed/out.csv.parts/part-0000000.rows", b"damaged")
    again = Echo()
    run("s3://texts/in.csv", "s3://texts/killed/out.csv", again)
    assert again.texts[1:] == [f"text {i}" for i in (*range(10), *range(20, 40)) if i % 9]
    run(rows, tmp_path / "out.csv")
    assert s3.cat("texts/killed/out.csv") == (tmp_path / "out.csv").read_bytes()


def job(input, output):
    """Predict until the third chunk, then die."""

    class Killed(Echo):
        def predict(self, texts):
            if "text 25" in texts:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().predict(texts)

    predict(input=input, output=output, engine=Killed(), chunk=10, quiet=True)


def test_a_second_job_on_the_same_remote_output_ends_the_first(memory, rows):
    memory.put_file(str(rows), "/texts/in.csv")

    class Overtaken(Echo):
        def predict(self, texts):
            if "text 15" in texts:
                run("memory://texts/in.csv", "memory://out/o.csv", Echo(other=1), overwrite=True)
            return super().predict(texts)

    with pytest.raises(DataError, match="another job has begun to write memory://out/o.csv.parts; let it end"):
        predict(input="memory://texts/in.csv", output="memory://out/o.csv", engine=Overtaken(), chunk=10, quiet=True)
    verify(output="memory://out/o.csv", sample=0)


def test_an_output_in_a_store_that_is_an_input_is_refused(memory, rows):
    memory.put_file(str(rows), "/texts/in.csv")
    with pytest.raises(DataError, match="memory://texts/in.csv is one of the inputs; choose another output"):
        predict(input="memory://texts/*.csv", output="memory://texts/in.csv", engine=Echo(), quiet=True)


@pytest.mark.parametrize(
    ("input", "output", "message"),
    [
        ("s3://texts/none.csv", "o.csv", "s3://texts/none.csv: no such file, folder or bucket"),
        ("s3://texts/none*.csv", "o.csv", r"input=s3://texts/none\*.csv: no such file"),
        ("s3://nobucket/*.csv", "o.csv", r"s3://nobucket/\*.csv: no such file, folder or bucket"),
        ("s3://texts/one.csv", "s3://nobucket/o.csv", "s3://nobucket/o.csv.parts: no such file, folder or bucket"),
        ("s3://texts/one.csv", "s3://texts/day", "output=s3://texts/day is a folder"),
    ],
)
def test_what_is_missing_in_s3_is_one_line(s3, tmp_path, input, output, message):
    s3.pipe({"texts/one.csv": b"text\ngood\n", "texts/day/c.txt": b"text\ngood\n"})
    with pytest.raises(DataError, match=message):
        predict(input=input, output=output if "://" in output else tmp_path / output, engine=Echo(), quiet=True)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", **SECRETS}, "Could not connect to the endpoint URL"),
        ({name: "" for name in SECRETS} | {"AWS_EC2_METADATA_DISABLED": "true"}, "Unable to locate credentials"),
    ],
)
def test_a_store_out_of_reach_is_one_line(s3, tmp_path, environment, message):
    command = [sys.executable, "-m", "sentiment", "verify", "s3://texts/one.csv"]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    [line] = done.stderr.splitlines()
    assert (done.returncode, message in line) == (2, True), line
    assert line.startswith("error: s3://texts/one.csv: ")


def test_denied_access_is_one_line(s3, tmp_path, monkeypatch):
    async def denied(*_, **__):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(s3), "_call_s3", denied)
    with pytest.raises(DataError, match="s3://texts/one.csv: access denied; check the credentials and the rights"):
        predict(input="s3://texts/one.csv", output=tmp_path / "o.csv", engine=Echo(), quiet=True)


@pytest.mark.parametrize(
    "address", ["s3://KEY:SECRET@texts/a.csv", "https://host/a.csv?X-Amz-Signature=abc", "http://host/a.csv?token=abc"]
)
def test_credentials_in_an_address_are_refused_and_not_repeated(address):
    with pytest.raises(ConfigError, match="credentials in an address") as error:
        as_path(address)
    assert "SECRET" not in str(error.value)
    assert "abc" not in str(error.value)


def test_a_protocol_without_its_package_names_the_package(monkeypatch):
    with pytest.raises(ConfigError, match="fsspec knows no nowhere://"):
        as_path("nowhere://a/b.csv")
    monkeypatch.setattr("fsspec.get_filesystem_class", lambda _: (_ for _ in ()).throw(ImportError("Install s3fs")))
    with pytest.raises(MissingPackageError, match=r"s3://a/b.csv needs .*s3fs; pip install 'bert-sentiment\[remote\]'"):
        as_path("s3://a/b.csv")


def test_a_remote_run_is_downloaded_once_for_each_content(s3, tiny_run, rows, tmp_path, monkeypatch):
    from sentiment.inference.predictor import Predictor

    monkeypatch.setenv("BERT_SENTIMENT_CACHE", str(tmp_path / "cache"))
    s3.put(str(tiny_run / "export"), "texts/runs/tiny/", recursive=True)
    s3.pipe("texts/runs/tiny/checkpoints/last.ckpt", b"large")
    folder = local_copy("s3://texts/runs/tiny")
    before = (folder / "export" / "config.json").stat()
    assert not (folder / "checkpoints").exists()
    far, near = Predictor.load("s3://texts/runs/tiny"), Predictor.load(tiny_run)
    assert far.predict(["good film"]) == near.predict(["good film"])
    assert far.identity().details == {"run": "s3://texts/runs/tiny"}
    assert (folder / "export" / "config.json").stat() == before
    s3.pipe("texts/runs/tiny/note.txt", b"new")
    assert local_copy("s3://texts/runs/tiny") != folder


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


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "paths.output_dir=s3://texts/outputs"],
        ["train", "resume=s3://texts/outputs/RUN"],
        ["evaluate", "run=s3://texts/outputs/RUN"],
        ["export", "run=s3://texts/outputs/RUN"],
        ["sweep-report", "s3://texts/outputs/SWEEP"],
        ["package", "run=outputs/RUN", "model_store=s3://texts/store"],
        ["serve", "model_store=s3://texts/store"],
    ],
)
def test_what_has_to_be_a_folder_of_this_machine_is_refused_in_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "this has to be a folder of this machine; copy it there, or from there" in capsys.readouterr().err
