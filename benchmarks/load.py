"""Load on an HTTP server from a process of its own.

python -m benchmarks.load PORT PATH CONNECTIONS SECONDS < bodies.json

Each connection is kept alive and asks anew once it is answered; after a 503, which may close it, in as many seconds as
Retry-After says, or in one.
Prints the latencies of what was answered, the count of 503, and the share of the time in which this process was busy,
which must stay far below 1 for the server to be what is measured.
"""

import asyncio
import itertools
import json
import sys
import time


class Connection(asyncio.Protocol):
    """One request at a time: HTTP/1.1 with Content-Length, and nothing else."""

    def __init__(
        self,
        requests: "itertools.cycle[bytes]",
        until: float,
        seen: list[tuple[float, float]],
        refused: list[float],
        done: asyncio.Future,
    ) -> None:
        self.requests, self.until, self.seen, self.refused, self.done = requests, until, seen, refused, done
        self.buffer = b""
        self.paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.began = time.perf_counter()
        if self.began > self.until:
            self.transport.close()
            self.done.set_result(None)
            return
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lines = (line.partition(b":") for line in head.lower().split(b"\r\n"))
        headers = {name: value.strip() for name, _, value in lines}
        if len(body) < int(headers[b"content-length"]):
            return
        if b" 503 " in head[:15]:
            self.refused.append(time.perf_counter() - self.began)
            self.buffer = b""
            self.paused = True
            asyncio.get_running_loop().call_later(float(headers.get(b"retry-after", 1)), self.ask_again)
            return
        if b" 200 " not in head[:15] or b"label" not in body:
            self.done.set_exception(SystemExit(f"not an answer: {self.buffer[:300]!r}"))
            self.transport.close()
            return
        now = time.perf_counter()
        self.seen.append((now, now - self.began))
        self.buffer = b""
        self.ask()

    def ask_again(self) -> None:
        self.paused = False
        if self.transport.is_closing():
            host, port = self.transport.get_extra_info("peername")[:2]
            loop = asyncio.get_running_loop()
            self.opening = loop.create_task(loop.create_connection(lambda: self, host, port))
            self.opening.add_done_callback(lambda task: task.exception() and self.connection_lost(task.exception()))
        else:
            self.ask()

    def connection_lost(self, reason: Exception | None) -> None:
        if not (self.done.done() or self.paused):
            self.done.set_exception(SystemExit(f"the server closed the connection: {reason}"))


def request(path: str, asked: object) -> bytes:
    body = json.dumps(asked).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def load(port: int, path: str, connections: int, seconds: float, bodies: list[object]) -> dict[str, object]:
    loop = asyncio.get_running_loop()
    requests = itertools.cycle([request(path, asked) for asked in bodies])
    seen, refused = list[tuple[float, float]](), list[float]()
    began, busy = time.perf_counter(), time.process_time()
    futures = [loop.create_future() for _ in range(connections)]
    for done in futures:
        await loop.create_connection(
            lambda done=done: Connection(requests, began + seconds, seen, refused, done), "127.0.0.1", port
        )
    await asyncio.gather(*futures)
    busy = (time.process_time() - busy) / (time.perf_counter() - began)
    took = max((at for at, _ in seen), default=began + seconds) - began  # without what a refused one still waits
    return {"latencies": [latency for _, latency in seen], "refused": len(refused), "seconds": took, "busy": busy}


if __name__ == "__main__":
    port, path, connections, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(load(int(port), path, int(connections), float(seconds), json.load(sys.stdin)))))
