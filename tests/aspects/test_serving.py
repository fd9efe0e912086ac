"""Clients, the golden set, behaviour tests and the page's backend for a model that reads aspects."""

import asyncio
import json
from dataclasses import replace

import pytest

from sentiment.client import AsyncClient, Client
from sentiment.errors import ConfigError, DataError, RejectedError
from sentiment.evaluation.behaviour import judge, read_behaviour
from sentiment.inference.pairs import Pair
from sentiment.inference.predictor import Predictor
from sentiment.serving.rollout.golden import GoldenTable, read_golden
from sentiment.ui.backend import InProcess
from sentiment.ui.feedback import Correction
from sentiment.ui.render import model_facts
from sentiment.ui.words import words
from tests.client.conftest import server  # noqa: F401
from tests.conftest import write_csv

TEXTS = ["a", "b", "c"]
TOO_MUCH = {"code": 413, "type": "PayloadTooLarge", "message": "send fewer"}


def test_clients_send_aspects_beside_their_texts(server):  # noqa: F811
    with Client(url=server.url, pauses=(), batch_size=2) as client:
        client.predict(TEXTS, aspect=["x", None, "z"])
        client.predict(TEXTS[:1], aspect="x")
        client.predict([Pair("a", "x")])
        client.predict(TEXTS[:1])
    bodies = [body for _, _, body in server.seen]
    assert bodies == [
        {"texts": ["a", "b"], "aspects": ["x", None]},
        {"texts": ["c"], "aspects": ["z"]},
        *[{"texts": ["a"], "aspects": ["x"]}] * 2,
        {"texts": ["a"]},
    ]

    async def ask():
        async with AsyncClient(url=server.url, pauses=()) as client:
            return await client.predict(TEXTS, aspect="x")

    assert [one.label for one in asyncio.run(ask())] == TEXTS
    assert server.seen[-1][2] == {"texts": TEXTS, "aspects": ["x"] * 3}


def test_halves_keep_their_aspects(server):  # noqa: F811
    server.script += [(413, TOO_MUCH)]
    with Client(url=server.url, pauses=()) as client:
        assert [one.label for one in client.predict(TEXTS, aspect=["x", "y", "z"])] == TEXTS
    assert [body["aspects"] for _, _, body in server.seen] == [["x", "y", "z"], ["x"], ["y", "z"]]


def test_a_client_refuses_aspects_that_do_not_fit(server):  # noqa: F811
    with Client(url=server.url, pauses=()) as client:
        for aspect, told in {
            ("x",): "1 aspects for 3 texts",
            ("x", " ", "z"): r"the aspect of texts\[1\] is empty",
        }.items():
            with pytest.raises(RejectedError, match=told):
                client.predict(TEXTS, aspect=list(aspect))
    assert server.seen == []


def test_a_client_takes_pairs_as_a_predictor_does(server):  # noqa: F811
    with Client(url=server.url, pauses=()) as client:
        client.predict([(TEXTS[0], "x"), TEXTS[1]])
    assert server.seen[-1][2] == {"texts": TEXTS[:2], "aspects": ["x", None]}


def test_a_golden_set_has_aspects(aspect_run, tiny_run, aspect_corpus):
    assert read_golden(None, aspect_run, most=4, aspects=True).texts[1].aspect in ("screen", "battery")
    named = GoldenTable(aspect_column="target")
    golden = read_golden(aspect_corpus / "test.csv", aspect_run, most=16, how=named, aspects=True)
    predicted = Predictor.load(aspect_run).predict(golden.texts)
    assert [one.label for one in predicted] == golden.labels
    with pytest.raises(ConfigError, match="aspect_column=target: this model reads no aspects"):
        read_golden(aspect_corpus / "test.csv", tiny_run, most=16, how=named)
    other = GoldenTable(aspect_column="none")
    with pytest.raises(DataError, match="no column 'none'.*set aspect_column"):
        read_golden(aspect_corpus / "test.csv", aspect_run, most=16, how=other, aspects=True)


def test_behaviour_tests_have_an_aspect(aspect_run, tmp_path):
    rows = [
        ("minimum", "the [film|meal]", "positive", "screen"),
        ("invariance", "the {film|meal}", "", "battery"),
        ("minimum", "the film", "positive", ""),
    ]
    write_csv(tmp_path / "own.csv", rows, ("kind", "text", "label", "aspect"))
    labels = ["negative", "positive"]
    [own] = read_behaviour(tmp_path, labels, aspects=True)
    assert [case.texts[0] for case in own.cases] == [*(Pair(f"the {w}", "screen") for w in ("film", "meal")),
                                                     Pair("the film", "battery")]  # fmt: skip
    [outcome] = judge([own], Predictor.load(aspect_run).predict)
    assert outcome.failed == [False] * 3
    [alone] = read_behaviour(tmp_path, labels)
    assert [case.texts for case in alone.cases] == [("the film",)]


def test_the_page_knows_of_aspects(aspect_run):
    page = InProcess(Predictor.load(aspect_run), "run")
    model = page.state().model
    assert model.aspects
    assert "an aspect" in model_facts(model, "here")
    [answer] = page.predict([Pair("the film", "screen")])
    correction = Correction.of(Pair("the film", "screen"), "negative", answer, "1.0")
    assert json.loads(json.dumps(correction.to_json()))["aspect"] == "screen"
    assert "aspect" not in Correction.of("the film", "negative", answer, "1.0").to_json()
    told = page.explain(Pair("the film", "screen"), "positive")
    told = replace(told, words=(replace(told.words[0], attribution=1.0), *told.words[1:]))
    assert "toward “screen”" in words(told)
