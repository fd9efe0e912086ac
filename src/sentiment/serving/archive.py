"""Reproducible TorchServe archives (.mar) of exported runs: the same run gives the same bytes."""

import json
import logging
import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import yaml
from annotated_types import Ge, Gt, Le

from sentiment.config.resources import PACKAGE, bundled
from sentiment.errors import ConfigError
from sentiment.files import read_json, replacing, scratch_folder, write_json
from sentiment.inference.abstention import Abstention, level_of
from sentiment.inference.checksums import SUMS, verify_export, write_checksums
from sentiment.inference.exits import check_exits
from sentiment.inference.export_dir import PREPROCESSING, export_folder, read_preprocessing, warn_if_unfinished
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.tasks import decoding_of
from sentiment.remote import check_folder, local_copy
from sentiment.run_dir import read_result
from sentiment.worker.admission import MAX_SECONDS

log = logging.getLogger(__name__)

RESULTS = ("metrics.json", "intervals.json")  # files of the run that the served model reports
HANDLER = "handlers/sentiment_handler.py"
CARRIED = (
    "__init__.py",
    "errors.py",
    "shell.py",
    "files",
    "remote",
    "inference",
    "protocol",
    "worker",
)  # the handler imports these
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest timestamp zip supports; every member gets it
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
VERSION = re.compile(r"(?!0+(\.0+)?$)\d+(\.\d+)?")  # TorchServe keeps it as a number above 0


def package(
    *,
    run: Path,
    model_store: Path,
    name: str = "sentiment",
    version: str | float = "1.0",
    batch_size: Annotated[int, Ge(1)] = 64,
    max_batch_delay: Annotated[int, Ge(1)] = 1,
    workers: Annotated[int, Ge(1)] = 1,
    response_timeout: Annotated[int, Ge(1)] = 120,
    max_seconds: Annotated[float, Gt(0)] = MAX_SECONDS,
    window_step: Annotated[int, Ge(0)] | None = None,
    max_error: Annotated[float, Gt(0), Le(1)] | None = None,
    default_aspect: str | None = None,
    exits: bool | None = None,
    overwrite: bool = True,
    file: str | None = None,
) -> Path:
    """Write the TorchServe archive `model_store`/`name`.mar of a run directory or of its export folder.

    Args:
        run: The run directory, or its export folder.
        model_store: The model store, the folder that the archive is written to.
        name: The model's name in TorchServe.
        version: The model's version, a number above 0.
        batch_size: The most requests that TorchServe puts into one batch.
        max_batch_delay: Time that TorchServe waits for a batch to fill, in milliseconds; it takes 0 for 100.
        workers: Worker processes of the model.
        response_timeout: Seconds after which TorchServe kills a worker that has not answered.
        max_seconds: Compute budget of one worker call, in seconds. Requests over it are answered 413 or 503.
        window_step: Replaces the run's own window stride.
        max_error: Error rate that the answers given keep, as promised on validation; the other texts are left to a
            person.
        default_aspect: Replaces the run's own aspect of a text without one.
        exits: False computes all layers for every text, True demands early exits.
        overwrite: Replace an existing archive.
        file: File name without its suffix; default: `name`.

    Returns:
        The path of the archive.

    Raises:
        ConfigError: An option is invalid or does nothing, or the archive exists and `overwrite` is false.
    """
    warn_if_unfinished(copy := local_copy(run))
    export = export_folder(copy)
    if not NAME.fullmatch(name):
        raise ConfigError(f"name={name!r}: use letters, digits, '.', '_' and '-', starting with a letter or digit")
    if file is not None and (not NAME.fullmatch(file.removeprefix(".")) or file.endswith(".mar")):
        raise ConfigError(f"file={file!r}: expected a name of letters, digits, '.', '_' and '-', without .mar")
    version = check_version(version)
    if max_seconds > response_timeout / 2:
        told = f"max_seconds={max_seconds:g}: TorchServe kills a worker after response_timeout={response_timeout} s"
        raise ConfigError(f"{told}; choose at most half of it")
    check_folder(Path(model_store), f"model_store={model_store}")
    target = Path(model_store) / f"{file or name}.mar"
    if target.exists() and not overwrite:
        raise ConfigError(f"{target} exists; choose another name or set overwrite=true")
    settings = {
        "minWorkers": workers,
        "maxWorkers": workers,
        "batchSize": batch_size,
        "maxBatchDelay": max_batch_delay,
        "responseTimeout": response_timeout,
        "maxSeconds": float(max_seconds),  # read by the handler, not by TorchServe
    }
    if (export / SUMS).is_file():
        verify_export(export)
    else:
        Predictor.load(export)  # exports of earlier releases have no checksums: loading is the only check
    changes: dict[str, Any] = {"window_step": window_step, "max_error": max_error, "default_aspect": default_aspect}
    preprocessing = read_preprocessing(export, exits=exits, **changes)
    kind = decoding_of(preprocessing.task).kind
    if exits:
        check_exits(export, preprocessing.runtime, kind=kind)
    if preprocessing.max_error < 1:
        level_of(Abstention.read(export), preprocessing.max_error, kind=kind)
    with scratch_folder(target) as scratch:  # not in /tmp, where the leftovers of a killed process would stay
        members = archive(export, preprocessing, scratch, name=name, version=version, settings=settings)
        write_zip(members, target)
    log.info("packaged %s as %s (%.1f MB)", export, target, target.stat().st_size / 1e6)
    if file is None:  # a deployment's lies in the store of a server that runs
        log.info("serve it with: sentiment serve model_store=%s", model_store)
    return target


