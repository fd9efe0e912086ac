"""Batch jobs whose input and output lie in an object store: memory:// and an S3 on loopback."""

import json
import logging
import os
import signal
import subprocess
import sys

import pytest

from sentiment.batch import predict
from sentiment.batch.verify import verify
from sentiment.errors import DataError, InterruptedRunError, RowsRejectedError, VerificationError
from tests.batch.echo import Echo
from tests.conftest import ROOT, write_csv
from tests.stores import SECRETS


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
    text = rows.read_text().splitlines(keepends=True)
    s3.pipe(
        {"texts/day/a.csv": "".join(text[:21]).encode(), "texts/day/b.csv": "".join([text[0], *text[21:]]).encode()}
    )
    caplog.set_level(logging.DEBUG)  # after the test's own requests
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
    script = "import sys; from tests.remote.test_jobs import job; job(sys.argv[1], sys.argv[2])"
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


def test_a_store_that_cannot_be_asked_what_was_done_costs_no_part(s3, rows, monkeypatch):
    s3.put_file(str(rows), "texts/in.csv")

    class Stopped(Echo):
        def predict(self, texts):
            if "text 25" in texts:
                raise KeyboardInterrupt
            return super().predict(texts)

    with pytest.raises(InterruptedRunError):
        predict(input="s3://texts/in.csv", output="s3://texts/busy/o.csv", engine=Stopped(), chunk=10, quiet=True)
    call = type(s3)._call_s3

    async def busy(self, method, *arguments, **named):
        if method == "get_object" and named.get("Key", "").endswith("job.json"):
            raise PermissionError("Access Denied")
        return await call(self, method, *arguments, **named)

    monkeypatch.setattr(type(s3), "_call_s3", busy)
    with pytest.raises(DataError, match="job.json: access denied"):
        predict(input="s3://texts/in.csv", output="s3://texts/busy/o.csv", engine=Echo(), chunk=10, quiet=True)
    monkeypatch.setattr(type(s3), "_call_s3", call)
    again = Echo()
    run("s3://texts/in.csv", "s3://texts/busy/o.csv", again)
    assert len(again.texts) == 1 + sum(i % 9 > 0 for i in range(20, 40))  # the canary, and the rows that were missing


@pytest.mark.parametrize("name", ["x*.csv", "a[1].csv", "who?.csv", "50% zo\u00eb#1.csv"])
def test_any_name_in_a_store_is_a_name_and_no_pattern(s3, rows, name):
    others = ["xyz.csv", "a1.csv", "whom.csv"]
    kept = [
        f"texts/n/{other}{end}" for other in others for end in (".summary.json", ".rejects.csv", ".parts/part-0.rows")
    ]
    s3.pipe({path: b"of another job" for path in kept})
    s3.put_file(str(rows), f"texts/n/in {name}")
    run(f"s3://texts/n/in {name}", f"s3://texts/n/{name}")
    made = {f"texts/n/{name}{end}" for end in ("", ".rejects.csv", ".summary.json")}
    assert set(s3.find("texts/n")) == {*kept, *made, f"texts/n/in {name}"}
    for path in s3.find("texts/n"):
        s3.rm_file(path)


def test_a_job_whose_record_is_damaged_starts_over_and_one_whose_parts_go_stops(memory, rows):
    memory.put_file(str(rows), "/texts/in.csv")
    memory.pipe({"/out/o.csv.parts/job.json": b"{half", "/out/o.csv.parts/part-0000000.json": b"{}"})
    run("memory://texts/in.csv", "memory://out/o.csv")

    class Swept(Echo):
        def predict(self, texts):
            if "text 15" in texts:
                memory.rm("/out/p.csv.parts", recursive=True)
            return super().predict(texts)

    with pytest.raises(DataError, match="write memory://out/p.csv.parts, or it was removed"):
        predict(input="memory://texts/in.csv", output="memory://out/p.csv", engine=Swept(), chunk=10, quiet=True)


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

    with pytest.raises(
        DataError, match="another job has begun to write memory://out/o.csv.parts, or it was removed; let it end"
    ):
        predict(input="memory://texts/in.csv", output="memory://out/o.csv", engine=Overtaken(), chunk=10, quiet=True)
    verify(output="memory://out/o.csv", sample=0)


def test_an_output_in_a_store_that_is_an_input_is_refused(memory, rows):
    memory.put_file(str(rows), "/texts/in.csv")
    with pytest.raises(DataError, match="memory://texts/in.csv is one of the inputs; choose another output"):
        predict(input="memory://texts/*.csv", output="memory://texts/in.csv", engine=Echo(), quiet=True)
