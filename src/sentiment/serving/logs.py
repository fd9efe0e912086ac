"""The reason why a server failed, from its logs."""

import json
import os
from pathlib import Path

JAVA_LOG = "logs/ts_log.log"  # in the work_dir
FILES = ("logs/model_log.log", JAVA_LOG, "console.log")
NO_MEMORY = b"java.lang.OutOfMemoryError"


def reason_in(folder: Path) -> str:
    """Return the first Python or Java error in the logs as "; reason: ...", or "" if there is none."""
    for path in (folder / name for name in FILES):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        for line in lines:
            if "Error: " in line or "Exception: " in line:
                return "; reason: " + message(line)
    return ""


class MemoryWatch:
    """Detector of a Java that ran out of memory for Netty's buffers: some of its threads wait for ever after that.

    Java ends at once where its heap is full, but only logs this. Texts of users are in no log.
    """

    def __init__(self, folder: Path) -> None:
        self.path, self.read = folder / JAVA_LOG, 0

    def ran_out(self) -> bool:
        """Look through what was logged since the last look."""
        try:
            with self.path.open("rb") as log:
                if log.seek(0, os.SEEK_END) < self.read:  # a new file
                    self.read = 0
                log.seek(max(0, self.read - len(NO_MEMORY)))
                new = log.read()
                self.read = log.tell()
        except FileNotFoundError:
            return False
        return NO_MEMORY in new


def message(line: str) -> str:
    """Return the message of a log line, without time and logger."""
    return str(json.loads(line)["message"]).strip() if line.startswith("{") else line.rpartition(" - ")[2].strip()