def check_version(version: str | float) -> str:
    """Return the version as text (2.0 on a command line is parsed as a number).

    Raises:
        ConfigError: TorchServe would not accept the version.
    """
    if not VERSION.fullmatch(str(version)):
        raise ConfigError(f"version={version!r}: expected a number above 0, such as 1.0")
    if longer := re.fullmatch(r"(\d+\.\d*[1-9])0+", str(version)):
        raise ConfigError(
            f"version={version}: TorchServe compares versions as numbers, so that this one is {longer[1]}; give that, "
            "or another number"
        )
    return str(version)


def archive(
    export: Path, preprocessing: Preprocessing, scratch: Path, *, name: str, version: str, settings: dict[str, Any]
) -> Path:
    """Lay out the archive as a plain folder with torch-model-archiver, and return that folder."""
    from model_archiver.model_archiver_config import ModelArchiverConfig
    from model_archiver.model_packaging import generate_model_archive

    extra = scratch / "extra"
    shared = extra / "sentiment"
    shared.mkdir(parents=True)
    for part in CARRIED:
        copy_part(PACKAGE / part, shared / part)
    for file in sorted(export.iterdir()):
        if file.is_file() and file.name not in ("model.safetensors", "README.md", SUMS):
            shutil.copyfile(file, extra / file.name)
    if preprocessing != read_preprocessing(export):
        write_json(extra / PREPROCESSING, preprocessing.to_json())
    for file_name in RESULTS if export.name == "export" else ():  # the served model reports them
        if (result := export.parent / file_name).is_file():
            read_result(export.parent, file_name)
            shutil.copyfile(result, extra / result.name)
    config = scratch / "model-config.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    out = scratch / "out"
    out.mkdir()
    with archiver_room(scratch / "tmp"):  # the archiver deletes <tempdir>/<name> before it begins
        generate_model_archive(
            ModelArchiverConfig(
                model_name=name,
                version=version,
                handler=str(bundled(HANDLER)),
                serialized_file=str(export / "model.safetensors"),
                extra_files=str(extra),
                config_file=str(config),
                export_path=str(out),
                archive_format="no-archive",
                runtime="python",
                force=True,
            )
        )
    manifest = out / name / "MAR-INF" / "MANIFEST.json"
    content = read_json(manifest)
    content["createdOn"] = "01/01/1980 00:00:00"  # a real timestamp would make every build differ
    manifest.write_text(json.dumps(content, indent=2, sort_keys=True), encoding="utf-8")
    members = (path.relative_to(out / name) for path in (out / name).rglob("*") if path.is_file())
    write_checksums(out / name, sorted(path.as_posix() for path in members))
    return out / name


def write_zip(folder: Path, target: Path) -> None:
    """Write all files of `folder` to a reproducible zip: sorted, with fixed times and modes.

    Members are stored uncompressed, since weights hardly compress.
    """
    with replacing(target) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as zipped:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            info = zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH)
            info.external_attr = 0o644 << 16
            with path.open("rb") as source, zipped.open(info, "w") as member:
                shutil.copyfileobj(source, member, 1 << 20)


def copy_part(source: Path, target: Path) -> None:
    """Copy a module, or a package without its `__pycache__`."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


@contextmanager
def archiver_room(folder: Path) -> Iterator[None]:
    """Redirect Python's temporary directory to `folder` and silence the archiver's log within the block."""
    folder.mkdir()
    before = tempfile.tempdir
    tempfile.tempdir = os.fspath(folder)
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)
        tempfile.tempdir = before
