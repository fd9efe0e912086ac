"""Disk cache of token ids: memory-mapped, verified when opened, rebuilt if damaged."""

import logging
from collections.abc import Callable, Set
from pathlib import Path

from datasets import Dataset

from sentiment.files import discard, locked, replacing
from sentiment.inference.checksums import damage_of, write_checksums

log = logging.getLogger(__name__)

COLUMNS = frozenset({"input_ids", "tokens", "label"})


def load_or_build(path: Path, make: Callable[[], Dataset], *, rows: int, columns: Set[str] = COLUMNS) -> Dataset:
    """Open the dataset at `path`, or build and save it; keep it in memory if the cache cannot be written.

    Args:
        path: Folder of the dataset. Each dataset has its lock file, in a folder beside that of all datasets.
        make: Builds the dataset.
        rows: Number of rows that a valid cached dataset has.
        columns: Its columns.
    """
    made: Dataset | None = None
    try:
        lock = path.parent.with_suffix(".locks") / path.name
        with locked(lock):  # among concurrent ranks and trials, the first one builds it
            if (found := open_cache(path, rows=rows, columns=columns)) is not None:
                return found
            made = make()
            discard(path)
            with replacing(path) as temporary:
                made.save_to_disk(str(temporary))
                write_checksums(temporary)
            return Dataset.load_from_disk(str(path))
    except OSError as error:
        reason = error.strerror or str(error)
        log.warning("the token cache %s cannot be written (%s); the token ids stay in memory", path.parent, reason)
    if (
        made is None and (found := open_cache(path, rows=rows, columns=columns)) is not None
    ):  # the cache may be read-only
        return found
    return made if made is not None else make()


def open_cache(path: Path, *, rows: int, columns: Set[str] = COLUMNS) -> Dataset | None:
    """Open the dataset at `path`; None if it is missing, or damaged, which is logged."""
    if not path.exists():
        return None
    if (reason := damage_of(path) if path.is_dir() else "it is no folder") is None:
        try:
            found: Dataset = Dataset.load_from_disk(str(path))
        except Exception as error:  # errors of datasets and pyarrow share no narrower base class
            reason = next(iter(str(error).splitlines()), type(error).__name__)
        else:
            if set(found.column_names) == columns and len(found) == rows:
                return found
            reason = f"it has {len(found)} rows of {', '.join(found.column_names)}"
    log.warning("the token cache %s is damaged (%s); tokenizing again", path, reason)
    return None
