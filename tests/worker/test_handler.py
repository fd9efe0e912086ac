"""The handler with TorchServe's own context, on rows as TorchServe hands them over."""

import json

import pytest

from sentiment.config.resources import bundled
from sentiment.inference.checksums import export_hash
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Cleaning
from sentiment.inference.types import Model
from sentiment.protocol.validation import CANARY
from sentiment.worker.admission import Rate
from tests.handling import ASKED, V1, V2, answers, context, counting, labels
from tests.worker.test_metrics import told

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


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
    for status, answer in answers(handler, *forms, headers={4: FORM, 5: FORM}):
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


def test_all_forms_mix_in_one_batch(handler):
    rows = [
        {"body": V2},
        {"body": {"txt": "a"}},
        {"body": "good film"},
        {"body": V1},
        {"data": bytearray(b"bad meal")},
        {"body": {**V2, "id": 7}},
        {'{"text": "good film"}': bytearray()},  # JSON sent as a form
        {"body": bytearray(b"caf\xe9")},
        {"body": {"texts": ["bad meal", "good film"]}},
        {"body": ""},
    ]
    got = answers(handler, *rows, headers={4: FORM, 6: FORM})
    assert [status for status, _ in got] == [200, 400, 200, 200, 200, 400, 400, 400, 200, 400]
    good, bad = "positive", "negative"
    told = [labels(answer) for status, answer in got if status == 200]
    assert told == [[good, bad], [good], [good, bad], [bad], [bad, good]]
    assert {key: got[0][1][key] for key in ("model_name", "model_version", "id")} == {
        "model_name": "sentiment",
        "model_version": "1.0",
        "id": "7",
    }


@pytest.mark.parametrize("empty", [{}, {"body": b""}], ids=["management", "rest"])
@pytest.mark.parametrize("first", [0, 2])
def test_a_description_asked_for_in_a_batch_is_given_alone(handler, tiny_run, first, empty):
    rows = [empty if i == first else {"body": {"text": "good film"}} for i in range(3)]
    got = answers(handler, *rows, headers={first: {"describe": "True"}})
    assert [status for status, _ in got] == [200, 200, 200]
    described = Model.from_json(got[first][1])
    known = {"scores": None, "sha256": export_hash(tiny_run / "export")}
    assert described == Model("sentiment", "1.0", ("negative", "positive"), 32, "head", **known)
    assert labels(got[1][1]) == ["positive"]


def test_a_describe_header_on_a_text_changes_nothing(handler):
    [(status, answer)] = answers(handler, {"body": "good film"}, headers={0: {"describe": "True"}})
    assert (status, answer["label"]) == (200, "positive")


@pytest.mark.parametrize(
    "body",
    [
        {"text": "\ud800"},
        {"\ud800": "a"},
        bytearray(b'{"a": ' + b"[" * 100_000),
        bytearray(b'{"text": ' + b"1" * 10_000 + b"}"),
        {**V2, "parameters": {"a": float("nan")}},
    ],
)
def test_what_json_can_hold_but_no_text_can_spoils_no_batch(handler, body):
    got = answers(handler, {"body": body}, {"body": "good film"})
    assert [status for status, _ in got] == [400, 200]


def test_an_id_is_sent_back_as_it_came(handler):
    [(status, answer)] = answers(handler, {"body": {**V2, "id": "\ud800"}})
    assert (status, answer["id"]) == (200, "\ud800")


def test_details_count_the_tokens_the_model_has_read(handler):
    body = {"texts": ["good film", "bad " * 100], "details": True}
    [(_, answer)] = answers(handler, {"body": body})
    assert [(p["tokens"], p["truncated"]) for p in answer["predictions"]] == [(4, False), (32, True)]


@pytest.mark.parametrize("row", [{"body": "", "data": "good film"}, {"body": bytearray()}, {"data": ""}])
def test_an_empty_field_is_an_empty_text(handler, row):
    [(status, answer)] = answers(handler, row, headers={0: FORM} if "data" in row else {})
    assert (status, answer["message"]) == (400, "text is empty")


def test_the_module_defines_one_class_as_torchserve_asks():
    """It is loaded by its file name, which must hide no package that it imports."""
    import ast

    tree = ast.parse(bundled("handlers/sentiment_handler.py").read_text())
    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == ["SentimentHandler"]
    imported = {name.name for node in tree.body if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module.split(".")[0] for node in tree.body if isinstance(node, ast.ImportFrom)}
    assert "sentiment" in imported
    assert "sentiment_handler" not in imported


def test_the_text_of_a_readiness_check_is_answered_and_not_counted(handler, caplog):
    with counting(handler, caplog):
        [(status, _), (other, _)] = answers(handler, {"body": {"text": CANARY}}, {"body": {"texts": [CANARY, "good"]}})
    assert (status, other) == (200, 200)
    assert told(caplog)["sentiment_texts_total", ""] == 2


