"""The archives of a model store."""

import zipfile
from pathlib import Path

from sentiment.errors import ServingError

MANIFEST = "MAR-INF/MANIFEST.json"


def archives(store: Path) -> list[str]:
    """The models of a store by name; ServingError where there is none."""
    names = sorted(path.stem for path in store.glob("*.mar"))
    if not names:
        raise ServingError(f"{store} holds no .mar archive; make one with: sentiment package run=outputs/<run>")
    return names


def check_archive(path: Path) -> None:
    """ServingError where TorchServe could not open it; the server itself would start, and serve nothing."""
    if not path.is_file():
        raise ServingError(f"{path} does not exist; make it with: sentiment package")
    try:
        with zipfile.ZipFile(path) as opened:
            opened.getinfo(MANIFEST)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ServingError(f"{path} is cut short or no archive ({error}); package the run again") from error
