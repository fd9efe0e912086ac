"""The handler with TorchServe's own context, on rows as TorchServe hands them over."""

import json
import sys

import pytest
import torch
from ts.context import Context, RequestProcessor

from sentiment.predictor import Predictor
from sentiment.resources import bundled


@pytest.fixture(scope="module")
def handler(tiny_run):
    sys.path.insert(0, str(bundled("handlers")))
    try:
        from sentiment_handler import SentimentHandler
    finally:
        sys.path.pop(0)
    made = SentimentHandler()
    threads = torch.get_num_threads()
    made.initialize(context(0, tiny_run / "export"))
    torch.set_num_threads(threads)  # a worker takes the cores of its machine; the tests after this one must not
    return made


def context(rows, folder="."):
    made = Context("sentiment", str(folder), {}, 32, None, "1.0")
    made.request_processor = [RequestProcessor({}) for _ in range(rows)]
    return made


def answers(handler, *rows):
    """(status, decoded answer) of each row of one dynamic batch."""
    made = context(len(rows))
    bodies = handler.handle(list(rows), made)
    assert [made.get_response_content_type(i) for i in range(len(rows))] == ["application/json"] * len(rows)
    return [(made.get_response_status(i)[0], json.loads(body)) for i, body in enumerate(bodies)]


def test_each_form_of_a_text_gets_the_same_answer(handler, tiny_run):
    forms = [
        {"body": {"text": "good film"}},
        {"body": "good film"},
        {"body": bytearray(b"good film")},
        {"body": bytearray(b'{"text": "good film"}')},
        {"data": bytearray(b"good film")},
        {"data": "good film"},
    ]
    expected = Predictor.load(tiny_run).predict(["good film"])[0]
    for status, answer in answers(handler, *forms):
        assert status == 200
        assert answer["label"] == expected.label
        assert answer["probabilities"] == pytest.approx(expected.probabilities, abs=1e-5)


def test_bad_rows_get_their_own_error_and_their_neighbours_200(handler):
    rows = [
        {"body": {"text": "good film"}},
        {"body": {"text": ""}},
        {"body": {"texts": ["bad meal", "good film"]}},
        {"body": bytearray(b"caf\xe9")},
        {"body": bytearray(b'{"text": ')},
        {"body": {"text": "a" * 100_001}},
        {},
        {"body": 3},
        {"body": {"text": "bad meal"}},
    ]
    got = answers(handler, *rows)
    assert [status for status, _ in got] == [200, 400, 200, 400, 400, 413, 400, 400, 200]
    assert [p["label"] for p in got[2][1]["predictions"]] == ["negative", "positive"]
    assert got[8][1]["label"] == "negative"
    assert "not UTF-8: byte 0xe9 at 3" in got[3][1]["message"]
    assert "not valid JSON" in got[4][1]["message"]
    assert "Content-Type: application/json" in got[6][1]["message"]
    assert {answer["code"] for status, answer in got if status != 200} == {400, 413}


def test_a_batch_of_bad_rows_alone_is_answered_too(handler):
    assert [status for status, _ in answers(handler, {"body": ""}, {"body": []})] == [400, 400]


def test_the_module_defines_one_class_as_torchserve_asks():
    import ast

    tree = ast.parse(bundled("handlers/sentiment_handler.py").read_text())
    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == ["SentimentHandler"]
