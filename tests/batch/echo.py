"""A classifier that needs no model, and a batch job with it as a command, to be killed: its start takes no second."""

import sys
import time
import zlib

from sentiment.batch import predict
from sentiment.errors import RowsRejectedError
from sentiment.inference.types import Identity, Prediction


class Echo:
    """Answers by a checksum of the text; `seconds` for each call."""

    def __init__(self, seconds=0.0, **deciding):
        self.seconds, self.deciding, self.texts = seconds, {"engine": "echo", **deciding}, []

    def identity(self):
        return Identity(self.deciding)

    def predict(self, texts):
        time.sleep(self.seconds)
        self.texts += texts
        shares = [zlib.crc32(text.encode()) % 1000 / 1000 for text in texts]
        return [
            Prediction("b" if share > 0.5 else "a", max(share, 1 - share), {"a": 1 - share, "b": share})
            for share in shares
        ]


if __name__ == "__main__":
    source, output, settings = sys.argv[1], sys.argv[2], dict(pair.split("=") for pair in sys.argv[3:])
    try:
        predict(input=source, output=output, engine=Echo(), chunk=5, quiet=True, **settings)
    except RowsRejectedError:
        sys.exit(3)
