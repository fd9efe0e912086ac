"""A server's certificate and key, tried before Java gets them: it would start without a word and answer nobody."""

import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sentiment.errors import ConfigError

KEY_BLOCK = re.compile(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----")
ANY_BLOCK = re.compile(r"-----BEGIN ")
CIPHERS = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA"  # TorchServe's two
DECRYPT = "openssl pkey -in KEY -out PLAIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files for all three APIs; both None: plain HTTP. The certificates of intermediate authorities follow it."""

    certificate: Path | None = None
    key: Path | None = None

    @property
    def on(self) -> bool:
        return self.certificate is not None or self.key is not None

    def check(self) -> "Identity | None":
        """Shake hands with these files in memory; ConfigError for what a client or TorchServe would refuse."""
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
    """The names that a certificate holds, and when it ends."""

    certificate: Path
    key: Path
    names: tuple[str, ...]
    expires: datetime

    @property
    def days_left(self) -> float:
        return (self.expires - datetime.now(UTC)).total_seconds() / 86_400

    @property
    def key_is_open(self) -> bool:
        """Whether every user of this machine may read the key."""
        return bool(self.key.stat().st_mode & 0o004)

    def server_name(self, host: str) -> str | None:
        """The name to hold the certificate to, for who asks at `host`; None where that is one of its own."""
        if host in self.names or not self.names:
            return None
        return self.names[0].replace("*", "serve", 1)


def check_key(path: Path) -> None:
    """ConfigError unless the file holds one RSA key that TorchServe reads: PEM, not encrypted, nothing else in it."""
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
    """Let a client that trusts the certificate itself shake hands with a server of TorchServe's ciphers."""
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
        side.maximum_version = ssl.TLSVersion.TLSv1_2  # TorchServe's only one
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
    """Return what the client is shown of the server's certificate."""
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
