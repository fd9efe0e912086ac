"""Storage of visitors' uploads and results, limited in total size, in size per address and in age."""

import logging
import os
import shutil
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sentiment.errors import TooManyRequestsError
from sentiment.files import is_alive
from sentiment.ui.limits import Rate

log = logging.getLogger(__name__)

SHARE = 4  # one address may use 1/SHARE of the size limit
EVERY = 30.0  # s, cleaning interval
MB = 1_000_000
PREFIX = "sentiment-page-"
UPLOAD, LOGIN = "/upload", "/login"  # suffixes of Gradio's paths
HEARTBEAT = "/heartbeat/"  # part of the path of a stream that each open tab holds, and needs no login
STREAMS = 50  # of them for one address at a time
OPENED = 300  # of them for one address in a minute: the end of each costs Gradio some milliseconds
DRAINED = 64 * MB  # bytes read at most from a refused request
MAX_BODY = 4 * MB  # bytes, for every request that is not an upload

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(slots=True)
class Storage:
    """A folder of uploads and results, with a size limit and a maximum age.

    Attributes:
        folder: The folder of one running page.
        most: Size limit of all files, in bytes.
        seconds: Age at which a file is deleted.
        clock: Returns the time in seconds since the epoch.
    """

    folder: Path
    most: int
    seconds: float
    clock: Callable[[], float] = time.time
    _taken: deque[tuple[float, str, int]] = field(default_factory=deque)  # time, address, bytes
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, address: str, size: int) -> None:
        """Reserve `size` bytes for an address. Raises TooManyRequestsError over its limit, or that of all files."""
        with self._lock:
            now = self.clock()
            while self._taken and self._taken[0][0] <= now - self.seconds:
                self._taken.popleft()
            own = sum(size for _, who, size in self._taken if who == address)
            if own + size > self.most / SHARE:
                raise TooManyRequestsError(
                    f"your tables of the last {self.seconds / 60:.0f} minutes have {own / MB:.0f} MB, and one visitor "
                    f"may keep {self.most / SHARE / MB:.0f} MB here; wait, or send a smaller table"
                )
            if self.used() + size > self.most:
                raise TooManyRequestsError(
                    f"the tables of all visitors fill the {self.most / MB:.0f} MB there are; try again in some minutes"
                )
            self._taken.append((now, address, size))

    def used(self) -> int:
        """Return the total size of all files in bytes."""
        return sum(size_of(path) for path in self.folder.rglob("*"))

    def new(self) -> Path:
        """Create a folder for results."""
        results = self.folder / "results"
        results.mkdir(exist_ok=True)
        return Path(tempfile.mkdtemp(dir=results))

    def holds(self, folder: Path) -> bool:
        """Return True if a folder for results is still there, and keep it from expiring for as long again."""
        there = folder.parent == self.folder / "results" and folder.is_dir()
        if there:
            os.utime(folder)
        return there

    def clean(self) -> None:
        """Delete expired files: an upload with its folder, a result with all files of its folder."""
        for path in [*self.folder.glob("*"), *self.folder.glob("results/*")]:
            if path.name != "results" and newest(path) <= self.clock() - self.seconds:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    @contextmanager
    def cleaning(self) -> Iterator[None]:
        """Delete expired files periodically in a background thread until the block ends."""
        stop = threading.Event()

        def look() -> None:
            while not stop.wait(min(EVERY, self.seconds)):
                self.clean()

        thread = threading.Thread(target=look, name="files", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def page_folder() -> Iterator[Path]:
    """Yield a temporary folder for visitors' files, deleted at the end; also delete those of killed pages."""
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        pid = old.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdecimal() and not is_alive(int(pid)) and old.stat().st_uid == os.geteuid():
            shutil.rmtree(old, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:  # deleted concurrently
        return 0


def newest(path: Path) -> float:
    """Return the latest modification time of a file, or of a folder and its contents."""
    times = [0.0]
    for one in (path, *(path.rglob("*") if path.is_dir() else ())):
        try:
            times.append(one.stat().st_mtime)
        except FileNotFoundError:
            continue
    return max(times)


class Guard:
    """ASGI middleware that refuses requests over the size, rate and storage limits before Gradio reads them."""

    def __init__(self, app: Callable[..., Awaitable[None]], *, storage: Storage, logins: Rate, most: int) -> None:
        self.app, self.storage, self.logins, self.most = app, storage, logins, most
        self.streams, self.opened = Counter[str](), Rate(OPENED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and (refusal := self._refusal(scope)):
            await drain(receive)
            await refuse(send, *refusal)
        elif scope["type"] == "http" and HEARTBEAT in scope["path"]:
            await self._stream(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        address = (scope.get("client") or ("",))[0]
        try:
            self.opened.check(address)
        except TooManyRequestsError as error:
            return await refuse(send, 429, str(error))
        if self.streams[address] >= STREAMS:
            return await refuse(send, 429, f"more than {STREAMS} open tabs of one address; close some")
        self.streams[address] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.streams[address] -= 1
            self.streams += Counter()  # forgets addresses without one

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        path, address = scope["path"], (scope.get("client") or ("",))[0]
        most = self.most if path.endswith(UPLOAD) else MAX_BODY
        length = dict(scope["headers"]).get(b"content-length", b"").decode("latin-1")
        if not length.isdecimal() or len(length) > 18:
            return 411, "a request with a body needs a Content-Length"
        if int(length) > most:
            return 413, f"more than {most / MB:.0f} MB; send less"
        try:
            if path.endswith(UPLOAD):
                self.storage.take(address, int(length))
            elif path.endswith(LOGIN):
                self.logins.check(address)
        except TooManyRequestsError as error:
            return 429, str(error)
        return None


async def drain(receive: Receive) -> None:
    """Discard the body of a refused request, up to DRAINED bytes: clients read the response only afterwards."""
    left = DRAINED
    while left > 0:
        message = await receive()
        left -= len(message.get("body", b""))
        if not message.get("more_body"):
            return


async def refuse(send: Send, status: int, reason: str) -> None:
    body = reason.encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body})
