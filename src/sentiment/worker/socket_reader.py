"""Buffered reader for TorchServe's messages to a worker; request inputs stay undecoded bytes."""

import logging
import re
import struct
import sys
from typing import Any

from sentiment.protocol.bodies import MAX_FIELDS, TOO_MANY_FIELDS

log = logging.getLogger(__name__)

PIECE = 1 << 16  # bytes
INTEGER = struct.Struct("!i")
# Not possessive: Python before 3.11.5 matches possessive groups wrongly.
SMALL = re.compile(  # a run of length-prefixed values of up to 31 bytes each
    b"(?:\0\0\0(?:" + b"|".join(b"\\x%02x" % size + b"." * size for size in range(32)) + b"))*", re.DOTALL
)
END = -1  # sent in place of a length at the end of a list


class Received:
    """Read-ahead buffer for a TorchServe worker's socket.

    TorchServe itself makes one recv call per number, name and header of a request, about 40 for one text.
    """

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._at = 0

    def read(self, connection: Any, length: int) -> bytes:
        """Read the next `length` bytes; exit the worker if the frontend has disconnected, as TorchServe does."""
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
        """Read the next request of a batch; None at the end of the batch.

        Inputs stay bytes: TorchServe would decode them by their declared type and log a traceback for each mismatch.
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
        """Skip all values up to the end of a list; one regex match per piece skips the small values of a form."""
        while True:
            if small := SMALL.match(self._bytes, self._at):
                self._at = small.end()
            if self._value(connection) is None:
                return


def _input(name: bytes, kind: bytes, value: bytes) -> dict[str, Any]:
    return {"name": name.decode("utf-8", "replace"), "contentType": kind.decode("utf-8", "replace"), "value": value}


def receive_in_pieces() -> None:
    """Patch TorchServe's reader functions in this process.

    Call it between two messages, e.g. in a handler's `initialize`.
    """
    from ts.protocol import otf_message_handler

    received = Received()
    otf_message_handler._retrieve_buffer = received.read
    otf_message_handler._retrieve_request = received.request
