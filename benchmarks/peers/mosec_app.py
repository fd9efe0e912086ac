"""Mosec around our own Predictor: python -m benchmarks.peers.mosec_app --port PORT, with the run in MODEL."""

import os
from typing import Any

from mosec import Server, Worker

from sentiment.inference.predictor import Predictor


class Inference(Worker):
    def __init__(self) -> None:
        self.predictor = Predictor.load(os.environ["MODEL"])

    def forward(self, data: list[dict[str, str]]) -> list[dict[str, Any]]:
        found = self.predictor.predict([asked["text"] for asked in data])
        return [{"label": one.label, "score": one.score, "probabilities": one.probabilities} for one in found]


if __name__ == "__main__":
    server = Server()
    server.append_worker(Inference, max_batch_size=64, max_wait_time=1, timeout=60, route="/predict")
    server.run()
