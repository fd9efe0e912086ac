"""Intermediate results of a review, kept on disk so that a stopped one continues."""

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sentiment.errors import ConfigError
from sentiment.files import locked, read_json_if_any, replacing, write_json

log = logging.getLogger(__name__)

FOLDER = "work"


@dataclass(frozen=True, slots=True)
class Work:
    """Arrays by name in a folder.

    Args:
        folder: The folder, which one process uses at a time.
    """

    folder: Path

    def once(self, name: str, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the array of a name, computed and stored if it is not there."""
        path = self.folder / f"{name}.npy"
        if path.is_file():
            return np.asarray(np.load(path, allow_pickle=False))
        array = compute()
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.save(file, array, allow_pickle=False)
        return array


@contextmanager
def working(output: Path, settings: Mapping[str, Any]) -> Iterator[Work]:
    """Yield the intermediate results of a review with these settings; delete them if the block ends without an error.

    Raises:
        ConfigError: Another process works in the folder.
    """
    folder = output / FOLDER
    with locked(
        output / "lock", busy=ConfigError(f"another review works in {output}; let it end, or set output=FOLDER")
    ):
        if folder.is_dir():
            if read_json_if_any(folder / "settings.json") == settings:
                log.info("going on with the review that was stopped in %s", output)
            else:
                shutil.rmtree(folder)
        write_json(folder / "settings.json", settings)
        yield Work(folder)
        shutil.rmtree(folder)
        (output / "lock").unlink()
