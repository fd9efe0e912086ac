"""Corrections of users, a line of JSON each, in a file that `data=files data.train=FILE` reads."""

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from sentiment.errors import DataError
from sentiment.schema import Prediction


@dataclass(frozen=True, slots=True)
class Correction:
    text: str
    label: str  # what the user says
    predicted: str
    score: float
    version: str  # of the model that predicted
    time: str  # UTC, ISO 8601

    @classmethod
    def of(cls, text: str, label: str, prediction: Prediction, version: str) -> "Correction":
        """DataError where the model has no such label."""
        if label not in prediction.probabilities:
            raise DataError(f"label={label!r}: expected one of {', '.join(prediction.probabilities)}")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(text, label, prediction.label, round(prediction.score, 6), version, now)


@dataclass(frozen=True, slots=True)
class Corrections:
    path: Path

    def add(self, correction: Correction) -> None:
        """Append a whole line and see it on the disk, whoever else appends at the same time."""
        line = json.dumps(asdict(correction), ensure_ascii=False).encode("utf-8") + b"\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if torn(file.fileno()):  # a process that died, or a full disk, left half a line
                line = b"\n" + line
            file.write(line)
            os.fsync(file.fileno())


def torn(descriptor: int) -> bool:
    """Whether the last byte of a file is no line end."""
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
