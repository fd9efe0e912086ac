"""Aspects in every form of a request, and the handler's answers row by row."""

import pytest
from jsonschema import ValidationError

from sentiment.errors import RequestError
from sentiment.inference.pairs import Pair
from sentiment.inference.predictor import Predictor
from sentiment.protocol.requests import parse_explain, parse_request
from tests.conftest import start_handler
from tests.handling import ASKED, answers, labels, row

TEXT = "the film and so on"
NEEDED = "this model reads each text with an aspect"


def tensor(name, *data):
    return {"name": name, "shape": [len(data)], "datatype": "BYTES", "data": list(data)}


FORMS = {
    "plain": {"text": TEXT, "aspect": "screen"},
    "many": {"texts": [TEXT, TEXT], "aspects": ["screen", "battery"]},
    "v1": {"instances": [{"text": TEXT, "aspect": "screen"}, {"data": TEXT, "aspect": "battery"}]},
    "v2": {"inputs": [tensor("text", TEXT, TEXT), tensor("aspect", "screen", "battery")]},
    "v2, the other way round": {"inputs": [tensor("aspect", "screen", "battery"), tensor("input-0", TEXT, TEXT)]},
}
REFUSED = {
    '"aspects" says nothing here; one text has one "aspect"': {"text": TEXT, "aspects": ["screen"]},
    '"aspect" says nothing here; use "aspects", a list': {"texts": [TEXT], "aspect": "screen"},
    '"aspect" says nothing here; each instance has its own': {"instances": [TEXT], "aspect": "screen"},
    '"aspects" says nothing here; send a second tensor': {"inputs": [tensor("text", TEXT)], "aspects": ["screen"]},
    '"aspects" says nothing here; an instance has one "aspect"': {"instances": [{"text": TEXT, "aspects": "screen"}]},
    '"aspects" must be a list with one for each text, got a string': {"texts": [TEXT], "aspects": "screen"},
    "1 aspects for 2 texts; send one for each, null for none": {"texts": [TEXT, TEXT], "aspects": ["screen"]},
    "2 aspects for 1 texts; send one for each": {"inputs": [tensor("text", TEXT), tensor("aspect", "a", "b")]},
    '"inputs" must be a list of one tensor': {"inputs": [tensor("text", TEXT), tensor("other", "screen")]},
    '"inputs" must be a list of one tensor: {"name"': {"inputs": [tensor("aspect", "screen")]},
    'the datatype of the input "aspect" must be "BYTES"': {
        "inputs": [tensor("text", TEXT), {**tensor("aspect", "a"), "datatype": "FP32"}]
    },
    "the aspect of text must be a string, got a number": {"text": TEXT, "aspect": 3},
    "the aspect of text is empty": {"text": TEXT, "aspect": " "},
    "the aspect of texts[1] has 10,001 characters": {"texts": [TEXT, TEXT], "aspects": ["a", "a" * 10_001]},
    "the aspect of text is empty but for markup": {"text": TEXT, "aspect": "<br>"},
}


@pytest.fixture(scope="module")
def aspects(aspect_run, tmp_path_factory):
    return start_handler(aspect_run / "export", tmp_path_factory.mktemp("metrics"))


@pytest.mark.parametrize("told", REFUSED)
def test_a_form_that_would_lose_an_aspect_is_refused(told):
    with pytest.raises(RequestError) as caught:
        parse_request(REFUSED[told])
    assert str(caught.value).startswith(told)


def test_null_is_no_aspect():
    assert parse_request({"text": "a", "aspect": None}).texts == ("a",)
    assert parse_request({"texts": ["a", "b"], "aspects": None}).texts == ("a", "b")
    assert parse_request({"texts": ["a", "b"], "aspects": [None, "c"]}).texts == ("a", Pair("b", "c"))
    assert parse_request({"instances": [{"text": "a", "aspect": None}]}).texts == ("a",)


def test_each_form_is_answered_as_the_predictor_does(aspects, aspect_run):
    expected = Predictor.load(aspect_run)([TEXT, TEXT], aspect=["screen", "battery"])
    for (status, answer), name in zip(answers(aspects, *map(row, FORMS.values())), FORMS, strict=True):
        assert status == 200
        assert labels(answer) == [one.label for one in expected][: len(labels(answer))], name
    [(_, answer)] = answers(aspects, row({**FORMS["plain"], "details": True}))
    assert answer.pop("probabilities") == pytest.approx(expected[0].probabilities, abs=1e-4)
    assert answer["score"] == pytest.approx(expected[0].score, abs=1e-4)
    assert (answer["label"], answer["tokens"], answer["truncated"]) == ("positive", 9, False)


