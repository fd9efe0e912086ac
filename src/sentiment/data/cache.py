"""Token ids on disk: memory-mapped, checked when they are opened, and made again where they are damaged."""

import logging
from collections.abc import Callable
from pathlib import Path

from datasets import Dataset

from sentiment.files import alone, discard, replacing
from sentiment.inference.checksums import damage_of, write_checksums

log = logging.getLogger(__name__)

COLUMNS = {"input_ids", "tokens", "label"}


def cached(path: Path, make: Callable[[], Dataset], *, rows: int) -> Dataset:
    """Open the dataset at `path`, or make it there; where that cannot be written, it is made in memory.

    Args:
        path: Its folder; the lock of all beside it lies beside their own.
        make: Makes the dataset anew.
        rows: How many it has to have.
    """
    made: Dataset | None = None
    try:
        with alone(path.parent.with_suffix(".lock")):  # of ranks and trials side by side the first one does it
            if (found := open_cache(path, rows=rows)) is not None:
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
    if made is None and (found := open_cache(path, rows=rows)) is not None:  # a cache may be read-only
        return found
    return made if made is not None else make()


def open_cache(path: Path, *, rows: int) -> Dataset | None:
    """The dataset at `path`; None, with a line where it is damaged, if it has to be made."""
    if not path.exists():
        return None
    if (reason := damage_of(path) if path.is_dir() else "it is no folder") is None:
        try:
            found: Dataset = Dataset.load_from_disk(str(path))
        except Exception as error:  # of datasets and pyarrow, that share no other base
            reason = next(iter(str(error).splitlines()), type(error).__name__)
        else:
            if set(found.column_names) == COLUMNS and len(found) == rows:
                return found
            reason = f"it has {len(found)} rows of {', '.join(found.column_names)}"
    log.warning("the token cache %s is damaged (%s); tokenizing again", path, reason)
    return None
