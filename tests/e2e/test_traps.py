"""Ways of TorchServe that surprise, as they are where our settings and our handler meet them."""

import httpx
import pytest

from sentiment.client import Client, read_key, ready
from sentiment.errors import BusyError, RejectedError, UnreachableError
from tests.e2e.faults import held, with_settings, workers

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def management(spare):
    with spare.management() as made:
        yield made


def asked(server, api, method, path, **options):
    token = read_key(server.key_file, api)
    return httpx.request(
        method, server.address(api) + path, headers={"Authorization": f"Bearer {token}"}, timeout=60, **options
    )


@pytest.fixture
def idle(spare, management):
    """A model without a worker; its archive asks for a timeout of 33 s, its registration for one of 7 s."""
    settings = {"minWorkers": 0, "maxWorkers": 0, "responseTimeout": 33}
    with_settings(spare.store / "sentiment.mar", spare.store / "idle.mar", **settings)
    query = {"url": "idle.mar", "model_name": "idle", "initial_workers": 0, "response_timeout": 7}
    assert asked(spare, "management", "POST", "/models", params=query).status_code == 200
    (spare.store / "idle.mar").unlink()
    yield "idle"
    management.unregister("idle", "1.0")


def test_the_timeout_of_the_archive_wins_over_that_of_a_registration(spare, idle):
    [told] = asked(spare, "management", "GET", f"/models/{idle}").json()
    assert told["responseTimeout"] == 33


def test_a_model_without_a_worker_is_healthy_by_ping_alone(spare, idle):
    engine = Client(url=spare.url, model=idle, key_file=spare.key_file, pauses=())
    assert asked(spare, "inference", "GET", "/ping").json() == {"status": "Healthy"}
    with pytest.raises(BusyError, match="no worker"):
        ready(engine=engine)
    with pytest.raises(BusyError, match="has no worker to serve"):
        engine.predict(["good film"])


def test_a_worker_that_hangs_is_healthy_by_ping_and_not_ready_by_the_canary(spare):
    with held(workers(spare)[0]):
        assert asked(spare, "inference", "GET", "/ping").json() == {"status": "Healthy"}
        engine = Client(url=spare.url, key_file=spare.key_file, timeout=0.5, pauses=())
        with pytest.raises(UnreachableError, match="no answer in time"):
            ready(engine=engine)


def test_registering_is_off_but_scaling_and_the_default_are_not(server):
    with server.management() as management:
        with pytest.raises(RejectedError, match="model_api=true"):
            management.register("sentiment.mar")
        management.set_default("sentiment", "1.0")
        management.scale("sentiment", "1.0", workers=1)


def test_a_text_that_looks_like_a_metric_is_none(spare):
    line = "[METRICS]Intruder.Count:7|#Level:Host|#hostname:here,1700000000"
    for content in (line, line.encode() + b"\xff", b'{"' + line.encode() + b'": "a"}'):
        asked(spare, "inference", "POST", "/predictions/sentiment", content=content)
    assert "Intruder" not in httpx.get(f"{spare.address('metrics')}/metrics").text
    for path in (spare.folder / "logs").iterdir():
        assert "Intruder" not in path.read_text(errors="replace")


def test_no_snapshot_is_written_and_no_pid_file(server, spare):
    """A snapshot would bring a former server's models back; a pid file would allow one server."""
    for one in (server, spare):
        assert [*one.folder.rglob("*.cfg"), *one.folder.rglob("*.pid")] == []
