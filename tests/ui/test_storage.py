import asyncio
import os

import pytest

from sentiment.errors import TooManyRequestsError
from sentiment.ui import storage
from sentiment.ui.command import LOGINS
from sentiment.ui.limits import Rate
from sentiment.ui.storage import Guard, Storage, page_folder
from tests.clock import Clock


@pytest.fixture
def clock():
    return Clock(1_000_000.0)


@pytest.fixture
def room(tmp_path, clock):
    return Storage(tmp_path, most=4_000_000, seconds=600, clock=clock)


def written(path, clock, size=10):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    os.utime(path, (clock.now, clock.now))
    os.utime(path.parent, (clock.now, clock.now))
    return path


def test_a_visitor_gets_a_quarter_until_the_time_is_up(room, clock):
    room.take("a", 900_000)
    with pytest.raises(TooManyRequestsError, match="have 1 MB, and one visitor may keep 1 MB here"):
        room.take("a", 900_000)
    room.take("b", 900_000)
    clock.now += 600
    room.take("a", 900_000)


def test_what_lies_there_counts_for_all(room, clock, tmp_path):
    written(tmp_path / "upload" / "t.csv", clock, size=3_900_000)
    with pytest.raises(TooManyRequestsError, match="fill the 4 MB there are"):
        room.take("a", 200_000)


def test_old_uploads_and_results_go_and_new_ones_stay(room, clock, tmp_path):
    old = written(tmp_path / "hash1" / "t.csv", clock)
    result = written(room.new() / "t-predicted.csv", clock)
    clock.now += 599
    new = written(tmp_path / "hash2" / "t.csv", clock)
    room.clean()
    assert old.exists()
    assert result.exists()
    clock.now += 1
    room.clean()
    assert not old.exists()
    assert not result.parent.exists()
    assert new.exists()


def test_the_folder_goes_with_the_page_and_that_of_a_killed_page_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.tempfile, "tempdir", str(tmp_path))
    dead = tmp_path / f"{storage.PREFIX}{2**22 + 1}-x"
    alive = tmp_path / f"{storage.PREFIX}{os.getppid()}-x"
    for folder in (dead, alive):
        (folder / "upload").mkdir(parents=True)
    with page_folder() as folder:
        assert not dead.exists()
        assert alive.exists()
        (folder / "t.csv").write_text("text")
    assert not folder.exists()


def test_tries_to_log_in_are_counted_by_address_before_the_page_hears_of_them(room):
    passed, sent = [], []

    async def app(scope, receive, send):
        passed.append(scope["client"][0])

    async def receive():
        return {"body": b"", "more_body": False}

    async def send(message):
        sent.append(message)

    guard = Guard(app, storage=room, logins=Rate(LOGINS), most=1_000_000)
    scope = {"type": "http", "method": "POST", "path": "/login", "headers": [(b"content-length", b"9")]}
    for _ in range(LOGINS + 1):
        asyncio.run(guard(scope | {"client": ("192.0.2.1", 1)}, receive, send))
    asyncio.run(guard(scope | {"client": ("192.0.2.2", 1)}, receive, send))
    assert passed == ["192.0.2.1"] * LOGINS + ["192.0.2.2"]
    assert [message["status"] for message in sent if "status" in message] == [429]


def test_an_address_holds_and_opens_no_more_streams_than_its_tabs_need(room, monkeypatch):
    monkeypatch.setattr(storage, "STREAMS", 2)
    monkeypatch.setattr(storage, "OPENED", 4)
    sent = []

    async def app(scope, receive, send):
        await scope["over"].wait()

    async def send(message):
        sent.append(message)

    async def hold(guard, address, count):
        """Hold so many streams at once, end them, and return how many were refused."""
        sent.clear()
        over = asyncio.Event()
        scope = {
            "type": "http",
            "method": "GET",
            "path": "/gradio_api/heartbeat/a",
            "client": (address, 1),
            "over": over,
        }
        held = [asyncio.create_task(guard(scope, None, send)) for _ in range(count)]
        await asyncio.sleep(0)  # each has come to the end of the stream or of the refusal
        over.set()
        await asyncio.gather(*held)
        return [message["status"] for message in sent if "status" in message]

    async def tabs():
        guard = Guard(app, storage=room, logins=Rate(LOGINS), most=1_000_000)
        assert await hold(guard, "192.0.2.1", 3) == [429]
        assert await hold(guard, "192.0.2.2", 2) == []
        assert await hold(guard, "192.0.2.1", 1) == []
        assert await hold(guard, "192.0.2.1", 1) == [429]  # the fifth in a minute
        assert guard.streams == {}

    asyncio.run(tabs())
