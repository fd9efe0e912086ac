"""TorchServe's messages to a worker, received in large pieces, and as the bytes that they are."""

import logging
import re
import struct
import sys
from typing import Any

from sentiment.protocol.bodies import MAX_FIELDS, TOO_MANY_FIELDS

log = logging.getLogger(__name__)

PIECE = 1 << 16  # bytes
INTEGER = struct.Struct("!i")
SMALL = re.compile(  # as many values of up to 31 bytes as there are, each after its length
    b"(?:\0\0\0(?:" + b"|".join(b"\\x%02x" % size + b"." * size for size in range(32)) + b"))*+", re.DOTALL
)
END = -1  # instead of the length of the next value of a list


class Received:
    """What has arrived on the connection of a worker and has not been read yet.

    TorchServe reads each number, name and header of a request with a call of its own, some forty for one text.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._at = 0

    def read(self, connection: Any, length: int) -> bytes:
        """The next `length` bytes; ends the worker, as TorchServe does, where its server is gone."""
        end = self._at + length
        if end > len(self._bytes):
            del self._bytes[: self._at]
            self._at, end = 0, length
            while end > len(self._bytes):
                piece = connection.recv(max(PIECE, end - len(self._bytes)))
                if not piece:
                    log.info("Frontend disconnected.")
                    sys.exit(0)
                self._bytes += piece
        found = bytes(self._bytes[self._at : end])
        self._at = end
        return found

    def request(self, connection: Any) -> dict[str, Any] | None:
        """Read the next request of a batch, as TorchServe does but for its inputs: they stay bytes.

        TorchServe would decode them by their declared type alone, and log a traceback for each that does not fit it.
        """
        number = self._value(connection)
        if number is None:
            return None
        headers: list[dict[str, bytes]] = []
        while (name := self._value(connection)) is not None:
            headers.append({"name": name, "value": self._value(connection) or b""})
        return {"requestId": number, "headers": headers, "parameters": self._inputs(connection)}

    def _inputs(self, connection: Any) -> list[dict[str, Any]]:
        inputs: list[dict[str, Any]] = []
        while (name := self._value(connection)) is not None:
            kind, value = self._value(connection) or b"", self._value(connection) or b""
            inputs.append(_input(name, kind, value))
            if len(inputs) > MAX_FIELDS:
                self._skip(connection)
                return [*inputs[:MAX_FIELDS], _input(TOO_MANY_FIELDS.encode(), b"", b"")]
        return inputs

    def _value(self, connection: Any) -> bytes | None:
        (length,) = INTEGER.unpack(self.read(connection, 4))
        return None if length == END else self.read(connection, length)

    def _skip(self, connection: Any) -> None:
        """Pass over all values up to the end of a list, the many small ones of a form in one step for each piece."""
        while True:
            if small := SMALL.match(self._bytes, self._at):
                self._at = small.end()
            if self._value(connection) is None:
                return


def _input(name: bytes, kind: bytes, value: bytes) -> dict[str, Any]:
    return {"name": name.decode("utf-8", "replace"), "contentType": kind.decode("utf-8", "replace"), "value": value}


def receive_in_pieces() -> None:
    """Let this process read so from now on; to be called between two messages, as a handler's `initialize` is."""
    from ts.protocol import otf_message_handler

    received = Received()
    otf_message_handler._retrieve_buffer = received.read
    otf_message_handler._retrieve_request = received.request
