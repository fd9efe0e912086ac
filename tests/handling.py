"""Rows for the handler in TorchServe's own context, as TorchServe hands them over, and the answers to them."""

import json
from contextlib import contextmanager

from ts.context import Context, RequestProcessor

from sentiment.worker.metrics import SummedCounter

ASKED = {"explain": "True"}  # what TorchServe adds to a request of /explanations
V1 = {"instances": ["good film", {"data": "bad meal"}]}
V2 = {"id": "7", "inputs": [{"name": "text", "shape": [2], "datatype": "BYTES", "data": ["good film", "bad meal"]}]}


def context(rows, folder=".", metrics=None):
    made = Context("sentiment", str(folder), {"model": {"modelVersion": "1.0"}}, 32, None, "1.0", metrics=metrics)
    made.request_processor = [RequestProcessor({}) for _ in range(rows)]
    return made


def answers(handler, *rows, headers=None):
    """(status, decoded answer) of each row of one dynamic batch; `headers` are those of some rows, by index."""
    made = context(len(rows))
    for index, own in (headers or {}).items():
        made.request_processor[index] = RequestProcessor(own)
    bodies = handler.handle(list(rows), made)
    assert all(body.encode() for body in bodies)  # as TorchServe does next
    assert [made.get_response_content_type(i) for i in range(len(rows))] == ["application/json"] * len(rows)
    return [(made.get_response_status(i)[0], json.loads(body)) for i, body in enumerate(bodies)]


def labels(answer):
    """The labels of an answer in any form."""
    if "outputs" in answer:
        return answer["outputs"][0]["data"]
    return [prediction["label"] for prediction in answer.get("predictions", [answer])]


def row(body):
    return {"body": body}


@contextmanager
def counting(handler, caplog):
    """Keep the log of all that is counted in the block, sums included."""
    counters = [series for series in handler.responder.telemetry._made.values() if isinstance(series, SummedCounter)]

    def pass_on():
        for counter in counters:
            counter.pass_on()

    pass_on()
    with caplog.at_level("INFO"):
        caplog.clear()
        yield
        pass_on()
