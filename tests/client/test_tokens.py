"""Which token is sent, and what happens where it is refused, old, or not to be read."""

import json
import os
from contextlib import contextmanager

import pytest

from sentiment.client import Client, Management, read_key
from sentiment.errors import UnauthorizedError

NOBODY = 65534


def client(server, **options):
    return Client(**{"url": server.url, "key_file": server.key_file, "pauses": (0.0, 0.0), **options})


def asked(server):
    return [(path, headers.get("Authorization")) for path, headers, _ in server.seen]


def test_the_token_comes_from_the_key_file(server):
    server.token = "secret"
    server.write_keys()
    with client(server) as c:
        c.predict(["a"])
    assert asked(server) == [("/predictions/sentiment", "Bearer secret")]
    assert read_key(server.key_file, "API") == "maker"


def test_without_a_key_file_no_token_is_sent(server):
    with client(server) as c:
        c.predict(["a"])
    assert asked(server) == [("/predictions/sentiment", None)]


def test_a_renewed_token_is_read_again(server):
    server.token = "first"
    server.write_keys()
    with client(server) as c:
        c.predict(["a"])
        server.token = "second"
        server.events = {3: server.write_keys}  # the file comes a moment after the token
        assert [p.label for p in c.predict(["b"])] == ["b"]
    assert [token for _, token in asked(server)][-1] == "Bearer second"


def test_the_key_file_of_a_server_that_has_just_started_is_waited_for(server):
    server.token = "new"  # which it asks for before its key file is there
    server.events = {1: server.write_keys}
    with client(server) as c:
        assert [p.label for p in c.predict(["a"])] == ["a"]
    assert [token for _, token in asked(server)][0] is None


def test_a_refused_api_key_that_stays_is_given_up_and_a_token_that_is_renewed_only_after_the_last_pause(server):
    server.token = "right"
    server.key_file.write_text("wrong")
    with client(server, management_url=server.url, pauses=(0.0,) * 9) as c:
        with pytest.raises(UnauthorizedError, match="failed"):
            c.predict(["a"])
        assert asked(server) == [("/predictions/sentiment", "Bearer wrong")] * 3
        server.write_keys(token="wrong")
        with pytest.raises(UnauthorizedError, match="failed"):
            c.predict(["a"])
    assert asked(server)[3:] == [("/predictions/sentiment", "Bearer wrong")] * 10


def test_a_key_file_that_torchserve_writes_a_second_after_the_token_is_waited_for(server, monkeypatch):
    server.token = "first"
    server.write_keys()
    server.token = "second"
    waited = []
    with Client(url=server.url, key_file=server.key_file) as c:  # the pauses that users have
        monkeypatch.setattr("time.sleep", lambda seconds: advance(server, waited, seconds))
        assert [p.label for p in c.predict(["b"])] == ["b"]
        waited.clear()
        server.key_file.write_text("")
        assert [p.label for p in c.predict(["b"])] == ["b"]


def advance(server, waited, seconds):
    """Let time pass; TorchServe writes the file once as much of it is over as it takes on a busy machine."""
    waited.append(seconds)
    if sum(waited) >= 0.6:
        server.write_keys()


def test_an_expired_token_is_renewed_where_the_management_api_is_known(server):
    server.token = "other"
    server.write_keys(token="expired", minutes=-1)
    with client(server, management_url=server.url) as c:
        assert [p.label for p in c.predict(["a"])] == ["a"]
    assert asked(server) == [
        ("/predictions/sentiment", "Bearer expired"),
        ("/token?type=inference", "Bearer maker"),
        ("/predictions/sentiment", f"Bearer {server.token}"),
    ]


def test_an_expired_token_is_the_reason_where_nobody_renews_it(server):
    server.token = "other"
    server.write_keys(token="expired", minutes=-1)
    with client(server) as c, pytest.raises(UnauthorizedError, match="Token Authorization failed"):
        c.predict(["a"])


def test_a_renewal_that_fails_is_an_attempt_after_which_the_key_file_is_read_again(server):
    server.token = "other"
    server.write_keys(token="expired", minutes=-1)
    server.events = {2: server.write_keys}  # another process has renewed it
    with client(server, management_url="http://127.0.0.1:1") as c:
        assert [p.label for p in c.predict(["a"])] == ["a"]
    assert asked(server) == [("/predictions/sentiment", f"Bearer {token}") for token in ("expired", "expired", "other")]


def test_the_management_client_renews_its_own(server):
    server.token = "other"
    server.write_keys(token="expired", minutes=-1)
    server.script += [
        (400, {"code": 400, "type": "InvalidKeyException", "message": "expired"}),
        (200, {"models": [{"modelName": "sentiment"}]}),
    ]
    with Management(url=server.url, key_file=server.key_file, pauses=(0.0,)) as management:
        assert management.models() == ["sentiment"]
    assert asked(server)[1] == ("/token?type=management", "Bearer maker")


def test_a_file_that_is_just_being_written_is_read_again(server, monkeypatch):
    server.key_file.write_text("")
    server.token = "secret"
    monkeypatch.setattr("time.sleep", lambda seconds: server.write_keys())
    assert read_key(server.key_file, "inference") == "secret"


def test_a_broken_key_file_is_said(server):
    for content in ("{}", '{"inference": "text"}', "["):
        server.key_file.write_text(content)
        with (
            client(server) as c,
            pytest.raises(UnauthorizedError, match="neither TorchServe's key file nor one line with an API key"),
        ):
            c.predict(["a"])


def test_a_key_file_may_hold_one_api_key(server):
    server.token = "0123abcd"
    server.key_file.write_text("0123abcd\r\n")
    with client(server) as c:
        assert c.predict(["a"])
    assert read_key(server.key_file, "management") == "0123abcd"


@pytest.mark.parametrize("key", ["sec ret", "secret\n", "s\u00e9cret", ""])
def test_a_key_that_no_header_can_carry_is_not_shown(server, key):
    server.key_file.write_text(json.dumps({"inference": {"key": key}}))
    with client(server) as c, pytest.raises(UnauthorizedError, match="neither TorchServe's key file nor") as caught:
        c.predict(["a"])
    assert not key or key.strip() not in str(caught.value)


@contextmanager
def without_root():
    """Let go of root's rights, which open every file."""
    user = os.geteuid()
    os.seteuid(user or NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_key_file_of_another_user_is_said(server):
    server.token = "secret"
    server.write_keys()
    server.key_file.chmod(0)
    with without_root(), pytest.raises(UnauthorizedError, match="cannot be read by this user"):
        read_key(server.key_file, "inference")
