"""The handler asked for explanations: alone, in every form, in a batch with others, and beyond a worker's time."""

import json
import threading

import pytest

from sentiment.errors import RequestError
from sentiment.worker.explain_queue import BUSY, LOADING, LazyExplainer
from tests.handling import ASKED, V1, V2, answers, row


@pytest.mark.parametrize("first", [0, 2])
def test_an_explanation_asked_for_in_a_batch_is_given_alone(handler, first):
    got = answers(handler, *[{"body": {"text": "good film"}}] * 3, headers={first: ASKED})
    assert [status for status, _ in got] == [200, 200, 200]
    assert [("words" in answer, answer["label"]) for _, answer in got] == [(i == first, "positive") for i in range(3)]
    assert [word["text"] for word in got[first][1]["words"]] == ["good", "film"]


def test_explanations_come_in_the_form_they_are_asked_for(handler):
    bodies = [{"texts": ["good film"]}, {**V1, "target": "negative"}, {**V2, "parameters": {"target": "negative"}}]
    listed, v1, v2 = (
        answer for _, answer in answers(handler, *map(row, bodies), headers=dict.fromkeys(range(3), ASKED))
    )
    assert [one["target"] for one in listed["explanations"]] == ["positive"]
    assert [one["target"] for one in v1["explanations"]] == ["negative", "negative"]
    [output] = v2["outputs"]
    assert (output["name"], output["shape"], v2["id"]) == ("explanation", [2], "7")
    assert [json.loads(one) for one in output["data"]] == v1["explanations"]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"text": "good", "target": "sad"}, 400, "no label 'sad'; this model has negative, positive"),
        ({"text": "good", "target": 3}, 400, '"target" must be a label, got a number'),
        ({"text": ""}, 400, "text is empty"),
        ({"text": "good", "target": None}, 200, None),
        ({"text": "good", "max_error": 0.1}, 400, '"max_error" says nothing here; name the label to explain'),
        ({**V2, "outputs": [{"name": "label"}]}, 400, '"outputs" says nothing here; an explanation is the tensor'),
        ({"text": "good", "details": True}, 400, '"details" says nothing here; an explanation has them in any case'),
        ({"text": "good", "parameters": 3}, 400, 'unknown key "parameters" in a request with "text"; known are text, '),
        ({**V2, "parameters": {"details": True}}, 400, '"details" says nothing here'),
        ({**V2, "parameters": {"targets": "negative"}}, 400, 'unknown key "targets" in "parameters"; known are target'),
        ({**V2, "target": "negative"}, 400, '"target" says nothing here; it is one of the "parameters"'),
        ({"texts": ["good"] * 9}, 413, "9 texts in one request for explanations; send at most 8"),
        ({"text": "a" * 10_001}, 413, "10,001 characters; send at most 10,000"),
    ],
)
def test_what_cannot_be_explained_says_why_and_spoils_no_batch(handler, body, status, message):
    got = answers(handler, row("good film"), row(body), row("good film"), headers={1: ASKED, 2: ASKED})
    assert [status for status, _ in got] == [200, status, 200]
    assert message is None or message in got[1][1]["message"]


def test_explanations_beyond_a_workers_time_are_told_to_ask_again(handler, monkeypatch):
    monkeypatch.setattr(handler.responder.predictor.explainer, "budget", 130)  # two of 4 tokens in 16 steps
    few, many = {"text": "good film"}, {"texts": ["good film"] * 3}
    got = answers(handler, *map(row, (few, many, few, few, few, "bad meal")), headers=dict.fromkeys(range(5), ASKED))
    assert [status for status, _ in got] == [200, 413, 200, 503, 503, 200]
    assert got[3][1] == {"code": 503, "type": "ServiceUnavailable", "message": BUSY}
    assert got[5][1]["label"] == "negative"


class Loading:
    """A predictor with a graph whose explainer takes until `arrived` is set, and fails `failures` times."""

    compute = None

    def __init__(self, failures=0):
        self.arrived, self.failures = threading.Event(), failures

    @property
    def explainer(self):
        assert self.arrived.wait(60)
        self.failures -= 1
        if self.failures >= 0:
            raise OSError("a text of a user")
        return "explainer"


def refusal(lazy):
    with pytest.raises(RequestError) as caught:
        lazy.get()
    return caught.value


def loaded(lazy):
    lazy.predictor.arrived.set()
    lazy._loading.join(60)


def test_who_asks_for_the_first_explanation_is_told_to_ask_again_and_holds_up_nobody():
    lazy = LazyExplainer(Loading())
    assert lazy._loading is None  # nothing is loaded before it is needed
    for _ in range(2):
        error = refusal(lazy)
        assert (error.status, str(error), error.retry_after) == (503, LOADING, 5)
    loaded(lazy)
    assert lazy.get() == "explainer"


def test_weights_that_cannot_be_loaded_are_said_once_and_tried_again(caplog):
    lazy = LazyExplainer(Loading(failures=1))
    assert refusal(lazy).status == 503
    loaded(lazy)
    assert refusal(lazy).status == 500
    assert "OSError in explainer" in caplog.text
    assert "a text of a user" not in caplog.text
    assert refusal(lazy).status == 503
    loaded(lazy)
    assert lazy.get() == "explainer"


def test_while_explanations_load_each_request_is_answered_by_what_it_asks(handler, monkeypatch):
    monkeypatch.setattr(handler.responder, "explainer", LazyExplainer(Loading()))
    rows = ("good film", "good film", {"text": "good", "target": "sad"})
    got = answers(handler, *map(row, rows), headers={1: ASKED, 2: ASKED})
    assert [(status, answer.get("message")) for status, answer in got] == [
        (200, None),
        (503, LOADING),
        (400, "no label 'sad'; this model has negative, positive"),
    ]
    handler.responder.explainer.predictor.arrived.set()
