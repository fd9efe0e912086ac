"""Settings that let strangers in are refused, or said so that nobody misses it."""

from pathlib import Path

import pytest

from sentiment.errors import ConfigError
from sentiment.serving.exposure import advice, banner, check_exposure, check_hosts, exposures
from sentiment.serving.settings import Settings
from sentiment.serving.tls import Tls

TLS = Tls(certificate=Path("a.pem"), key=Path("a.key"))


def settings(**given):
    return Settings(model_store=Path("store"), work_dir=Path("folder"), **given)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.8.0.1"])
def test_on_this_machine_alone_all_is_allowed(host):
    assert check_exposure(settings(host=host, management_host=host, token_auth=False)) == []


@pytest.mark.parametrize(
    "given",
    [
        {"host": "0.0.0.0", "metrics_host": "0.0.0.0"},  # the image
        {"host": "0.0.0.0", "management_host": "0.0.0.0", "tls": TLS},
    ],
)
def test_a_server_that_asks_for_tokens_may_be_open(given):
    assert check_exposure(settings(**given)) == []


def test_what_an_open_server_lacks_for_strangers_is_said():
    assert advice(settings()) is None
    assert "services of your own: the inference key and the texts cross" in advice(settings(host="0.0.0.0"))
    told = advice(settings(host="0.0.0.0", tls=TLS))
    assert "in the clear" not in told
    assert told.endswith("before strangers put the proxy of deploy/proxy")


@pytest.mark.parametrize(
    ("given", "what"),
    [
        (
            {"host": "0.0.0.0", "token_auth": False},
            "token_auth=false with host=0.0.0.0: anyone who reaches it is answered",
        ),
        ({"host": "", "token_auth": False}, "token_auth=false with host=: anyone"),
        ({"host": "192.0.2.1", "token_auth": False, "tls": TLS}, "token_auth=false with host=192.0.2.1: anyone"),
        (
            {"management_host": "0.0.0.0", "token_auth": False},
            "management_host=0.0.0.0: anyone .* can unregister, scale",
        ),
        ({"management_host": "0.0.0.0"}, "management_host=0.0.0.0 without tls: the tokens .* in the clear"),
    ],
)
def test_what_lets_strangers_in_needs_a_word(given, what):
    with pytest.raises(ConfigError, match=f"{what}.*; keep tokens on .*, or say insecure=true"):
        check_exposure(settings(**given))
    found = check_exposure(settings(**given, insecure=True))
    assert found == exposures(settings(**given))
    lines = banner(found)
    assert len(lines) >= 4
    assert "INSECURE" in lines[1]


def test_a_word_that_permits_nothing_is_refused():
    with pytest.raises(ConfigError, match="insecure=true permits nothing here"):
        check_exposure(settings(insecure=True))


@pytest.mark.parametrize("key", ["host", "management_host", "metrics_host"])
@pytest.mark.parametrize("host", ["::", "::1", "[::1]"])
def test_addresses_that_torchserve_cannot_take_are_refused(key, host):
    with pytest.raises(ConfigError, match=rf"{key}=.*: TorchServe takes no IPv6 address; 0.0.0.0 listens on those too"):
        check_hosts(settings(**{key: host}))


def test_a_host_that_is_none_is_said():
    with pytest.raises(ConfigError, match="host=no.such.host.invalid: no such host here"):
        exposures(settings(host="no.such.host.invalid"))
