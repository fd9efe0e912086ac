"""An address in an object store that is wrong, denied or out of reach is refused in one line."""

import contextlib
import importlib
import os
import socket
import subprocess
import sys
from importlib.util import find_spec

import pytest

from sentiment.batch import predict
from sentiment.cli import main
from sentiment.data.readers import Columns
from sentiment.data.sources import Source
from sentiment.data.tables import TableOptions
from sentiment.data.unlabelled import read_unlabelled
from sentiment.errors import ConfigError, DataError, MissingPackageError
from sentiment.monitoring.command import monitor
from sentiment.remote import as_path, check_folder, find
from tests.batch.echo import Echo
from tests.conftest import write_csv
from tests.stores import SECRETS


@pytest.mark.parametrize(
    ("input", "output", "message"),
    [
        ("s3://texts/none.csv", "o.csv", "s3://texts/none.csv: no such file, folder or bucket"),
        ("s3://texts/none*.csv", "o.csv", r"input=s3://texts/none\*.csv: no such file"),
        ("s3://nobucket/*.csv", "o.csv", r"s3://nobucket/\*.csv: no such file, folder or bucket"),
        (
            "s3://texts/none.csv",
            "s3://nobucket/o.csv",
            "output=s3://nobucket/o.csv: there is no bucket 'nobucket'; crea",
        ),
        ("s3://texts/one.csv", "s3://texts/ o/x.csv", "output=s3://texts/ o/x.csv: ' o' begins or ends with a blank"),
        (
            "s3://texts/one.csv",
            "s3://texts /o/",
            "output=s3://texts /o/?: 'texts ' begins or ends with a blank; write it",
        ),
        ("s3://texts/one.csv", "s3://", "output=s3:///?: it names no bucket; expected s3://BUCKET/NAME"),
        ("s3://texts/one.csv", "s3://texts/full", "output=s3://texts/full is a folder"),
        ("s3://texts/one.csv", "s3://texts/full/", "output=s3://texts/full/ holds c.txt, which is no part"),
        ("s3://texts/one.csv", "s3://nobucket/o/", "output=s3://nobucket/o/?: there is no bucket 'nobucket'"),
        ("s3://texts/full", "o.csv", r"s3://texts/full: is a folder; name its files, such as s3://texts/full/\*.csv"),
        ("s3://te*/one.csv", "o.csv", r"s3://te\*/one.csv: the bucket has to be named without"),
        ("S3://texts/one.csv", "s3a://texts/one.csv", "s3a://texts/one.csv is one of the inputs"),
        ("zip://one.csv::s3://texts/none.zip", "o.csv", "none.zip: no such file, folder or bucket"),
    ],
)
def test_what_is_missing_in_s3_is_one_line(s3, tmp_path, input, output, message):
    s3.pipe({"texts/one.csv": b"text\ngood\n", "texts/full/c.txt": b"text\ngood\n"})
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


def test_texts_to_train_on_in_a_store_out_of_reach_are_one_line():
    address = "http://127.0.0.1:9/one.csv"
    with pytest.raises(DataError, match=f"^{address}: Cannot connect to host 127.0.0.1:9"):
        Source(train=address).read(Columns())
    with pytest.raises(DataError, match=f"^{address}: Cannot connect to host 127.0.0.1:9"):
        read_unlabelled([as_path(address)], None, TableOptions())


def test_a_host_out_of_reach_is_not_a_missing_file():
    with pytest.raises(DataError, match="^http://127.0.0.1:9/one.csv: Cannot connect to host 127.0.0.1:9"):
        find("http://127.0.0.1:9/one.csv")


def test_a_store_that_never_answers_is_given_up(s3):
    """After the attempts of s3fs, each of which is one of botocore: with its default they took seven minutes."""
    script = (
        "import s3fs; s3fs.S3FileSystem.read_timeout = 0.2; from sentiment.cli import main; "
        "main(['verify', 's3://texts/one.csv'])"
    )
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = {**os.environ, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False
        )
        silent.setblocking(False)
        attempts = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                silent.accept()[0].close()
                attempts += 1
    assert done.returncode == 2
    assert 1 <= attempts <= 5  # one with older releases
    [line] = done.stderr.splitlines()
    assert line.startswith("error: s3://texts/one.csv: ")


