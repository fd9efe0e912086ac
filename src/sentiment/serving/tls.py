"""Validation of the server's TLS certificate and key: with bad files Java starts silently and answers no request."""

import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiment.errors import ConfigError

KEY_BLOCK = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----")
ANY_BLOCK = re.compile(r"-----BEGIN ")
CIPHERS = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA"  # the two cipher suites that TorchServe enables
DECRYPT = "openssl pkey -in KEY -out PLAIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files for the HTTPS of all three APIs; plain HTTP if both are None.

    The certificate file holds the intermediate CA certificates after the server's own.
    """

    certificate: Path | None = None
    key: Path | None = None

    @property
    def on(self) -> bool:
        return self.certificate is not None or self.key is not None

    def check(self) -> "Identity | None":
        """Validate the files with an in-memory TLS handshake; None for plain HTTP.

        Raises:
            ConfigError: A client or TorchServe would reject the files.
        """
        if not self.on:
            return None
        if self.certificate is None or self.key is None:
            given, missing = ("key", "certificate") if self.certificate is None else ("certificate", "key")
            raise ConfigError(f"tls.{given} is set and tls.{missing} is not; HTTPS needs both")
        certificate, key = Path(self.certificate).absolute(), Path(self.key).absolute()
        check_key(key)
        return identity(certificate, key)


PLAIN = Tls()


@dataclass(frozen=True, slots=True)
class Identity:
    """A server certificate's subject names and expiry."""

    certificate: Path
    key: Path
    names: tuple[str, ...]
    expires: datetime

    @property
    def days_left(self) -> float:
        return (self.expires - datetime.now(UTC)).total_seconds() / 86_400

    @property
    def key_is_open(self) -> bool:
        """True if every user of this machine may read the key."""
        return bool(self.key.stat().st_mode & 0o004)

    def server_name(self, host: str) -> str | None:
        """Return the name to verify the certificate against for clients of `host`; None if it names `host` itself."""
        if host in self.names or not self.names:
            return None
        return self.names[0].replace("*", "serve", 1)


def check_key(path: Path) -> None:
    """Check that the file holds one unencrypted RSA key in PEM form and nothing else, as TorchServe requires.

    Raises:
        ConfigError: It does not.
    """
    text = read(path, "tls.key")
    kinds = KEY_BLOCK.findall(text)
    if not kinds:
        raise ConfigError(f"tls.key={path} holds no private key in PEM form")
    if "ENCRYPTED" in text:
        raise ConfigError(f"tls.key={path} is encrypted, which TorchServe cannot read; decrypt it with: {DECRYPT}")
    if len(ANY_BLOCK.findall(text)) > 1 or text.strip()[:11] != "-----BEGIN ":
        raise ConfigError(f"tls.key={path} holds more than a private key; TorchServe needs a file with nothing else")
    if kinds[0].strip() not in ("", "RSA"):
        raise not_rsa(path, kinds[0].strip())


def not_rsa(path: Path, kind: str = "another kind of") -> ConfigError:
    return ConfigError(
        f"tls.key={path} is {kind} key: TorchServe's ciphers need RSA; use an RSA key, or a proxy for TLS"
    )


def identity(certificate: Path, key: Path) -> Identity:
    """Read names and expiry of a certificate, after a test handshake with TorchServe's TLS version and ciphers.

    The client trusts the certificate itself, so no CA is needed.

    Raises:
        ConfigError: The files cannot be read, do not match, or fail the handshake.
    """
    read(certificate, "tls.certificate")
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        client.load_verify_locations(cafile=certificate)
    except ssl.SSLError as error:
        raise ConfigError(f"tls.certificate={certificate} holds no certificate in PEM form") from error
    try:
        server.load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        reason = "is not the key of" if error.reason == "KEY_VALUES_MISMATCH" else "cannot be read with"
        raise ConfigError(f"tls.key={key} {reason} tls.certificate={certificate}") from error
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.verify_flags &= ~ssl.VERIFY_X509_STRICT
    for side in (server, client):
        side.maximum_version = ssl.TLSVersion.TLSv1_2  # the only version that TorchServe enables
        side.set_ciphers(CIPHERS)
    try:
        shown = handshake(server, client)
    except ssl.SSLCertVerificationError as error:
        raise ConfigError(f"tls.certificate={certificate}: {error.verify_message}; every client refuses it") from error
    except ssl.SSLError as error:
        raise not_rsa(key) from error
    names = tuple(str(value) for _, value in shown.get("subjectAltName", ()))
    expires = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown["notAfter"])), UTC)
    return Identity(certificate, key, names, expires)


def handshake(server: ssl.SSLContext, client: ssl.SSLContext) -> dict[str, Any]:
    """Run a TLS handshake in memory and return the certificate that the client receives."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = [
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    open_sides = list(sides)
    while open_sides:
        for side in list(open_sides):
            try:
                side.do_handshake()
                open_sides.remove(side)
            except ssl.SSLWantReadError:
                continue
    return dict(sides[0].getpeercert() or {})


def read(path: Path, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(f"{key}={path}: {error.strerror}") from error
