"""The client over HTTPS: whom it trusts, and what it says of those it does not."""

import ssl
from pathlib import Path

import pytest

from sentiment.client import AsyncClient, Client, Management
from sentiment.errors import ClientError, ConfigError, UntrustedError
from tests.certificates import Authority
from tests.client.conftest import Server

PAUSES = (5.0,) * 4  # s; who is not trusted is not asked again


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def https(server, authority):
    """Let the scripted server show a certificate; its address over https."""

    def show(certificate: Path, key: Path) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # a client that hangs up
        return server.url.replace("http://", "https://")

    return show


def test_a_server_is_trusted_by_its_authority_and_by_its_own_certificate(https, authority):
    own, key = authority.issue("127.0.0.1")
    url = https(own, key)
    for file in (authority.file, own, str(own)):
        with Client(url=url, ca_file=file) as client:
            assert [one.label for one in client.predict(["a"])] == ["a"]


async def _predict(url, ca_file):
    async with AsyncClient(url=url, ca_file=ca_file, pauses=PAUSES) as client:
        return await client.predict(["a"])


def test_the_async_client_and_the_management_verify_too(https, authority, server):
    import asyncio

    url = https(*authority.issue("127.0.0.1"))
    assert [one.label for one in asyncio.run(_predict(url, authority.file))] == ["a"]
    with pytest.raises(UntrustedError):
        asyncio.run(_predict(url, None))
    server.script = [(200, {"models": [{"modelName": "sentiment"}]})]
    with Management(url=url, ca_file=authority.file) as management:
        assert management.models() == ["sentiment"]
    with Management(url=url, pauses=PAUSES) as management, pytest.raises(UntrustedError, match="ca_file=FILE"):
        management.models()


@pytest.mark.parametrize(
    ("names", "days", "ca", "reason"),
    [
        (
            ["127.0.0.1"],
            30,
            "another",
            "unable to get .*issuer certificate; name the file .* ca_file=",
        ),
        (["127.0.0.1"], 30, None, "certificate.*; name the file of the authority that signed it: ca_file=FILE"),
        (["127.0.0.1"], -1, "own", "certificate has expired; the server needs a new one"),
        (["127.0.0.1"], 120, "own", "certificate is not yet valid; compare the clocks"),
        (["serve.example"], 30, "own", "IP address mismatch.*; ask by a name that it holds, or set server_name=NAME"),
    ],
)
def test_a_certificate_that_is_refused_is_said_in_one_line_at_once(https, authority, tmp_path, names, days, ca, reason):
    url = https(*authority.issue(*names, days=days))
    file = {"own": authority.file, "another": Authority(tmp_path).file, None: None}[ca]
    with Client(url=url, ca_file=file, pauses=PAUSES) as client, pytest.raises(UntrustedError, match=reason) as caught:
        client.predict(["a"])
    assert "\n" not in str(caught.value)
    assert "_ssl.c" not in str(caught.value)


def test_another_name_can_be_asked_for(https, authority):
    url = https(*authority.issue("serve.example"))
    with Client(url=url, ca_file=authority.file, server_name="serve.example") as client:
        assert client.predict(["a"])
    with (
        Client(url=url, ca_file=authority.file, server_name="other.example", pauses=PAUSES) as client,
        pytest.raises(UntrustedError, match="Hostname mismatch.*other.example"),
    ):
        client.predict(["a"])


def test_https_to_a_server_without_it_says_so(server: Server):
    url = server.url.replace("http://", "https://")
    with Client(url=url, pauses=PAUSES) as client, pytest.raises(ClientError, match="speaks no TLS; write http://"):
        client.predict(["a"])


@pytest.mark.parametrize("kind", [Client, AsyncClient, Management])
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"ca_file": "none.pem"}, "ca_file=none.pem: no such file"),
        ({"ca_file": __file__}, "ca_file=.* holds no certificate in PEM form"),
        (
            {"url": "http://127.0.0.1:9", "ca_file": "a.pem"},
            "ca_file=a.pem with url=http.*over http nothing",
        ),
        ({"url": "http://127.0.0.1:9", "server_name": "a"}, "server_name=a with url=http://127.0.0.1:9: over http"),
    ],
)
def test_a_trust_that_cannot_be_used_is_refused(kind, options, reason):
    with pytest.raises(ConfigError, match=reason):
        kind(**{"url": "https://127.0.0.1:9", **options})
