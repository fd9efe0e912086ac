"""What goes wrong in operation, done to the real server: no row is lost, and every error says what it is."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from sentiment.client import Client, read_key
from sentiment.errors import ClientError, NotFoundError, ServingError
from tests.e2e.conftest import on_free_ports
from tests.e2e.faults import Recorded, held, ready, same, wait_for, with_settings, workers

pytestmark = pytest.mark.e2e

TEXTS = [f"{'good' if i % 3 else 'bad'} {word} {i}" for i in range(60) for word in ("film", "meal", "phone", "trip")]
SETTLED = 0.5  # s in which TorchServe passes on what it was sent


@pytest.fixture(autouse=True)
def whole(spare):
    """Each test finds the server as it was."""
    ready(spare)


@pytest.fixture(scope="module")
def management(spare):
    with spare.management() as made:
        yield made


def client(server, model="sentiment", **options):
    return Client(url=server.url, model=model, key_file=server.key_file, **options)


def test_a_worker_killed_under_load_costs_no_row(spare, tiny_local):
    [worker], seen = workers(spare), Recorded(pause_after=8)
    parts = [TEXTS[i::8] for i in range(8)]
    with client(spare, batch_size=5, transport=seen) as asking, ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(asking.predict, part) for part in parts]
        wait_for(lambda: seen.seen[200] >= 8)
        with held(worker):
            before = seen.sent
            seen.go_on.set()
            wait_for(lambda: seen.sent > before)
            time.sleep(SETTLED)
            worker.kill()
        got = [answer.result() for answer in answers]
    assert all(same(found, tiny_local.predict(part)) for found, part in zip(got, parts, strict=True))
    assert workers(spare) != [worker]
    assert seen.seen[500] + seen.seen[507] > 0  # TorchServe said so, and the client asked again


@pytest.fixture(scope="module")
def narrow(spare, management):
    """A model that one request waits for, one at a time; the next ones find the queue full."""
    with_settings(spare.store / "sentiment.mar", spare.store / "narrow.mar", jobQueueSize=1, batchSize=1)
    query = {"url": "narrow.mar", "model_name": "narrow", "initial_workers": 1, "synchronous": "true"}
    key = read_key(spare.key_file, "management")
    answer = httpx.post(
        f"{spare.address('management')}/models",
        params=query, headers={"Authorization": f"Bearer {key}"}, timeout=120,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    yield "narrow"
    management.unregister("narrow", "1.0")
    (spare.store / "narrow.mar").unlink()


@pytest.mark.slow
def test_a_full_queue_is_503_and_the_client_waits_its_turn(spare, narrow, tiny_local):
    worker, seen = workers(spare)[-1], Recorded()
    texts = TEXTS[:16]
    headers = {"Authorization": f"Bearer {read_key(spare.key_file, 'inference')}"}
    patient = (0.2,) * 1000
    with client(spare, narrow, transport=seen, pauses=patient) as asking, ThreadPoolExecutor(16) as pool:
        with held(worker):
            answers = [pool.submit(asking.predict, [text]) for text in texts]
            wait_for(lambda: seen.seen[503] >= 13)  # one is held, one waits
            raw = httpx.post(f"{spare.url}/predictions/{narrow}", json={"text": "good film"}, headers=headers)
        got = [answer.result()[0] for answer in answers]
    assert (raw.status_code, raw.json()["type"]) == (503, "ServiceUnavailableException")
    assert same(got, tiny_local.predict(texts))


@pytest.mark.slow
def test_200_bad_requests_among_2000_good_ones_are_exactly_the_4xx(spare, tiny_local):
    """From 16 connections at once, so that TorchServe puts bad and good rows into one batch."""
    bad = [{"text": ""}, {"txt": "good film"}, {"texts": []}, {"text": 3}, {"instances": [None]}]
    bodies = [bad[i // 11 % 5] if i % 11 == 5 else {"text": TEXTS[i % len(TEXTS)]} for i in range(2200)]
    headers = {"Authorization": f"Bearer {read_key(spare.key_file, 'inference')}"}
    url = f"{spare.url}/predictions/sentiment"
    limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
    with httpx.Client(headers=headers, timeout=60, limits=limits) as asking, ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda body: asking.post(url, json=body), bodies))
    refused = [i for i, answer in enumerate(got) if answer.status_code == 400]
    right = [i for i, answer in enumerate(got) if answer.status_code == 200]
    assert refused == [i for i in range(2200) if i % 11 == 5]
    assert (len(refused), len(right)) == (200, 2000)
    expected = dict(zip(TEXTS, tiny_local.predict(TEXTS), strict=True))
    for i in right:
        wanted = expected[bodies[i]["text"]].probabilities
        assert got[i].json()["probabilities"] == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(("model", "message"), [("none", "Model not found: none"), ("sentiment/9.9", "version: 9.9")])
def test_a_model_that_is_not_there_is_said_at_once(spare, model, message):
    seen = Recorded()
    with client(spare, model, transport=seen) as asking, pytest.raises(NotFoundError, match=message):
        asking.predict(["good film"])
    assert seen.seen == {404: 1}


@pytest.mark.parametrize("damage", ["cut short", "garbage", "empty"])
def test_a_corrupt_archive_is_refused_and_what_is_served_stays(spare, management, damage):
    whole = (spare.store / "sentiment.mar").read_bytes()
    content = {"cut short": whole[: len(whole) // 2], "garbage": b"no zip " * 100, "empty": b""}[damage]
    broken = spare.store / "broken.mar"
    broken.write_bytes(content)
    with pytest.raises(ClientError) as caught:
        management.register("broken.mar")
    broken.unlink()
    assert 400 <= caught.value.status < 600
    assert "broken" not in management.models()
    with client(spare) as asking:
        assert len(asking.predict(TEXTS[:2])) == 2


@pytest.mark.parametrize("api", ["management", "metrics"])
def test_each_port_in_use_is_said_by_its_key(spare, tmp_path, api):
    shutil.copy(spare.store / "sentiment.mar", tmp_path)
    server = on_free_ports(tmp_path, work_dir=tmp_path / "serve", **{f"{api}_port": spare.ports[api]})
    with pytest.raises(ServingError, match=rf"{api}_port={spare.ports[api]} on 127.0.0.1: Address already in use"):
        server.start()
