"""Addresses of object stores as paths."""

import logging
import os
import re
from pathlib import Path
from typing import Any, cast

from sentiment.errors import ConfigError, MissingPackageError

PROTOCOL = re.compile(r"(?P<protocol>[A-Za-z][A-Za-z0-9+.-]+)://(?P<rest>.*)", re.DOTALL)
EXTRA = ("s3", "s3a")  # protocols of the extra `remote`; other packages are named by fsspec
ACCOUNT = ("abfs", "abfss", "sftp", "ssh")  # protocols whose address names a container or user before an @
SIGNED = re.compile(
    r"\?(?:\S*[&;])?[\w.-]*(?:signature|credential|token|key|secret|password|sig)[\w.-]*=", re.IGNORECASE
)
ONE_ATTEMPT = {"config_kwargs": {"retries": {"total_max_attempts": 1}}}  # of botocore, within each of s3fs
CHATTY = ("aiobotocore", "boto3", "botocore", "fsspec", "gcsfs", "s3fs", "urllib3")  # at DEBUG they log signed headers


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
    """Raise ConfigError for an address where only a place of this machine works."""
    if PROTOCOL.fullmatch(str(value).strip("'\"")):
        raise ConfigError(f"{key}={value}: this has to be a place of this machine; copy it there, or from there")


def file_system(path: Path) -> Any:
    return cast(Any, path).fs


def name(path: Path) -> str:
    """Return the path inside its store, without the protocol."""
    return str(cast(Any, path).path)
