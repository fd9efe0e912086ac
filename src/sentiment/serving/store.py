"""A model store: the archives in it, the versions they hold, and which of them are served by default.

<model>.versions.json lists the versions that were put in place one after another; the last one is the default.
"""

import json
import logging
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sentiment.client.management import number
from sentiment.errors import ServingError
from sentiment.files import read_json, write_json

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Archive:
    file: str
    model: str
    version: str


def read_archive(path: Path) -> Archive:
    """What an archive says of itself; ServingError where it cannot be read."""
    try:
        with zipfile.ZipFile(path) as zipped:
            model = json.loads(zipped.read("MAR-INF/MANIFEST.json"))["model"]
        return Archive(path.name, model["modelName"], model["modelVersion"])
    except FileNotFoundError as error:
        raise ServingError(f"{path} does not exist; make it with: sentiment package") from error
    except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as error:
        raise ServingError(f"{path} is cut short or no archive ({error}); package the run again") from error


def archives(store: Path) -> list[Archive]:
    """All archives of a store; ServingError where two hold the same version of a model."""
    found = [read_archive(path) for path in sorted(store.glob("*.mar"))]
    for i, one in enumerate(found):
        for other in found[:i]:
            if one.model == other.model and number(one.version) == number(other.version):
                raise ServingError(
                    f"{other.file} and {one.file} in {store} both hold version {one.version} of {one.model}; remove one"
                )
    return found


def served(store: Path, models: Sequence[str] | None = None) -> list[Archive]:
    """The archives to serve of `models`, or of all; the first one of each model is its default.

    Of a model whose versions were put in place, these are the default and the one before it; else all, latest first.
    """
    found = archives(store)
    if not found:
        raise ServingError(f"{store} holds no .mar archive; make one with: sentiment package run=outputs/<run>")
    chosen = []
    for model in models or sorted({one.model for one in found}):
        versions = {number(one.version): one for one in found if one.model == model}
        if not versions:
            raise ServingError(f"{store / model}.mar does not exist; make it with: sentiment package")
        placed = [versions[v] for v in dict.fromkeys(map(number, reversed(history(store, model)))) if v in versions]
        chosen += placed[:2] or [versions[v] for v in sorted(versions, reverse=True)]
    return chosen


def history(store: Path, model: str) -> list[str]:
    path = record(store, model)
    if not path.is_file():
        return []
    try:
        return [str(version) for version in read_json(path)["versions"]]
    except (ValueError, KeyError, TypeError) as error:
        raise ServingError(
            f"{path} cannot be read: {error}; remove it, and the latest version is the default"
        ) from error


def remember(store: Path, model: str, versions: Sequence[str]) -> None:
    write_json(record(store, model), {"versions": list(versions)})


def put_in_place(store: Path, model: str, version: str, *, before: str) -> None:
    """Let `version` be the default after a restart too; `before` is the one it takes the place of."""
    placed = history(store, model) or [before]
    if number(placed[-1]) != number(version):
        remember(store, model, [*placed, version])


def forget(store: Path, model: str, version: str) -> None:
    """Serve a version no longer after a restart, where another one was put in place."""
    placed = history(store, model)
    if placed:
        remember(store, model, [one for one in placed if number(one) != number(version)])


def record(store: Path, model: str) -> Path:
    return store / f"{model}.versions.json"
