"""A Ray of two machines, each a network namespace, one of which dies in the middle of a job."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest

from sentiment.batch import predict
from sentiment.errors import RowsRejectedError
from sentiment.inference.predictor import Predictor
from tests.conftest import read_csv, read_json, write_csv
from tests.e2e.faults import wait_for

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("ip") is None, reason="network namespaces need root and iproute2"
    ),
]
HEAD, WORKER = "10.213.77.1", "10.213.77.2"
ROWS = 4000


def ip(*arguments):
    return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True).stdout


def inside(space, *command):
    return ["ip", "netns", "exec", space, *command]


def processes(space):
    return [int(pid) for pid in ip("netns", "pids", space).split()]


def workers(space):
    return [pid for pid in processes(space) if psutil.pid_exists(pid) and "MapWorker" in psutil.Process(pid).name()]


def kill(space):
    """End all processes of a namespace at once, as a power cut does."""
    for pid in processes(space):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


@contextmanager
def namespaces():
    """Yield two connected network namespaces that see nothing else; all processes in them end with the block."""
    names = [f"sentiment-{kind}-{os.getpid()}" for kind in ("head", "worker")]
    with ExitStack() as stack:
        for name in names:
            ip("netns", "add", name)
            stack.callback(ip, "netns", "delete", name)
            stack.callback(kill, name)
        ip("link", "add", "eth0", "netns", names[0], "type", "veth", "peer", "name", "eth0", "netns", names[1])
        for name, address in zip(names, (HEAD, WORKER), strict=True):
            ip("-n", name, "address", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                ip("-n", name, "link", "set", device, "up")
        yield names


@contextmanager
def ray_node(space, *arguments):
    """Run a node of one CPU in a namespace until the block ends."""
    ray = str(Path(sys.executable).with_name("ray"))
    command = inside(space, ray, "start", "--block", "--num-cpus=1", "--object-store-memory=100000000", *arguments)
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as node:
        try:
            said = []
            for line in node.stdout:
                said.append(line)
                if "Ray runtime started" in line:
                    break
            else:
                pytest.fail("".join(said))
            yield
        finally:
            node.send_signal(signal.SIGKILL)


def test_a_machine_that_dies_loses_no_row_and_doubles_none(tiny_run, tmp_path, monkeypatch):
    settings = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "t" * 64}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    rows = [(f"{'good' if i % 3 else 'bad'} film {i} " + "and so on " * 300 if i % 97 else " ", i) for i in range(ROWS)]
    source = write_csv(tmp_path / "in.csv", rows, header=("text", "id"))
    parts = tmp_path / "ray.csv.parts"
    with (
        namespaces() as (first, second),
        ray_node(first, "--head", f"--node-ip-address={HEAD}", "--port=6379", "--include-dashboard=false"),
        ray_node(second, f"--address={HEAD}:6379", f"--node-ip-address={WORKER}"),
    ):
        command = [
            sys.executable,
            "-m",
            "sentiment",
            "predict",
            "engine=ray",
            f"engine.address={HEAD}:6379",
            "chunk=16",
        ]
        command += [f"run={tiny_run}", f"input={source}", f"output={tmp_path}/ray.csv", "quiet=true"]
        with subprocess.Popen(inside(first, *command), stderr=subprocess.PIPE, text=True) as job:
            wait_for(lambda: workers(second) and len(list(parts.glob("part-*.json"))) > 8, seconds=120)
            kill(second)
            assert job.poll() is None
            done = len(list(parts.glob("part-*.json")))
            assert f"42 of {ROWS} rows could not be scored" in job.communicate(timeout=300)[1]
        assert 8 < done < ROWS / 16
    with pytest.raises(RowsRejectedError):
        predict(input=source, output=tmp_path / "local.csv", engine=Predictor.load(tiny_run), chunk=16, quiet=True)
    for kind in ("csv", "csv.rejects.csv"):
        assert (tmp_path / f"ray.{kind}").read_bytes() == (tmp_path / f"local.{kind}").read_bytes()
    assert [int(row["id"]) for row in read_csv(tmp_path / "ray.csv")] == list(range(ROWS))
    assert read_json(tmp_path / "ray.csv.summary.json")["rows"] == ROWS
