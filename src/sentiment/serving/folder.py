"""The server's working directory: locked while the server runs; only files that a server wrote are removed."""

import contextlib
import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO

import psutil

from sentiment.errors import ServingError
from sentiment.files import lock_file

KEY_FILE = "key_file.json"
LOCK = "serve.lock"  # holds the server's process id; also marks the folder as a server's
WRITTEN = ("config.properties", "log4j2.xml", "metrics.yaml", "console.log", KEY_FILE, "logs", "tmp")
EARLIER = {"config.properties", "log4j2.xml", "metrics.yaml"}  # releases without a lock file wrote all three
LOGS = ("*_log.log", "*_log.*.log.gz")
LONGEST = 107 - len("/tmp/.ts.sock.9000")  # bytes; the path of a Unix socket has at most 107
GIVE_WAY_SECONDS = 10.0  # wait for the child processes of a killed server to end


class Folder:
    """The lock on a server's working directory: `claim` before any access, `release` after shutdown."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock: int | None = None  # a file descriptor

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def tmp(self) -> Path:
        return self.path / "tmp"

    @property
    def activity(self) -> Path:
        """Folder in which the workers count their batches."""
        return self.tmp / "activity"

    @property
    def console(self) -> Path:
        """Path of the output that Java writes outside its logs."""
        return self.path / "console.log"

    @property
    def key_file(self) -> Path:
        return self.path / KEY_FILE

    def claim(self) -> None:
        """Lock the folder and record this process's id in the lock file.

        Raises:
            ServingError: Another server runs in the folder, it cannot be written, it holds files of other programs, or
                its path is too long for the sockets of the workers.
        """
        if (length := len(os.fsencode(self.path.absolute()))) > LONGEST:
            raise ServingError(
                f"work_dir={self.path} has {length} bytes as a full path, and the workers' sockets in it can have no "
                f"more than {LONGEST}; set work_dir to a shorter one"
            )
        self._check_files()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ServingError(
                f"work_dir={self.path} cannot be written: {error.strerror}; set work_dir=PATH"
            ) from error
        try:
            self._wait_for(lock)
        except BaseException:
            os.close(lock)
            raise
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self.lock = lock

    def check(self) -> None:
        """Raise the error that `claim` would raise, and leave the folder unlocked."""
        self.claim()
        self.release()

    def release(self) -> None:
        """Unlock by closing the descriptor; the guard shares the lock until all its child processes have ended."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def clear(self) -> None:
        """Remove the logs, keys and temporary files of an earlier run: its errors would be reported as this run's."""
        for pattern in LOGS:
            for path in self.logs.glob(pattern):
                path.unlink(missing_ok=True)
        for path in (self.console, self.key_file):
            path.unlink(missing_ok=True)
        self.clear_tmp()
        for folder in (self.logs, self.tmp):
            folder.mkdir(mode=0o700, exist_ok=True)

    def open_console(self) -> BinaryIO:
        """Open a new console.log with mode 0600, since Java prints environment variables there."""
        return os.fdopen(os.open(self.console, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")

    def clear_tmp(self) -> None:
        if self.tmp.is_symlink():
            raise ServingError(f"{self.tmp} is a link; remove it, or set work_dir=PATH")
        shutil.rmtree(self.tmp, ignore_errors=True)

    def _check_files(self) -> None:
        found = {name for name in WRITTEN if os.path.lexists(self.path / name)}
        if found and not (self.path / LOCK).is_file() and not found >= EARLIER:
            names = ", ".join(sorted(found))
            raise ServingError(
                f"work_dir={self.path} holds {names} that no server of sentiment serve wrote; set work_dir=NEW"
            )

    def _wait_for(self, lock: int) -> None:
        deadline = time.monotonic() + GIVE_WAY_SECONDS
        while not lock_file(lock):
            holder = os.pread(lock, 32, 0).decode(errors="replace").strip()
            if running(holder) or time.monotonic() > deadline:
                raise ServingError(
                    f"work_dir={self.path} belongs to a server that runs, process {holder or 'unknown'}; "
                    f"stop it with: kill {holder or 'PID'}, or set another work_dir=FOLDER and other ports"
                )
            time.sleep(0.1)


def running(pid: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return pid.isdigit() and psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    return False
