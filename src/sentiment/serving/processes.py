"""The processes of a server's session: which there are, what they are, and how they end."""

import contextlib
import os
from collections.abc import Callable

import psutil

STOP_SECONDS = 10.0  # time that the main process gets to stop its workers


def processes_of(session: int) -> list[psutil.Process]:
    """List the living processes of a session, without zombies."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def is_java(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return process.name() == "java"
    return False


def is_worker(process: psutil.Process) -> bool:
    """Return True for a Python process that hosts a model."""
    with contextlib.suppress(psutil.Error):
        return any("model_service_worker" in part for part in process.cmdline())
    return False


def end_session(leader: int, *, is_main: Callable[[psutil.Process], bool], at_once: bool) -> None:
    """End the processes of a session but its leader, at once or by the one that `is_main`, and wait for the last."""
    members = processes_of(leader)
    main = [] if at_once else [one for one in members if is_main(one)]
    for process in main:  # it alone is signalled, and stops its workers
        with contextlib.suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(members, timeout=STOP_SECONDS if main else 0)
    while alive := [one for one in processes_of(leader) if one.pid != leader]:
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=1)
