"""Launch of a server under its guard, which ends the whole session when this process ends."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence

from sentiment.serving import guard
from sentiment.serving.folder import Folder
from sentiment.worker import activity

STDOUT = 1  # file descriptor of this process


def launch(
    served: Sequence[str], environment: Mapping[str, str], folder: Folder, *, logs_on_stdout: bool
) -> subprocess.Popen[bytes]:
    """Start the guard process, which starts the server; files they create are readable by this user only."""
    command = [sys.executable, "-I", "-S", guard.__file__, str(os.getpid())]
    command += served
    assert folder.lock is not None
    with folder.open_console() as console:  # output that the server prints outside its logs
        return subprocess.Popen(
            command, cwd=folder.path, env=environment, stdin=subprocess.PIPE, stdout=console, umask=0o077,
            stderr=STDOUT if logs_on_stdout else console, start_new_session=True, pass_fds=[folder.lock],
        )  # fmt: skip


def environment_in(folder: Folder, variables: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a server: those of the env file, those of this process, and the paths in the folder."""
    tmp, logs = str(folder.tmp), str(folder.logs)
    return {
        **variables,
        **os.environ,
        "TEMP": tmp,
        "TMPDIR": tmp,
        "LOG_LOCATION": logs,
        "METRICS_LOCATION": logs,
        activity.FOLDER: str(folder.activity),
    }
