"""Input files of a batch job, with detection of changes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentiment.data.tables import STDIN
from sentiment.errors import DataError
from sentiment.inference.checksums import file_digest
from sentiment.remote import is_remote, version


@dataclass(frozen=True, slots=True)
class InputFile:
    path: Path
    bytes: int
    changed: int | str  # modification time in ns, or the version of a remote object
    sha256: str

    @classmethod
    def of(cls, path: Path) -> "InputFile":
        stat = path.stat()
        return cls(path, stat.st_size, changed(path), file_digest(path))

    def is_unchanged(self) -> bool:
        if not self.path.is_file():
            return False
        size = self.path.stat().st_size
        if (size, changed(self.path)) == (self.bytes, self.changed):
            return True
        return size == self.bytes and file_digest(self.path) == self.sha256


def changed(path: Path) -> int | str:
    return version(path) if is_remote(path) else path.stat().st_mtime_ns


@dataclass(frozen=True, slots=True)
class Inputs:
    """All input files in order; `files` is empty if the job reads standard input."""

    files: tuple[InputFile, ...]

    @classmethod
    def of(cls, paths: Sequence[Path]) -> "Inputs":
        return cls(tuple(InputFile.of(path) for path in paths if path != STDIN))

    @property
    def is_stream(self) -> bool:
        return not self.files

    @property
    def sha256(self) -> str:
        """SHA-256 of the contents in order; for several files, the hash of the concatenated hex digests."""
        if self.is_stream:
            return "standard input"
        if len(self.files) == 1:
            return self.files[0].sha256
        return hashlib.sha256("".join(file.sha256 for file in self.files).encode("ascii")).hexdigest()

    def check_unchanged(self) -> None:
        """Raise DataError if a file's content changed since the job began."""
        for file in self.files:
            if not file.is_unchanged():
                raise DataError(
                    f"{file.path} was changed while the job read it; start over with overwrite=true once it is complete"
                )

    def to_json(self) -> list[dict[str, Any]]:
        if self.is_stream:
            return [{"path": str(STDIN), "bytes": None, "sha256": None}]
        return [{"path": str(file.path), "bytes": file.bytes, "sha256": file.sha256} for file in self.files]
