"""Requests that mean harm, each of a kind that once harmed others: what they hold, and what a server may answer."""

import json
import random
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PREDICT = "predictions"
WRONG_SHAPE = b'{"inputs": [{"name": "t", "shape": [9], "datatype": "BYTES", "data": ["a"]}]}'
ANSWERED = frozenset({200, 400, 413, 415, 429, 503})  # a 500, 504 or 507 is a fault of the server


@dataclass(frozen=True, slots=True)
class Attack:
    kind: str
    body: bytes
    content_type: str
    api: str


def texts_of(texts: Sequence[str]) -> bytes:
    return json.dumps({"texts": texts}, ensure_ascii=False).encode()


def attacks(seed: int = 0) -> Mapping[str, Attack]:
    """Return one request of each kind."""
    rng = random.Random(seed)
    words = [f"w{rng.randrange(10**6):x}" for _ in range(4000)]
    long = " ".join(rng.choices(words, k=900))[:6000]
    bodies: dict[str, tuple[bytes, str, str]] = {
        "character reference of 4,301 digits": (texts_of(["&#" + "9" * 4301 + ";"] * 32), JSON, PREDICT),
        "100,000 combining marks": (texts_of(["e" + "\u0301\u0316" * 50_000] * 16), JSON, PREDICT),
        "1,024 long texts, 6 MB": (texts_of([long] * 1024), JSON, PREDICT),
        "one text of 6 MB": (json.dumps({"text": long * 1000}).encode(), JSON, PREDICT),
        "form of 3 million fields": (b"a&" * 3_000_000, FORM, PREDICT),
        "JSON 2,000 lists deep": (b'{"text": ' + b"[" * 2000 + b"]" * 2000 + b"}", JSON, PREDICT),
        "number of 5,000 digits": (b'{"text": ' + b"9" * 5000 + b"}", JSON, PREDICT),
        "half of a surrogate pair": (rb'{"text": "\ud83d"}', JSON, PREDICT),
        "not JSON": (b'{"text": ', JSON, PREDICT),
        "bytes that are no text": (bytes(range(256)) * 100, "application/octet-stream", PREDICT),
        "JSON with a byte order mark": (b'\xef\xbb\xbf{"text": "fine"}', JSON, PREDICT),
        "explanation of a long text": (json.dumps({"text": long}).encode(), JSON, "explanations"),
        "tensor with a wrong shape": (WRONG_SHAPE, JSON, PREDICT),
        "tags that never close": (
            texts_of(["<" * 50_000, "&" * 50_000, "@" * 50_000, "http://" * 8_000]),
            JSON,
            PREDICT,
        ),
    }
    return {kind: Attack(kind, *made) for kind, made in bodies.items()}


def half_open(host: str, port: int) -> socket.socket:
    """Open a connection that begins a request and never ends it."""
    connection = socket.create_connection((host, port), timeout=10)
    connection.sendall(b"POST /predictions/sentiment HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n")
    return connection
