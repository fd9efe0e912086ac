"""Verification of the server's certificate, and one-line messages for TLS errors."""

import ssl
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx

from sentiment.errors import ConfigError, UntrustedError

EXPIRED, NOT_YET_VALID, HOST_MISMATCH, IP_MISMATCH = 10, 9, 62, 64  # OpenSSL's X509_V_ERR_... codes
NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")


def verification(url: str, ca_file: Path | str | None, server_name: str | None) -> ssl.SSLContext | bool:
    """Return httpx's `verify` for a server at `url`.

    Args:
        url: The server's address.
        ca_file: PEM file of the certificates to trust instead of the usual CAs; the server's own certificate is enough.
        server_name: The name that the certificate must hold, if it is not the host of `url`.

    Raises:
        ConfigError: The file cannot be read, or an option is given for an http URL.
    """
    given = [f"{key}={value}" for key, value in (("ca_file", ca_file), ("server_name", server_name)) if value]
    https = url.lower().startswith("https://")
    if given and not https:
        raise ConfigError(f"{' and '.join(given)} with url={url}: over http nothing is verified; write https://")
    return context(str(ca_file)) if ca_file else https


@lru_cache(maxsize=8)
def context(ca_file: str) -> ssl.SSLContext:
    try:
        made = ssl.create_default_context(cafile=ca_file)
    except FileNotFoundError as error:
        raise ConfigError(f"ca_file={ca_file}: no such file") from error
    except ssl.SSLError as error:
        raise ConfigError(f"ca_file={ca_file} holds no certificate in PEM form") from error
    except OSError as error:
        raise ConfigError(f"ca_file={ca_file} cannot be read: {error.strerror}") from error
    made.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # accept the server's own certificate as trust anchor
    return made


def extensions(server_name: str | None) -> dict[str, Any]:
    """Return httpx's request extension to verify the certificate against `server_name` instead of the URL's host."""
    return {"sni_hostname": server_name} if server_name else {}


def untrusted_error(error: httpx.TransportError, url: str) -> UntrustedError | None:
    """Return a one-line error if a TLS error caused `error`, else None; retrying would not help."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is None:
        return None
    if isinstance(cause, ssl.SSLCertVerificationError):
        fix = {
            EXPIRED: "the server needs a new one",
            NOT_YET_VALID: "compare the clocks of both machines",
            HOST_MISMATCH: "ask by a name that it holds, or set server_name=NAME",
            IP_MISMATCH: "ask by a name that it holds, or set server_name=NAME",
        }.get(cause.verify_code, "name the file of the authority that signed it: ca_file=FILE")
        return UntrustedError(f"{url}: the server's certificate is refused: {cause.verify_message}; {fix}")
    if cause.reason in NO_TLS:
        return UntrustedError(f"{url}: the server speaks no TLS; write http://")
    return UntrustedError(f"{url}: TLS failed: {cause.reason or cause}")