BY_SCORE = ("sentiment_scores_total", "sentiment_probability_total")


def test_a_batch_is_counted_with_its_rejects_and_without_its_texts(handler, caplog):
    bodies = ({"texts": ["good film", "bad " * 100]}, "", bytearray(b"\xe9"), "bad")
    with counting(handler, caplog):
        answers(handler, *({"body": body} for body in bodies), headers={3: ASKED})
    counted = {key: value for key, value in told(caplog).items() if key[0] not in BY_SCORE}
    seconds = counted.pop(("sentiment_batch_seconds", ""))
    assert 0 < seconds < 600
    assert counted == {
        ("sentiment_batch_requests", ""): 4,
        ("sentiment_texts_total", ""): 2,
        ("sentiment_labels_total", "positive"): 1,
        ("sentiment_labels_total", "negative"): 1,
        ("sentiment_tokens_total", ""): 4 + 32,
        ("sentiment_explained_total", ""): 1,
        ("sentiment_truncated_total", ""): 1,
        ("sentiment_rejected_total", "empty_text"): 1,
        ("sentiment_rejected_total", "not_unicode"): 1,
    }
    assert "film" not in caplog.text


def test_a_row_that_fails_in_any_step_leaves_its_neighbours_their_answers(handler, monkeypatch):
    def fragile(step):
        def cleaned(self, text):
            if "breaks" in text:
                raise ZeroDivisionError
            return step(self, text)

        return cleaned

    for name in ("__call__", "align"):  # the second for explanations
        monkeypatch.setattr(Cleaning, name, fragile(getattr(Cleaning, name)))
    rows = [
        {"body": "good film"},
        {"body": "it breaks"},
        {"body": {"texts": ["good", "it breaks", "bad"]}},
        {"body": {**V2, "parameters": {"a": float("inf")}}},
        {"body": {"text": ["good"]}},
        {"body": "bad meal"},
    ]
    got = answers(handler, *rows)
    assert [status for status, _ in got] == [200, 400, 400, 400, 400, 200]
    assert got[1][1]["message"] == "the text cannot be cleaned (ZeroDivisionError)"
    assert got[2][1]["message"] == "texts[1]: the text cannot be cleaned (ZeroDivisionError)"
    [(status, answer), (beside, _)] = answers(handler, rows[1], rows[0], headers={0: ASKED, 1: ASKED})
    assert (status, answer["message"], beside) == (500, "a text cannot be explained", 200)


def test_a_row_that_cannot_be_read_or_written_fails_alone(handler, monkeypatch, caplog):
    def render(self, predictions, model):
        raise KeyError("a text of a user")

    monkeypatch.setattr("sentiment.protocol.requests.Many.render", render)
    monkeypatch.setattr("sentiment.protocol.requests.Describe.render", render)
    got = answers(handler, {"body": {"texts": ["good film"]}}, {"body": "good film"}, {"body": object()})
    assert [status for status, _ in got] == [500, 200, 400]
    assert got[0][1] == {"code": 500, "type": "InternalServerError", "message": "the answer cannot be written"}
    assert "KeyError in render" in caplog.text
    assert "a text of a user" not in caplog.text


def test_an_answer_that_torchserve_does_not_take_is_refused_alone(handler):
    """Six bytes are sent back for each letter of an id that is not ASCII."""
    got = answers(handler, {"body": {**V2, "id": "\u00e9" * 1_100_000}}, {"body": "good film"})
    assert [status for status, _ in got] == [413, 200]
    assert "the answer has 6,600," in got[0][1]["message"]


def test_a_busy_worker_says_when_to_ask_again(handler, monkeypatch):
    monkeypatch.setattr(handler.responder.admission, "rate", Rate(best=1e4, late=1.0))
    many = {"body": {"texts": ["good film " * 20] * 15}}
    made = context(3)
    bodies = handler.handle([many, many, {"body": "good film"}], made)
    assert [made.get_response_status(i)[0] for i in range(3)] == [200, 503, 200]
    assert int(made.get_response_headers(1)["Retry-After"]) >= 1
    assert json.loads(bodies[1])["message"] == "the worker computes other texts; ask again"


def test_the_body_tells_its_form_whatever_its_declared_type(handler):
    rows = [{"body": bytearray(b'\xef\xbb\xbf{"text": "good film"}')}] * 2 + [{"body": bytearray(b"[good] film")}]
    kinds = ["text/plain", "application/json", "text/plain;charset=UTF-8"]
    got = answers(handler, *rows, headers={i: {"Content-Type": kind} for i, kind in enumerate(kinds)})
    assert [(status, answer["label"]) for status, answer in got] == [(200, "positive")] * 3
    assert got[0][1] == got[1][1]
