"""SIGKILL of a deployment at its worst points, against a real server that is then started again."""

import signal
import subprocess
import sys

import pytest

from sentiment.serving.archive import package
from sentiment.serving.store import archives_to_serve, candidates
from tests.e2e.deploying import changed, keys, start, state
from tests.e2e.serving import run_command

pytestmark = [pytest.mark.slow, pytest.mark.e2e]

KILLED = """
import os, signal, sys
from sentiment.cli import main
from sentiment.client import Management
from sentiment.serving.rollout.candidate import Candidate

owner, name, moment = sys.argv[1].split(".")
owner = {"Candidate": Candidate, "Management": Management}[owner]
real = getattr(owner, name)


def wrapped(*arguments, **options):
    if moment == "after":
        real(*arguments, **options)
    os.kill(os.getpid(), signal.SIGKILL)


setattr(owner, name, wrapped)
main(sys.argv[2:])
"""


def kill(point, *command):
    done = subprocess.run([sys.executable, "-c", KILLED, point, *command], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def command(capfd):
    """Run `sentiment NAME ...` in this process; its exit status and what it printed."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def run(server, name, *overrides):
        return run_command(name, *keys(server, name), *overrides), "".join(capfd.readouterr())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_no_kill_leaves_what_a_restart_would_wrongly_serve(tiny_run, tmp_path, command):
    worse, better = changed(tiny_run, tmp_path / "worse", -1), changed(tiny_run, tmp_path / "better", 2)
    package(run=tiny_run, model_store=tmp_path / "store")
    with start(tmp_path) as server:
        kill("Candidate.measure.before", "deploy", f"run={worse}", *keys(server, "deploy"))
        assert state(server)[0] == {"1.0": True, "2.0": False}  # the server still has it
        assert len(candidates(server.store)) == 1
        assert [one.version for one in archives_to_serve(server.store)] == ["1.0"]
    with start(tmp_path) as server:
        assert state(server) == ({"1.0": True}, ["sentiment.mar"])
        assert candidates(server.store) == []
        kill("Candidate.measure.after", "deploy", f"run={worse}", *keys(server, "deploy"))
        status, out = command(server, "deploy", f"run={better}")
        assert status == 0, out
        assert "removed sentiment 2.0, which a deployment that was killed had left" in out
        assert state(server) == ({"1.0": False, "2.0": True}, ["sentiment-2.0.mar", "sentiment.mar"])
        kill("Management.set_default.before", "rollback", *keys(server, "rollback"))
        assert state(server)[0] == {"1.0": False, "2.0": True}
        assert command(server, "rollback")[0] == 0
        assert state(server)[0] == {"1.0": True, "2.0": False}
        kill("Management.set_default.before", "deploy", f"run={better}", *keys(server, "deploy"))
        latest = archives_to_serve(server.store)[0]
        assert latest.version == "3.0"  # it passed, and the server is not told yet
        assert command(server, "rollback")[0] == 0
        assert [one.version for one in archives_to_serve(server.store)][0] == "1.0"
    with start(tmp_path) as server:
        assert state(server)[0]["1.0"]
