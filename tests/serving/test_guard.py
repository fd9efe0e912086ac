"""The guard without Java: what it runs ends with its parent, and it ends with what it runs."""

import subprocess
import sys
import time

import psutil
import pytest

from sentiment.serving import guard
from sentiment.serving.processes import processes_of
from tests.e2e.faults import wait_for

PARENT = """
import os, subprocess, sys, threading, time
guard = []
def start():
    command = [sys.executable, "-I", "-S", sys.argv[1], str(os.getpid()), "sh", "-c", sys.argv[2]]
    guard.append(subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True))
thread = threading.Thread(target=start)  # which ends at once: its end is not the parent's
thread.start()
thread.join()
print(guard[0].pid, flush=True)
if sys.argv[3] == "fork" and not os.fork():
    time.sleep(1000)  # a child that inherits the pipe
raise SystemExit(guard[0].wait())
"""
TREE = "sleep 1000 & sleep 1000 & wait"


@pytest.fixture
def parent():
    """Start a process that starts a guard; itself and the guard's session."""
    started = []

    def start(command, how="plain"):
        words = [sys.executable, "-c", PARENT, guard.__file__, command, how]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, int(process.stdout.readline())

    yield start
    for process in started:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.parametrize("how", ["plain", "fork"])
def test_all_that_it_started_ends_with_the_parent(parent, how):
    process, session = parent(TREE, how)
    wait_for(lambda: len(processes_of(session)) == 4)
    time.sleep(1)  # it looks a few times
    members = processes_of(session)
    assert len(members) == 4
    members[-1].suspend()
    children = [child for child in psutil.Process(process.pid).children() if child.pid != session]
    process.kill()
    wait_for(lambda: processes_of(session) == [])
    for child in children:
        child.kill()


def test_what_it_runs_ends_where_both_it_and_its_parent_are_killed(parent):
    process, session = parent("exec sleep 1000")
    wait_for(lambda: len(processes_of(session)) == 2)
    process.kill()
    psutil.Process(session).kill()
    wait_for(lambda: processes_of(session) == [])


def test_it_ends_as_its_command_does_and_leaves_nothing(parent):
    process, session = parent("sleep 1000 & kill -STOP $!; exit 7")
    assert process.wait(60) == 7
    assert processes_of(session) == []


def test_a_signal_to_it_alone_changes_nothing(parent):
    _, session = parent(TREE)
    wait_for(lambda: len(processes_of(session)) == 4)
    psutil.Process(session).terminate()
    time.sleep(0.5)
    assert len(processes_of(session)) == 4
