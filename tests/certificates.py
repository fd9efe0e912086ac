"""Certificates made for a test, as PEM files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

RSA = trustme.KeyType.RSA


class Authority:
    """An authority whose certificates an intermediate one signs, and the files it writes into `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = trustme.CA(key_type=RSA)
        self.signer = self.root.create_child_ca(key_type=RSA)
        self.file = folder / "ca.pem"
        self.root.cert_pem.write_to_path(self.file)

    def issue(self, *names: str, kind=RSA, days: float = 30, name: str = "server") -> tuple[Path, Path]:
        """Write NAME.pem, with the intermediate certificate after it, and NAME.key."""
        until = datetime.now(UTC) + timedelta(days=days)
        made = self.signer.issue_cert(*names, key_type=kind, not_after=until, not_before=until - timedelta(days=90))
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
        key.write_bytes(made.private_key_pem.bytes())
        key.chmod(0o600)
        return certificate, key


def rewritten(key: Path, target: Path, *, password: bytes | None = None) -> Path:
    """The same key as PKCS8, encrypted with a password if there is one."""
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    loaded = load_pem_private_key(key.read_bytes(), None)
    target.write_bytes(loaded.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return target
