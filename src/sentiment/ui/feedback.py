"""User corrections, stored as JSON lines in a file that `data=files data.train=FILE` reads."""

import json
import logging
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiment.errors import DataError
from sentiment.files import locked
from sentiment.inference.pairs import Text, aspect_of, text_of
from sentiment.inference.types import JOINT, Prediction, list_labels

log = logging.getLogger(__name__)

BLOCK = 1 << 16  # bytes per read while searching for the start of the last line


@dataclass(frozen=True, slots=True)
class Correction:
    text: str
    label: str | list[str]  # chosen by the user; of a model that gives several labels, all of them
    predicted: str
    score: float
    version: str  # version of the model that predicted
    time: str  # UTC, ISO 8601
    aspect: str | None = None  # None for a model that reads none

    @classmethod
    def of(cls, text: Text, label: str | Sequence[str], prediction: Prediction, version: str) -> "Correction":
        """Create a correction of a prediction; of several labels as a list, or joined by "|", empty for none.

        Raises:
            DataError: The model has no such label.
        """
        if prediction.labels is not None and isinstance(label, str):
            label = [name for name in label.split(JOINT) if name]
        for name in [label] if isinstance(label, str) else label:
            if name not in prediction.probabilities:
                raise DataError(f"label={name!r}: expected one of {list_labels(prediction.probabilities)}")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        chosen, score = label if isinstance(label, str) else list(label), round(prediction.score, 6)
        return cls(text_of(text), chosen, prediction.label, score, version, now, aspect_of(text))

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "aspect" or value is not None}


@dataclass(frozen=True, slots=True)
class Corrections:
    path: Path

    def add(self, correction: Correction) -> None:
        """Append a correction under a file lock, and sync it to disk.

        Raises:
            DataError: The line could not be written; the file is unchanged.
        """
        try:
            with locked(self.path) as file:
                repair(file, self.path)
                append(file, self._line(correction))
        except OSError as error:
            raise DataError(
                f"the correction is not saved: {self.path}: {error.strerror or error}; make room, or set feedback=FILE"
            ) from error

    def withdraw(self, correction: Correction) -> bool:
        """Take a correction out of the file; False if another one came after it, and it stays.

        Raises:
            DataError: The file cannot be written.
        """
        line = self._line(correction)
        try:
            with locked(self.path) as file:
                start = os.fstat(file).st_size - len(line)
                if start < 0 or os.pread(file, len(line), start) != line:
                    return False
                os.ftruncate(file, start)
                os.fsync(file)
                return True
        except OSError as error:
            raise DataError(f"the label is not taken back: {self.path}: {error.strerror or error}") from error

    def texts(self) -> set[str]:
        """Return the texts in the file; a line that is damaged counts for none."""
        found = set[str]()
        if self.path.is_file():
            with self.path.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    with suppress(ValueError, KeyError, TypeError):
                        found.add(str(json.loads(line)["text"]))
        return found

    @staticmethod
    def _line(correction: Correction) -> bytes:
        return json.dumps(correction.to_json(), ensure_ascii=False).encode("utf-8") + b"\n"


def append(descriptor: int, line: bytes) -> None:
    """Append all of `line` and sync it to disk; on failure, truncate the file to its former size."""
    before = os.fstat(descriptor).st_size
    try:
        left = line
        while left:
            left = left[os.write(descriptor, left) :]  # a full disk causes a short write
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, before)
        raise


def repair(descriptor: int, path: Path) -> None:
    """Repair an incomplete last line after a crash: terminate it if it is whole JSON, otherwise remove it."""
    size = os.fstat(descriptor).st_size
    if size == 0 or os.pread(descriptor, 1, size - 1) == b"\n":
        return
    start, tail = size, b""
    while start and b"\n" not in tail:
        start = max(0, start - BLOCK)
        tail = os.pread(descriptor, size - start, start)
    last = tail.rpartition(b"\n")[2]
    try:
        json.loads(last)
    except ValueError:
        os.ftruncate(descriptor, size - len(last))
        log.warning("%s ended with half a line, which is removed: %s", path, last[:80].decode("utf-8", "replace"))
    else:
        append(descriptor, b"\n")
