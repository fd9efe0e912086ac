"""The model store: its archives, the versions they hold and the default version of each model.

<model>.versions.json lists the promoted versions in order; the last one is the default. The archive of a candidate
version is a hidden file, which is never served after a restart.
"""

import hashlib
import json
import logging
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sentiment.client.management import CANDIDATE, number
from sentiment.errors import ServingError
from sentiment.files import locked, read_object, sweep, write_json
from sentiment.inference.checksums import SUMS, Sums, parse_checksums

log = logging.getLogger(__name__)

PREPROCESSING = "preprocessing.json"  # absent in archives of other tools
UNREADABLE = (  # exceptions that zipfile raises for a damaged archive
    zipfile.BadZipFile, zlib.error, struct.error, ValueError, EOFError, OSError, RuntimeError,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Archive:
    file: str
    model: str
    version: str
    aspects: bool = False  # the model reads each text with an aspect


def read_archive(path: Path) -> Archive:
    """Read model name and version from an archive's manifest, and whether the model reads aspects.

    Raises:
        ServingError: The archive is missing, truncated or malformed.
    """
    try:
        with zipfile.ZipFile(path) as zipped:
            model = json.loads(zipped.read("MAR-INF/MANIFEST.json"))["model"]
            own = json.loads(zipped.read(PREPROCESSING)) if PREPROCESSING in zipped.namelist() else {}
        return Archive(path.name, model["modelName"], model["modelVersion"], bool(own.get("aspects")))
    except FileNotFoundError as error:
        raise ServingError(f"{path} does not exist; make it with: sentiment package") from error
    except (*UNREADABLE, AttributeError, KeyError, TypeError) as error:
        raise ServingError(f"{path} is cut short or no archive ({error}); package the run again") from error


def check_archive(path: Path) -> None:
    """Verify every member of an archive against its CRC and, if present, SHA256SUMS.

    Archives made by other tools have no SHA256SUMS.

    Raises:
        ServingError: The archive is damaged, or a member would be unpacked outside its folder.
    """
    try:
        with zipfile.ZipFile(path) as zipped:
            sums = parse_checksums(zipped.read(SUMS)) if SUMS in zipped.namelist() else {}
            for info in zipped.infolist():
                check_member(zipped, info, sums)
            if missing := sorted(set(sums) - set(zipped.namelist())):
                raise ValueError(f"{missing[0]} is missing, but {SUMS} lists it")
    except UNREADABLE as error:
        raise ServingError(f"{path} is damaged ({error}); package the run again") from error


def check_member(zipped: zipfile.ZipFile, info: zipfile.ZipInfo, sums: Sums) -> None:
    """Verify one archive member.

    Raises:
        ValueError: The member has a wrong checksum, or would be unpacked outside its folder.
        zipfile.BadZipFile: The member's CRC does not match.
    """
    name = PurePosixPath(info.filename.replace("\\", "/"))
    if name.is_absolute() or ".." in name.parts or stat.S_ISLNK(info.external_attr >> 16):
        raise ValueError(f"{info.filename!r} would be written outside of its folder")
    digest = hashlib.sha256()
    with zipped.open(info) as member:
        while chunk := member.read(1 << 20):
            digest.update(chunk)
    if info.filename in sums and digest.hexdigest() not in sums[info.filename]:
        raise ValueError(f"{info.filename} is not the file that {SUMS} lists")


def archives(store: Path) -> list[Archive]:
    """List all archives of a store, without candidates. Raises ServingError for two of the same version."""
    found = [read_archive(path) for path in sorted(store.glob("*.mar")) if not path.name.startswith(".")]
    for i, one in enumerate(found):
        for other in found[:i]:
            if one.model == other.model and number(one.version) == number(other.version):
                raise ServingError(
                    f"{other.file} and {one.file} in {store} both hold version {one.version} of {one.model}; remove one"
                )
    return found


def archives_to_serve(store: Path, models: Sequence[str] | None = None) -> list[Archive]:
    """Return the archives of all or some models to serve; the first one of each model is its default version.

    With a rollout history: the default version and its predecessor. Without one: all versions, newest first.

    Raises:
        ServingError: A model has no archive, or an archive is damaged.
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
    for one in chosen:
        check_archive(store / one.file)
    return chosen


def history(store: Path, model: str) -> list[str]:
    path = record(store, model)
    if not path.is_file():
        return []
    try:
        versions = [str(version) for version in read_object(path)["versions"]]
        for version in versions:
            number(version)
    except (ValueError, KeyError, TypeError) as error:
        raise ServingError(
            f"{path} cannot be read: {error}; remove it, and the latest version is the default, or write into it "
            'which were in place, the present one last: {"versions": ["1.0", "2.0"]}'
        ) from error
    return versions


def settle_history(store: Path, model: str, present: str) -> list[str]:
    """Return the history up to the version that the server uses as default.

    Later entries come from a killed process: the store is written before the server is switched, so that a restart
    never serves an unrecorded version.
    """
    placed, known = history(store, model), {number(one.version) for one in archives(store) if one.model == model}
    while placed and number(placed[-1]) not in known:  # recorded, but its archive was never renamed
        placed.pop()
    numbers = [number(version) for version in placed]
    if number(present) in numbers:
        del placed[len(numbers) - numbers[::-1].index(number(present)) :]
    return placed


@contextmanager
def held(store: Path) -> Iterator[None]:
    """Lock the store for this process.

    Raises:
        ServingError: The folder does not exist, or another process holds the lock.
    """
    if not store.is_dir():
        raise ServingError(f"model_store={store}: no such folder; name the one that the server serves")
    with locked(store, busy=ServingError(f"another deployment is under way in {store}; let it end")):
        yield


def candidate_of(archive: Path) -> Path:
    """Return the path of a candidate's archive: hidden, so that TorchServe can register it but a restart skips it."""
    return archive.with_name(f".{archive.stem}.candidate.mar")


def candidates(store: Path) -> list[Path]:
    return sorted(path for path in store.iterdir() if CANDIDATE.fullmatch(path.name))


def tidy(store: Path) -> None:
    """Remove the leftovers of killed processes from a store, unless a deployment is running."""
    with suppress(ServingError, OSError), held(store):  # a store may be read-only
        sweep(store)
        for path in candidates(store):
            path.unlink()
            log.info("removed %s, which a deployment that was killed had left", path)


def remember(store: Path, model: str, versions: Sequence[str]) -> None:
    write_json(record(store, model), {"versions": list(versions)})


def put_in_place(store: Path, model: str, version: str, *, before: str | None) -> None:
    """Record `version` as the default for restarts; `before` starts the history if there is none."""
    placed = history(store, model) or ([before] if before else [])
    if not placed or number(placed[-1]) != number(version):
        remember(store, model, [*placed, version])


def forget(store: Path, model: str, version: str) -> None:
    """Remove a version from the history, if there is one, so that a restart does not serve it."""
    placed = history(store, model)
    if placed:
        remember(store, model, [one for one in placed if number(one) != number(version)])


def record(store: Path, model: str) -> Path:
    return store / f"{model}.versions.json"
