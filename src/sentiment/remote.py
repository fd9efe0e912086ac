"""Paths on other file systems: s3://, gs://, hf://, memory:// and whatever else fsspec opens.

A remote path has the methods of pathlib.Path, but is no os.PathLike: what needs a file of this machine gets a copy.
Object stores have no rename and no lock; an object becomes visible as a whole when its upload ends.
"""

import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, cast

from sentiment.errors import ConfigError, DataError, MissingPackageError, SentimentError, store_error, user_error

PROTOCOL = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
EXTRA = ("s3", "s3a")  # protocols of the extra `remote`; other packages are named by fsspec
ACCOUNT = ("abfs", "abfss", "sftp", "ssh")  # protocols whose address names a container or user before an @
SIGNED = re.compile(
    r"\?(?:\S*[&;])?[\w.-]*(?:signature|credential|token|key|secret|password|sig)[\w.-]*=", re.IGNORECASE
)
GLOB = re.compile(r"[*?\[]")
ONE_ATTEMPT = {"config_kwargs": {"retries": {"total_max_attempts": 1}}}  # of botocore, within each of s3fs
ROOM = "BERT_SENTIMENT_CACHE"  # environment variable: folder of downloaded runs
CHATTY = ("aiobotocore", "boto3", "botocore", "fsspec", "gcsfs", "s3fs", "urllib3")  # at DEBUG they log signed headers

log = logging.getLogger(__name__)


def as_path(value: str | Path) -> Path:
    """Return a Path, or for PROTOCOL://... other than file:// a path of universal_pathlib with the same methods.

    Raises:
        ConfigError: The protocol is unknown, or the address holds credentials, which would reach logs and summaries.
        MissingPackageError: The package of the protocol is not installed.
    """
    if not isinstance(value, str):
        return value
    found = PROTOCOL.fullmatch(value)
    if found is None:
        if store := re.match(r"(s3a?|gs|gcs|hf|abfss?|memory|https?):/", value, re.IGNORECASE):
            raise ConfigError(f"{value}: an address begins with {store[1]}://, with two slashes")
        return Path(value)
    protocol, (user, at, _) = found["protocol"].lower(), found["rest"].partition("/")[0].rpartition("@")
    if at and (":" in user or protocol not in ACCOUNT) or SIGNED.search(value):
        raise ConfigError(
            f"{protocol}://...: credentials in an address would stand in logs and summaries; set them "
            "as the store's own tools take them (AWS_PROFILE, GOOGLE_APPLICATION_CREDENTIALS, HF_TOKEN)"
        )
    if protocol in ("file", "local"):
        return Path(found["rest"])
    value = f"{protocol}://{found['rest']}"
    check_installed(protocol, value)
    from upath import UPath

    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    options: dict[str, Any] = {"use_listings_cache": False, **(ONE_ATTEMPT if protocol in EXTRA else {})}
    return cast(Path, UPath(value, **options))


def check_installed(protocol: str, value: str) -> None:
    """Raise ConfigError for a protocol that fsspec does not know, MissingPackageError if its package is missing."""
    try:
        import upath  # noqa: F401
        from fsspec import get_filesystem_class

        get_filesystem_class(protocol)
    except ImportError as error:
        if error.name in ("upath", "fsspec") or protocol in EXTRA:
            raise MissingPackageError(value, modules=["universal_pathlib", "s3fs"], extras=["remote"]) from error
        raise ConfigError(f"{value}: {str(error).rstrip('.')}") from error
    except ValueError as error:
        raise ConfigError(f"{value}: fsspec knows no {protocol}://; there are s3://, gs://, hf://") from error


def is_remote(path: Path) -> bool:
    return not isinstance(path, os.PathLike)


def same_file(path: Path, other: Path) -> bool:
    """Return True for two paths of one file that exists, or of one object; s3a:// and s3:// are one store."""
    if is_remote(path) and is_remote(other):
        return bool(file_system(path) == file_system(other)) and name(path) == name(other)
    if is_remote(path) or is_remote(other):
        return False
    return path.exists() and other.exists() and path.samefile(other)


def refuse(value: str | Path, key: str) -> None:
    """Raise ConfigError for an address where only a folder of this machine works."""
    if PROTOCOL.fullmatch(str(value).strip("'\"")):
        raise ConfigError(f"{key}={value}: this has to be a folder of this machine; copy it there, or from there")


@contextmanager
def access(path: Path) -> Iterator[None]:
    """Turn the errors of an object store for a remote `path` into a DataError of one line.

    Raises:
        DataError: There is no such object or bucket, access is denied, or the store cannot be reached.
    """
    if not is_remote(path):
        yield
        return
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file, folder or bucket") from error
    except PermissionError as error:
        raise DataError(f"{path}: access denied; check the credentials and the rights of this account") from error
    except SentimentError:
        raise
    except Exception as error:  # stores raise types of their own packages; a defect keeps its traceback
        here = isinstance(error, OSError) and not isinstance(error, (TimeoutError, ConnectionError))
        if (known := store_error(error) or (None if here else user_error(error))) is None:
            raise
        raise DataError(f"{path}: {known}") from error


def info(path: Path) -> dict[str, Any]:
    """Return what the store says of an object or folder; DataError if it is missing or out of reach."""
    with access(path):
        return dict(file_system(path).info(name(path)))


def is_folder(path: Path) -> bool:
    """Return True for a folder; DataError if a remote path is out of reach."""
    if not is_remote(path):
        return path.is_dir()
    with access(path):
        return path.is_dir()


