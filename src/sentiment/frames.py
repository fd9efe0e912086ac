"""TorchServe's messages to a worker, received in large pieces."""

import logging
import sys
from typing import Any

log = logging.getLogger(__name__)

PIECE = 1 << 16  # bytes


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


def receive_in_pieces() -> None:
    """Let this process read so from now on; to be called between two messages, as a handler's `initialize` is."""
    from ts.protocol import otf_message_handler

    otf_message_handler._retrieve_buffer = Received().read
