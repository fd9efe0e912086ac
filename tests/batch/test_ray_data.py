"""The batch job on a real local Ray Data: its workers read the blocks and write the parts."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import psutil
import pytest

from sentiment.batch import predict
from sentiment.batch.ray_data import RayData, Scorer
from sentiment.batch.verify import verify
from sentiment.errors import (
    ClusterError,
    ConfigError,
    InterruptedRunError,
    ModelChangedError,
    ModelError,
    RowsRejectedError,
)
from sentiment.inference.predictor import Predictor
from sentiment.inference.types import Identity
from tests.batch.test_formats import ROWS, write_rows
from tests.conftest import read_csv, read_json, write_csv
from tests.e2e.faults import wait_for
from tests.ports import free_ports

pytestmark = pytest.mark.filterwarnings(  # of ray
    "ignore::ResourceWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)


def children():
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended since
            found.append((process, process.name()))
    return found


def actors():
    return [process for process, name in children() if name.startswith("ray::MapWorker")]


@pytest.fixture(scope="module")
def pool(quick_run):
    pool = RayData(run=quick_run)
    yield pool
    pool.close()
    assert [name for _, name in children() if "ray" in name or name == "gcs_server"] == []


@pytest.fixture(scope="module")
def local(quick_run):
    return Predictor.load(quick_run)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """600 texts of all lengths, some of which cannot be scored."""
    rows = [
        (f"{'good' if i % 3 else 'bad'} film {i} " + "and so on " * (i % 20) if i % 97 else " ",) for i in range(600)
    ]
    return write_csv(tmp_path_factory.mktemp("many") / "in.csv", rows, header=("text",))


@pytest.mark.slow
def test_two_actors_answer_as_one_process_does_row_for_row(pool, local, many, tmp_path):
    for name, engine in {"ray": pool, "local": local}.items():
        with pytest.raises(RowsRejectedError, match="7 of 600 rows"):
            predict(input=many, output=tmp_path / f"{name}.csv", engine=engine, chunk=16)
    for kind in ("csv", "csv.rejects.csv"):
        assert (tmp_path / f"ray.{kind}").read_bytes() == (tmp_path / f"local.{kind}").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["in.jsonl", "in.parquet"])
def test_any_format_comes_out_as_from_one_process(pool, local, tmp_path, name):
    write_rows(tmp_path / name, ROWS)
    for engine, output in ((pool, tmp_path / "ray.jsonl"), (local, tmp_path / "local.jsonl")):
        predict(input=tmp_path / name, output=output, engine=engine, chunk=3)
    assert (tmp_path / "ray.jsonl").read_bytes() == (tmp_path / "local.jsonl").read_bytes()


class Observed:
    """The pool, which calls `event` after the fourth part."""

    def __init__(self, pool, event):
        self.pool, self.event = pool, event
        self.identity, self.predict = pool.identity, pool.predict

    def write_parts(self, work, done):
        for number, made in enumerate(self.pool.write_parts(work, done)):
            yield made
            if number == 3:
                self.event()


def same_as_local(local, many, tmp_path):
    with pytest.raises(RowsRejectedError):
        predict(input=many, output=tmp_path / "local.csv", engine=local, chunk=16)
    for kind in ("csv", "csv.rejects.csv"):
        assert (tmp_path / f"ray.{kind}").read_bytes() == (tmp_path / f"local.{kind}").read_bytes()
    assert len(read_csv(tmp_path / "ray.csv")) == read_json(tmp_path / "ray.csv.summary.json")["rows"] == 600


def test_workers_fill_a_folder_of_which_one_dies(pool, local, many, tmp_path):
    """Bytes are those of one process; answers do not depend on the parts that rows are in."""

    def kill():
        os.kill(actors()[0].pid, signal.SIGKILL)

    for folder, engine, chunk in (("ray", Observed(pool, kill), 16), ("local", local, 16), ("other", local, 100)):
        with pytest.raises(RowsRejectedError, match="7 of 600 rows"):
            predict(input=many, output=f"{tmp_path}/{folder}/", engine=engine, chunk=chunk)
    names = sorted(path.name for path in (tmp_path / "local").iterdir())
    assert names == sorted(path.name for path in (tmp_path / "ray").iterdir())
    assert len(names) == 2 + 38
    for name in names[1:]:
        assert (tmp_path / "ray" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()
    ours, other = (pd.read_parquet(tmp_path / name) for name in ("ray", "other"))
    pd.testing.assert_frame_equal(ours, other, rtol=0, atol=1e-4)
    verify(output=tmp_path / "ray", sample=50)


@pytest.mark.slow
def test_a_killed_actor_costs_no_row(pool, local, many, tmp_path):
    killed = []

    def kill():
        killed.append(actors()[0].pid)
        os.kill(killed[0], signal.SIGKILL)

    with pytest.raises(RowsRejectedError):
        predict(input=many, output=tmp_path / "ray.csv", engine=Observed(pool, kill), chunk=16)
    assert killed
    same_as_local(local, many, tmp_path)


@pytest.mark.slow
def test_a_stopped_job_goes_on_with_the_missing_parts(pool, local, many, tmp_path):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError, match="the same command goes on from there"):
        predict(input=many, output=tmp_path / "ray.csv", engine=Observed(pool, stop), chunk=16)
    wait_for(lambda: not actors())
    with pytest.raises(RowsRejectedError):
        predict(input=many, output=tmp_path / "ray.csv", engine=pool, chunk=16)
    assert read_json(tmp_path / "ray.csv.summary.json")["rows_done_before"] >= 64
    same_as_local(local, many, tmp_path)


def test_standard_input_is_refused_in_one_line(pool, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"text\ngood\n")))
    with pytest.raises(ConfigError, match="input=-: the workers of engine=ray read the input themselves"):
        predict(input="-", output=tmp_path / "ray.csv", engine=pool)


@pytest.mark.slow
def test_an_actor_that_comes_back_with_another_model_stops_the_job(pool, many, tmp_path):
    """As one does that was started again after the run was trained anew."""
    own = pool.model
    try:
        pool.model = Identity({**own.deciding, "export": "b" * 64})
        with pytest.raises(ModelChangedError, match=r"began with bbbbbbbbbbbb\.\.\., an actor answers with \w{12}"):
            predict(input=many, output=tmp_path / "ray.csv", engine=pool, chunk=16)
    finally:
        pool.model = own


def test_a_setting_that_an_actor_refuses_is_raised_by_its_first_answer(tiny_run):
    """Ray would try the constructor again and again, with a traceback each time."""
    with pytest.raises(ConfigError, match="threshold"):
        Scorer(str(tiny_run / "export"), {"threshold": 0.5}).identity()


def test_a_run_without_an_export_is_told_in_one_line(tmp_path):
    with pytest.raises(ModelError, match="no such folder"):
        RayData(run=tmp_path / "nowhere")


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_does_not_answer_is_told_in_one_line(tiny_run, address):
    with pytest.raises(ClusterError, match=f"no Ray at {address}: .*refused"):
        RayData(run=tiny_run, address=address)


@pytest.mark.slow
def test_a_killed_driver_leaves_no_process_and_its_parts_are_kept(quick_run, local, tmp_path):
    rows = [
        (f"{'good' if i % 3 else 'bad'} film {i}\n" + '"and" so on, ' * 200 if i % 97 else " ",) for i in range(2000)
    ]
    source = write_csv(tmp_path / "in.csv", rows, header=("text",))
    command = [sys.executable, "-m", "sentiment", "predict", "engine=ray", "chunk=16", "quiet=true"]
    command += [f"run={quick_run}", f"input={source}", f"output={tmp_path}/ray.csv"]
    parts = tmp_path / "ray.csv.parts"
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as job:
        wait_for(lambda: len(list(parts.glob("part-*.json"))) > 4, seconds=180)
        started = psutil.Process(job.pid).children(recursive=True)
        job.kill()
    wait_for(lambda: not any(process.is_running() for process in started), seconds=120)
    assert 4 < len(list(parts.glob("part-*.json"))) < 125
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "21 of 2000 rows could not be scored" in done.stderr) == (3, True), done.stderr
    with pytest.raises(RowsRejectedError):
        predict(input=source, output=tmp_path / "local.csv", engine=local, chunk=16, quiet=True)
    for kind in ("csv", "csv.rejects.csv"):
        assert (tmp_path / f"ray.{kind}").read_bytes() == (tmp_path / f"local.{kind}").read_bytes()
    assert 64 < read_json(tmp_path / "ray.csv.summary.json")["rows_done_before"] < 2000


@pytest.fixture
def cluster():
    """The address of a Ray that was started by itself, with tokens, and is stopped by its process ids."""
    [port] = free_ports(1)
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "t" * 64, "RAY_USAGE_STATS_ENABLED": "0"}
    start = [str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={port}", "--num-cpus=2"]
    start += ["--include-dashboard=false", "--node-ip-address=127.0.0.1"]
    with subprocess.Popen(start, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as head:
        try:
            assert any("Ray runtime started" in line for line in head.stdout)
            yield f"127.0.0.1:{port}", {name: environment[name] for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN")}
        finally:
            head.send_signal(signal.SIGTERM)
            head.wait(60)


@pytest.mark.slow
def test_a_cluster_that_was_there_before_is_used_and_stays(cluster, quick_run, local, many, tmp_path):
    address, tokens = cluster
    command = [sys.executable, "-m", "sentiment", "predict", "engine=ray", f"engine.address={address}", "chunk=16"]
    command += [f"run={quick_run}", f"input={many}", f"output={tmp_path}/ray.csv"]
    for _ in range(2):
        done = subprocess.run(command, env={**os.environ, **tokens}, capture_output=True, text=True, check=False)
        assert "7 of 600 rows" in done.stderr
    with pytest.raises(RowsRejectedError):
        predict(input=many, output=tmp_path / "local.csv", engine=local, chunk=16)
    assert (tmp_path / "ray.csv").read_bytes() == (tmp_path / "local.csv").read_bytes()
