"""The folder of one server: locked while it runs, and only what a server wrote there is ever removed."""

import contextlib
import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO

import psutil

from sentiment.errors import ServingError

LOCK = "serve.lock"  # holds the process id of the server command; marks the folder as a server's too
WRITTEN = ("config.properties", "log4j2.xml", "metrics.yaml", "console.log", "key_file.json", "logs", "tmp")
EARLIER = {"config.properties", "log4j2.xml", "metrics.yaml"}  # a server before there was a lock wrote all three
LOGS = ("*_log.log", "*_log.*.log.gz")
GIVE_WAY_SECONDS = 10.0  # until the processes of a server that was killed are gone


class Folder:
    """A server's folder as a lock: `claim` it before anything in it is touched, `release` it when all is over."""

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
    def console(self) -> Path:
        """Where Java writes what is not in its logs."""
        return self.path / "console.log"

    def claim(self) -> None:
        """Lock the folder; ServingError where another server runs in it, or where it holds another's files."""
        self._check_files()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ServingError(f"folder={self.path} cannot be written: {error.strerror}; set folder=PATH") from error
        try:
            self._wait_for(lock)
        except BaseException:
            os.close(lock)
            raise
        os.truncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        self.lock = lock

    def check(self) -> None:
        """Raise the error that `claim` would, and leave the folder free."""
        self.claim()
        self.release()

    def release(self) -> None:
        """Unlock, by closing alone: the guard shares the lock until it has ended what it guards."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def clear(self) -> None:
        """Remove what a former server left: its errors would be read as those of the next one."""
        for pattern in LOGS:
            for path in self.logs.glob(pattern):
                path.unlink(missing_ok=True)
        for path in (self.console, self.path / "key_file.json"):
            path.unlink(missing_ok=True)
        self.clear_tmp()
        for folder in (self.logs, self.tmp):
            folder.mkdir(mode=0o700, exist_ok=True)

    def open_console(self) -> BinaryIO:
        """Open a new console.log that the user who serves can read alone: Java prints variables there."""
        return os.fdopen(os.open(self.console, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")

    def clear_tmp(self) -> None:
        if self.tmp.is_symlink():
            raise ServingError(f"{self.tmp} is a link; remove it, or set folder=PATH")
        shutil.rmtree(self.tmp, ignore_errors=True)

    def _check_files(self) -> None:
        found = {name for name in WRITTEN if os.path.lexists(self.path / name)}
        if found and not (self.path / LOCK).is_file() and not found >= EARLIER:
            names = ", ".join(sorted(found))
            raise ServingError(
                f"folder={self.path} holds {names} that no server of sentiment serve wrote; set folder= to a new folder"
            )

    def _wait_for(self, lock: int) -> None:
        deadline = time.monotonic() + GIVE_WAY_SECONDS
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.pread(lock, 32, 0).decode(errors="replace").strip()
                if running(holder) or time.monotonic() > deadline:
                    raise ServingError(
                        f"folder={self.path} belongs to a server that runs, process {holder or 'unknown'}; "
                        f"stop it with: kill {holder or 'PID'}, or set folder= and the ports to others"
                    ) from error
            time.sleep(0.1)


def running(pid: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return pid.isdigit() and psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE
    return False
