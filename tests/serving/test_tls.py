"""A certificate and a key that TorchServe could not use are refused before it starts."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from sentiment.errors import ConfigError
from sentiment.serving.serve import warn
from sentiment.serving.settings import Settings
from sentiment.serving.tls import Tls
from tests.certificates import Authority, rewritten


def started(tls):
    return SimpleNamespace(settings=Settings(model_store=Path(), work_dir=Path()), exposures=[], identity=tls.check())


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority):
    return authority.issue("127.0.0.1", "serve.example")


def test_a_pair_that_fits_tells_its_names_and_its_end(pair):
    own = Tls(certificate=pair[0], key=pair[1]).check()
    assert own.names == ("127.0.0.1", "serve.example") or set(own.names) == {"127.0.0.1", "serve.example"}
    assert 29 < own.days_left < 31
    assert own.server_name("127.0.0.1") is None
    assert own.server_name("10.0.0.1") in own.names
    assert not own.key_is_open
    pair[1].chmod(0o644)
    assert own.key_is_open
    pair[1].chmod(0o600)


def test_pkcs8_is_taken_too(pair, tmp_path):
    assert Tls(certificate=pair[0], key=rewritten(pair[1], tmp_path / "key")).check().names


def test_without_files_there_is_no_tls():
    assert Tls().check() is None


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("one alone", "tls.certificate is set and tls.key is not; HTTPS needs both"),
        ("key alone", "tls.key is set and tls.certificate is not; HTTPS needs both"),
        ("no certificate", "tls.certificate=.*none.pem: No such file or directory"),
        ("no key", "tls.key=.*none.key: No such file or directory"),
        ("text", "tls.certificate=.*text holds no certificate in PEM form"),
        ("text as key", "tls.key=.*text holds no private key in PEM form"),
        ("encrypted", "tls.key=.*encrypted is encrypted, which TorchServe cannot read; decrypt it with: openssl"),
        ("another key", "tls.key=.*other.key is not the key of tls.certificate=.*server.pem"),
        ("elliptic", "tls.key=.*elliptic.key is .* key: TorchServe's ciphers need RSA"),
        ("both in one", "tls.key=.*both holds more than a private key"),
        ("expired", "tls.certificate=.*expired.pem: certificate has expired; every client refuses it"),
        ("not yet", "tls.certificate=.*later.pem: certificate is not yet valid"),
    ],
)
def test_what_no_client_could_use_is_refused_with_its_key(authority, pair, tmp_path, case, reason):
    certificate, key = pair
    (tmp_path / "text").write_text("a letter")
    (tmp_path / "both").write_bytes(key.read_bytes() + certificate.read_bytes())
    given = {
        "one alone": lambda: (certificate, None),
        "key alone": lambda: (None, key),
        "no certificate": lambda: (tmp_path / "none.pem", key),
        "no key": lambda: (certificate, tmp_path / "none.key"),
        "text": lambda: (tmp_path / "text", key),
        "text as key": lambda: (certificate, tmp_path / "text"),
        "encrypted": lambda: (certificate, rewritten(key, tmp_path / "encrypted", password=b"word")),
        "another key": lambda: (certificate, authority.issue("other.example", name="other")[1]),
        "elliptic": lambda: authority.issue("127.0.0.1", kind=trustme.KeyType.ECDSA, name="elliptic"),
        "both in one": lambda: (certificate, tmp_path / "both"),
        "expired": lambda: authority.issue("127.0.0.1", days=-1, name="expired"),
        "not yet": lambda: authority.issue("127.0.0.1", days=120, name="later"),
    }[case]()
    with pytest.raises(ConfigError, match=reason) as caught:
        Tls(certificate=given[0], key=given[1]).check()
    assert "\n" not in str(caught.value)


def test_a_key_open_to_all_and_a_certificate_that_soon_ends_are_said_at_the_start(authority, caplog):
    certificate, key = authority.issue("127.0.0.1", days=9, name="soon")
    key.chmod(0o644)
    warn(started(Tls(certificate=certificate, key=key)))
    messages = [record.getMessage() for record in caplog.records]
    assert messages[0] == f"tls.key={key} can be read by every user of this machine; chmod 600 it"
    assert messages[1].startswith(f"tls.certificate={certificate} ends on 20")
    key.chmod(0o600)
    caplog.clear()
    certificate, key = authority.issue("127.0.0.1", name="later")
    warn(started(Tls(certificate=certificate, key=key)))
    assert caplog.records == []