def make_folder(path: Path) -> None:
    """Create a folder with its parents; object stores have no folders, and no bucket is created."""
    if not is_remote(path):
        path.mkdir(parents=True, exist_ok=True)


def list_files(folder: Path, pattern: str) -> list[Path]:
    """List the files of a folder whose names match a glob, sorted; DataError if a remote one is out of reach."""
    if not is_remote(folder):
        return sorted(folder.glob(pattern))
    with access(folder):
        try:
            listed = file_system(folder).ls(name(folder), detail=False)
        except FileNotFoundError:  # no object has been written below it
            return []
    found = (one.rstrip("/").rpartition("/")[2] for one in listed)
    return [folder / one for one in sorted(found) if fnmatchcase(one, pattern)]


def version(path: Path) -> str:
    """Return a token that changes with the content: of the ETag or the time of the last change."""
    return hashlib.sha256(repr(described(info(path))).encode()).hexdigest()


def described(about: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what a store says of an object, sorted by key."""
    return sorted((key, str(value)) for key, value in about.items())


def find(pattern: str) -> tuple[Path, ...]:
    """Return the object of this very name, or those that match the glob, sorted; empty if a glob matches none."""
    path = as_path(pattern)
    start = name(path)
    if not GLOB.search(start):
        info(path)
        return (path,)
    root = GLOB.split(start)[0].rpartition("/")[0]
    if not root:
        raise DataError(f"{path}: the bucket has to be named without *, ? or [")
    with access(path):
        if (fs := file_system(path)).isfile(start):
            return (path,)
        if "/" not in root.strip("/") and not fs.exists(root):
            raise FileNotFoundError(root)
        found = fs.glob(start, detail=True)
    return tuple(as_path(fs.unstrip_protocol(one)) for one, about in sorted(found.items()) if about["type"] == "file")


@contextmanager
def uploading(target: Path) -> Iterator[Path]:
    """Yield a temporary path of this machine, and upload it to `target` as one object if the block succeeds."""
    with tempfile.TemporaryDirectory(prefix="sentiment-") as folder:
        temporary = Path(folder) / target.name
        yield temporary
        with access(target):
            file_system(target).put_file(str(temporary), name(target))


def remove_files(listed: Sequence[Path]) -> None:
    """Remove files that may be missing; remote ones, all of one store, with one request where it can be."""
    if not listed or not is_remote(listed[0]):
        for path in listed:
            path.unlink(missing_ok=True)
        return
    fs, names = file_system(listed[0]), [name(path) for path in listed]
    with access(listed[0].parent):
        if len(names) > 1 and not any(GLOB.search(one) for one in names):  # fsspec takes a name with * for a glob
            fs.rm(names)
            return
        for one in names:
            with suppress(FileNotFoundError):
                fs.rm_file(one)


def local_copy(value: str | Path) -> Path:
    """Return a file or folder of this machine: a remote one is downloaded to the cache, once for each content.

    The checkpoints of a run, which only training reads, stay where they are.

    Raises:
        DataError: It is missing or out of reach.
    """
    path = as_path(value)
    if not is_remote(path):
        return path
    found = objects(path)
    state = hashlib.sha256(str(path).encode())
    for one, about in found.items():
        state.update(repr((one, about)).encode())
    target = cache_folder() / state.hexdigest()[:16] / (path.name or "bucket")
    if not target.exists():
        log.info("downloading %s to %s", path, target)
        cache_folder().mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=cache_folder()))
        try:
            download(path, found, scratch / target.name)
            if objects(path) != found:
                raise DataError(f"{path}: it was changed while it was downloaded; start again once it is complete")
            put_once(scratch / target.name, target)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return target


def objects(path: Path) -> dict[str, Any]:
    """Return what the store says of an object, or of each object below a folder, by its name from there.

    Raises:
        DataError: There is none, it is out of reach, or a name would lead out of the folder of a download.
    """
    fs, root = file_system(path), name(path).rstrip("/")
    with access(path):
        listed = {root: fs.info(root)} if fs.isfile(root) else fs.find(root, detail=True)
    found = {}
    for one, about in sorted(listed.items()):
        inner = one.removeprefix(root).lstrip("/")
        if ".." in inner.split("/"):
            raise DataError(f"{path}: the object {one!r} would be written outside of the folder; rename or remove it")
        if "checkpoints" not in inner.split("/") and not one.endswith("/") and about["type"] == "file":
            found[inner] = described(about)
    if not found:
        raise DataError(f"{path}: no such file, folder or bucket")
    return found


def download(path: Path, found: Iterable[str], target: Path) -> None:
    fs, root = file_system(path), name(path).rstrip("/")
    with access(path):
        for inner in found:
            own = target / inner
            own.parent.mkdir(parents=True, exist_ok=True)
            fs.get_file(f"{root}/{inner}".rstrip("/"), str(own))


def put_once(scratch: Path, target: Path) -> None:
    """Rename a complete download; another process may have been faster with the same one."""
    target.parent.mkdir(exist_ok=True)
    try:
        scratch.rename(target)
    except OSError:
        if not target.exists():
            raise


def cache_folder() -> Path:
    return Path(
        os.environ.get(ROOM) or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "bert-sentiment"
    ).expanduser()


def file_system(path: Path) -> Any:
    return cast(Any, path).fs


def name(path: Path) -> str:
    """Return the path inside its store, without the protocol."""
    return str(cast(Any, path).path)