def test_denied_access_is_one_line(s3, tmp_path, monkeypatch):
    async def denied(*_, **__):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(s3), "_call_s3", denied)
    with pytest.raises(DataError, match="s3://texts/one.csv: access denied; check the credentials and the rights"):
        predict(input="s3://texts/one.csv", output=tmp_path / "o.csv", engine=Echo(), quiet=True)
    source = write_csv(tmp_path / "in.csv", [("a",)], header=("text",))
    with pytest.raises(DataError, match="s3://texts/o: access denied"):
        predict(input=source, output="s3://texts/o/", engine=Echo(), quiet=True)


@pytest.mark.parametrize(
    "address",
    [
        *("s3://KEY:SECRET@texts/a.csv", "sftp://me:SECRET@host/a.csv", "s3://SECRET@texts/a.csv"),
        *("https://host/a.csv?X-Amz-Signature=abc", "http://host/a.csv?b=1&token=abc", "abfs://c/a.csv?sv=1&sig=abc"),
    ],
)
def test_credentials_in_an_address_are_refused_and_not_repeated(address):
    with pytest.raises(ConfigError, match="credentials in an address") as error:
        as_path(address)
    assert "SECRET" not in str(error.value)
    assert "abc" not in str(error.value)


@pytest.mark.parametrize(
    ("address", "package"),
    [("abfs://box@account.dfs.core.windows.net/a.csv", "adlfs"), ("sftp://me@host/a.csv", "paramiko")]
    + [("gs://box/a&key=1.csv", "gcsfs")],
)
def test_an_address_without_credentials_names_the_package_that_is_missing(address, package):
    with pytest.raises(ConfigError, match=f"^{address}: .*{package}"):
        as_path(address)


def test_an_address_with_one_slash_is_no_folder_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="s3:/texts/o.csv: an address begins with s3://, with two slashes"):
        as_path("s3:/texts/o.csv")
    assert as_path(f"file://{tmp_path}/a.csv") == tmp_path / "a.csv"


def test_errors_of_a_store_that_is_not_reached_are_one_line(monkeypatch):
    http = importlib.import_module("httpx2" if find_spec("httpx2") else "httpx")  # that of huggingface_hub's release

    def refused(*_, **__):
        raise http.ConnectError("[Errno -2] Name or service not known")

    monkeypatch.setattr("huggingface_hub.hf_file_system.HfFileSystem.info", refused)
    with pytest.raises(DataError, match="^hf://datasets/a/b/p.csv: .*Name or service not known$"):
        find("hf://datasets/a/b/p.csv")


def test_a_protocol_without_its_package_names_the_package(monkeypatch):
    with pytest.raises(ConfigError, match="fsspec knows no nowhere://"):
        as_path("nowhere://a/b.csv")
    monkeypatch.setattr("fsspec.get_filesystem_class", lambda _: (_ for _ in ()).throw(ImportError("Install s3fs")))
    with pytest.raises(MissingPackageError, match=r"s3://a/b.csv needs .*s3fs; pip install 'bert-sentiment\[remote\]'"):
        as_path("s3://a/b.csv")


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
        ["preprocess", "into=s3://texts/clean"],
        ["review", "run=s3://texts/outputs/RUN"],
        ["review", "run=outputs/RUN", "output=s3://texts/review"],
        ["evaluate", "run=outputs/RUN", "output=s3://texts/scores"],
        ["predict", "engine=rest", "input=a.csv", "output=b.csv", "engine.key_file=s3://texts/key_file.json"],
        ["ui", "feedback=s3://texts/feedback.jsonl"],
        ["train", "after_training.behaviour=s3://texts/behaviour"],
    ],
)
def test_what_has_to_be_a_place_of_this_machine_is_refused_in_one_line(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert "this has to be a place of this machine; copy it there, or from there" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "history", "message"),
    [
        ("s3://nobucket/out", None, "output=s3://nobucket/out: there is no bucket 'nobucket'"),
        ("s3://texts/out", "s3://nobucket/h", "history=s3://nobucket/h: there is no bucket 'nobucket'"),
        ("s3://texts/out", "s3://texts/h /", "history=s3://texts/h /: 'h ' begins or ends with a blank"),
    ],
)
def test_a_monitor_finds_a_missing_bucket_before_its_work(s3, tmp_path, output, history, message):
    with pytest.raises(DataError, match=message):
        monitor(input=tmp_path / "unread.csv", output=output, engine=Echo, time="t", history=history)


def test_who_may_write_but_not_list_a_bucket_is_not_refused_for_it(s3, monkeypatch):
    async def denied(*_, **__):
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(s3), "_call_s3", denied)
    check_folder(as_path("s3://texts/o"))
