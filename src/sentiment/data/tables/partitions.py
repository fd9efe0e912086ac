"""A folder of part files that a batch job wrote, and the manifest by which they are one table."""

import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sentiment.errors import DataError
from sentiment.files import read_object
from sentiment.inference.checksums import file_digest
from sentiment.remote import is_folder, listing

MANIFEST = "_manifest.json"  # readers of data sets (pyarrow, Spark) skip names that begin with _ or .
JOB = "_job"  # folder of a job that has not ended
PART = re.compile(r"part-\d{7,}(\.[a-z]+)+")
READERS = 8  # parts whose checksums are computed at once


def is_partitioned(path: Path) -> bool:
    """Return True for a folder that a batch job fills or has filled with parts."""
    return is_folder(path) and ((path / MANIFEST).is_file() or (path / JOB).is_dir())


def expanded(path: Path) -> tuple[Path, ...]:
    """Return the parts of a partitioned folder in order, each compared with the manifest; any other path as it is.

    Raises:
        DataError: The job has not ended, or the folder does not hold what its manifest says.
    """
    if not is_partitioned(path):
        return (path,)
    if not (path / MANIFEST).is_file():
        raise DataError(f"{path} has no {MANIFEST}: the job that fills it has not ended; give its command again")
    parts = listed(path, read_object(path / MANIFEST))
    there = {name: size for name, size in listing(path).items() if is_visible(name)}
    if faults := [fault for name, part in parts.items() if (fault := size_fault(name, part, there))]:
        raise changed(path, faults)
    if others := sorted(there.keys() - parts.keys()):
        raise DataError(f"{path} also holds {others[0]}, which its {MANIFEST} does not name; move it away")
    files = tuple(path / name for name in parts)
    with ThreadPoolExecutor(READERS) as pool:
        sums = dict(zip(parts, pool.map(file_digest, files), strict=True))
    if faults := [
        f"the SHA-256 of {name} is {sums[name][:12]}..., its {MANIFEST} says {part['sha256'][:12]}..."
        for name, part in parts.items()
        if sums[name] != part["sha256"]
    ]:
        raise changed(path, faults)
    return files


def listed(path: Path, record: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what a manifest says of each part, by name. Raises DataError if it is none of sentiment predict."""
    try:
        parts = {str(part["file"]): dict(part) for part in record["output"]["parts"]}
        if parts and all(PART.fullmatch(name) and {"bytes", "sha256"} <= part.keys() for name, part in parts.items()):
            return parts
    except (KeyError, TypeError, ValueError):
        pass
    raise DataError(f"{path / MANIFEST} is no manifest of this version of sentiment predict; predict again")


def is_visible(name: str) -> bool:
    """Return True for a file that readers of data sets take for data."""
    return name[0] not in "._"


def size_fault(name: str, part: Mapping[str, Any], there: Mapping[str, int | None]) -> str | None:
    if name not in there:
        return f"{name} is missing"
    if there[name] != part["bytes"]:
        return f"{name} has {there[name] or 0:,} bytes, its {MANIFEST} says {part['bytes']:,}"
    return None


def changed(path: Path, faults: list[str]) -> DataError:
    more = f" (and {len(faults) - 1:,} more)" if len(faults) > 1 else ""
    return DataError(f"{path} was changed or cut short: {faults[0]}{more}; restore it, or predict with overwrite=true")