def test_a_mixed_batch_is_answered_row_by_row(aspects):
    rows = [
        row(FORMS["plain"]),
        row({"text": TEXT}),  # needs an aspect
        row(TEXT),
        row({"text": "", "aspect": "screen"}),
        row({"texts": [TEXT, TEXT], "aspects": ["battery", None]}),
        row({"text": TEXT, "aspect": "so on " * 40}),  # 80 tokens
        row(FORMS["v2"]),
        row({"text": TEXT, "aspect": "battery"}),
        {"data": TEXT, "aspect": "screen"},  # a form
        row(FORMS["plain"]),
    ]
    got = answers(aspects, *rows, headers={7: ASKED, 8: {"content-type": "multipart/form-data"}, 1: {}, 2: ASKED})
    assert [status for status, _ in got] == [200, 400, 400, 400, 400, 400, 200, 200, 400, 200]
    assert labels(got[0][1]) == labels(got[9][1]) == ["positive"]
    assert labels(got[6][1]) == ["positive", "negative"]
    assert (got[7][1]["aspect"], got[7][1]["target"]) == ("battery", "negative")
    for i in (1, 2):
        assert got[i][1]["message"].startswith(NEEDED)
    assert got[4][1]["message"].startswith(f"texts[1]: {NEEDED}")
    assert got[5][1]["message"].startswith("the aspect has 80 tokens, of which the model reads 14 at most")
    assert got[8][1]["message"] == 'a form holds a text alone, not the field "aspect"; send both as JSON'


LONG = "so on " * 40
PLACES = {
    "texts[1]": [{"texts": [TEXT, TEXT], "aspects": ["screen", one]} for one in (None, LONG)],
    "instances[1]": [
        {"instances": [{"text": TEXT, "aspect": "screen"}, one]} for one in (TEXT, {"text": TEXT, "aspect": LONG})
    ],
    "data[1]": [{"inputs": [tensor("text", TEXT, TEXT), tensor("aspect", "screen", one)]} for one in (None, LONG)],
}


@pytest.mark.parametrize("asked", [{}, ASKED], ids=["predictions", "explanations"])
@pytest.mark.parametrize("place", PLACES)
def test_a_text_whose_aspect_is_wrong_is_named_as_its_request_names_it(aspects, place, asked):
    got = answers(aspects, *map(row, PLACES[place]), headers={0: asked, 1: asked})
    assert [status for status, _ in got] == [400, 400]
    assert got[0][1]["message"].startswith(f"{place}: {NEEDED}")
    assert got[1][1]["message"].startswith(f"{place}: the aspect has 80 tokens")


@pytest.mark.parametrize(
    ("place", "body"), [("texts", {"texts": ["a", "b " * 6000]}), ("instances", {"instances": ["a", "b " * 6000]})]
)
def test_a_text_too_long_to_explain_is_named(place, body):
    with pytest.raises(RequestError, match=rf"^{place}\[1\] to explain has 12,000 characters; send at most 10,000"):
        parse_explain(body)


def test_the_description_says_that_aspects_are_read(aspects, handler):
    described = {0: {"describe": "True"}}
    [(_, answer)] = answers(aspects, {"body": b""}, headers=described)
    assert (answer["aspects"], answer["default_aspect"]) == (True, "")
    [(_, other)] = answers(handler, {"body": b""}, headers=described)
    assert not {"aspects", "default_aspect"} & other.keys()


def test_a_model_without_aspects_refuses_one(handler):
    rows = [*map(row, FORMS.values()), row({"text": "good film"})]
    got = answers(handler, *rows, headers={1: ASKED})
    assert [status for status, _ in got] == [400] * len(FORMS) + [200]
    assert got[0][1]["message"].startswith("this model reads texts without an aspect")
    assert got[1][1]["message"].startswith("texts[0]: this model reads texts without an aspect")


def test_an_archive_with_a_default_takes_texts_alone(aspect_run, tmp_path):
    import zipfile

    from sentiment.serving.archive import package
    from sentiment.serving.store import read_archive

    made = package(run=aspect_run, model_store=tmp_path, default_aspect="battery")
    assert read_archive(made).aspects
    with zipfile.ZipFile(made) as zipped:
        zipped.extractall(tmp_path / "unpacked")
    (tmp_path / "metrics").mkdir()
    served = start_handler(tmp_path / "unpacked", tmp_path / "metrics")
    got = answers(served, row(TEXT), row({"texts": [TEXT, TEXT], "aspects": ["screen", None]}))
    assert [labels(answer) for _, answer in got] == [["negative"], ["positive", "negative"]]


def test_the_rest_document_knows_the_forms_and_what_is_refused():
    from tests.protocol.test_openapi import DOCUMENT, check

    schemas = DOCUMENT["components"]["schemas"]
    names = dict(zip(("text", "texts", "instances", "inputs"), ("One", "Many", "Instances", "Tensors"), strict=True))

    def schema(body):
        return schemas[next(name for key, name in names.items() if key in body)]

    for body in FORMS.values():
        check(body, schema(body))
    check({"inputs": [tensor("text", TEXT), tensor("aspect", None)]}, schemas["Tensors"])
    with pytest.raises(ValidationError):
        check({"inputs": [tensor("text", None), tensor("aspect", "screen")]}, schemas["Tensors"])
    for told, body in REFUSED.items():
        if "aspects for" in told or "one tensor" in told or "markup" in told:
            continue  # that two lists are as long, or that a name is another, is beyond a schema
        with pytest.raises(ValidationError):
            check(body, schema(body))
