"""Processes of a session."""

import contextlib
import os

import psutil


def processes_of(session: int) -> list[psutil.Process]:
    """List the living processes of a session, without zombies."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            if os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
