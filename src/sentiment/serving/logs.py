"""The reason why a server failed, from its logs."""

import json
from pathlib import Path

FILES = ("logs/model_log.log", "logs/ts_log.log", "console.log")  # in the work_dir


def reason_in(folder: Path) -> str:
    """Return the first Python or Java error in the logs as "; reason: ...", or "" if there is none."""
    for path in (folder / name for name in FILES):
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
        for line in lines:
            if "Error: " in line or "Exception: " in line:
                return "; reason: " + message(line)
    return ""


def message(line: str) -> str:
    """Return the message of a log line, without time and logger."""
    return str(json.loads(line)["message"]).strip() if line.startswith("{") else line.rpartition(" - ")[2].strip()
