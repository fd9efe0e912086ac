"""The processes of a server's session: which there are, what they are, and how they end."""

import contextlib
import os

import psutil

STOP_SECONDS = 10.0  # time that Java gets to stop its workers


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


def end_session(leader: int, *, at_once: bool) -> None:
    """End the processes of a session but its leader, and wait until the last has ended.

    Args:
        leader: The process id of the leader, which is the session's.
        at_once: Kill at once, without letting Java stop its workers.
    """
    members = processes_of(leader)
    java = [] if at_once else [one for one in members if is_java(one)]
    for process in java:  # only Java is signalled: it stops its workers
        with contextlib.suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(members, timeout=STOP_SECONDS if java else 0)
    while alive := [one for one in processes_of(leader) if one.pid != leader]:
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=1)
