"""TorchServe handler: maps request rows to one response each. The archive ships `sentiment/` beside it."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import torch

from sentiment.errors import STATUS
from sentiment.worker.activity import Activity, count_batches
from sentiment.worker.admission import MAX_SECONDS
from sentiment.worker.metrics import summed_series
from sentiment.worker.responder import Responder
from sentiment.worker.socket_reader import receive_in_pieces


class SentimentHandler:
    """TorchServe handler for dynamic batches; an invalid row gets an error and the other rows their predictions."""

    def __init__(self) -> None:
        self.activity = Activity.from_environment()
        self.responder: Responder

    def initialize(self, context: Any) -> None:
        receive_in_pieces()
        properties = context.system_properties
        settings = context.model_yaml_config or {}
        cores = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)  # cpu_count() is the host's
        torch.set_num_threads(max(1, cores // settings.get("maxWorkers", 1)))  # the workers share the cores
        self.responder = Responder(
            Path(properties["model_dir"]),
            model=context.model_name,
            version=str(context.manifest["model"]["modelVersion"]),
            metrics=partial(summed_series, context.metrics),
            device=f"cuda:{properties['gpu_id']}" if properties.get("gpu_id") is not None else "cpu",
            seconds=float(settings.get("maxSeconds", MAX_SECONDS)),
        )

    @count_batches
    def handle(self, rows: list[dict[str, Any]], context: Any) -> list[str]:
        responses = self.responder.respond(rows, [context.get_all_request_header(i) for i in range(len(rows))])
        for index, response in enumerate(responses):
            context.set_response_content_type(index, "application/json")
            for name, value in response.headers.items():
                context.set_response_header(index, name, value)
            if response.status != 200:
                context.set_response_status(code=response.status, phrase=STATUS[response.status], idx=index)
        return [response.body for response in responses]
