"""The archive's handler with a model that gives several labels."""

import pytest
import torch

from sentiment.cli import main
from sentiment.errors import ConfigError
from sentiment.inference.predictor import Predictor
from tests.conftest import read_json, start_handler
from tests.handling import ASKED, answers

LABELS = ["anger", "fear", "joy"]
TEXTS = ["film happy test 0", "phone furious scared test 5", "film test 3"]
TENSOR = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a day"]}


def test_the_handler_answers_in_every_form(multi_run, tmp_path):
    several = start_handler(multi_run / "export", tmp_path)
    expected = Predictor.load(multi_run).predict(TEXTS)
    tensor = {"name": "text", "shape": [3], "datatype": "BYTES", "data": TEXTS}
    bodies = [{"texts": TEXTS}, {"instances": TEXTS}, {"inputs": [tensor]}, {"text": TEXTS[1], "details": True}]
    bodies += [{"texts": TEXTS, "threshold": 0}, {"texts": TEXTS, "threshold": {"joy": 0}}]
    bodies += [{"inputs": [tensor], "parameters": {"threshold": '{"joy": 0}'}, "outputs": [{"name": "labels"}]}]
    got = answers(several, *({"body": body} for body in bodies))
    assert [status for status, _ in got] == [200] * 7
    plain, v1, v2, one, everything, joy, joy_v2 = (answer for _, answer in got)
    for found in (plain, v1):
        for prediction, other in zip(found["predictions"], expected, strict=True):
            assert list(prediction) == ["labels", "probabilities"]
            assert prediction["labels"] == list(other.labels)
            assert prediction["probabilities"] == pytest.approx(other.probabilities, abs=1e-4)
    outputs = {output["name"]: output for output in v2["outputs"]}
    assert list(outputs) == ["labels", "probabilities"]
    given = [name in other.labels for other in expected for name in LABELS]
    assert outputs["labels"] == {"name": "labels", "datatype": "BOOL", "shape": [3, 3], "data": given}
    assert (one["labels"], one["readable"]) == (list(expected[1].labels), True)
    assert [prediction["labels"] for prediction in everything["predictions"]] == [LABELS] * 3
    with_joy = [[name for name in LABELS if name in {*other.labels, "joy"}] for other in expected]
    assert [prediction["labels"] for prediction in joy["predictions"]] == with_joy
    assert joy_v2["outputs"][0]["data"][2::3] == [True] * 3
    [(_, described)] = answers(several, {"body": b""}, headers={0: {"describe": "True"}})
    assert (
        described["task"]["thresholds"] == read_json(multi_run / "export" / "preprocessing.json")["task"]["thresholds"]
    )
    bodies = [{"text": TEXTS[1]}, {"text": TEXTS[1], "target": "joy"}, {"text": "a day", "threshold": 0.1}]
    asked = answers(several, *({"body": body} for body in bodies), headers=dict.fromkeys(range(3), ASKED))
    assert [status for status, _ in asked] == [200, 200, 400]
    assert asked[0][1]["target"] in ("anger", "fear")
    assert asked[2][1]["message"].startswith('"threshold" says nothing here; name the label to explain')
    explained = asked[1][1]
    assert (explained["target"], explained["labels"]) == ("joy", list(expected[1].labels))
    p = expected[1].probabilities["joy"]
    total = explained["baseline"] + explained["delta"] + sum(word["attribution"] for word in explained["words"])
    assert total == pytest.approx(torch.logit(torch.tensor(p)).item(), abs=1e-2)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            {"text": "a day", "threshold": 2},
            "threshold must be a number between 0 and 1, or one for each of some",
        ),
        (
            {"text": "a day", "threshold": {"joy": {"fear": 0.1}}},
            "threshold.joy must be a number between 0 and 1, got {'fear': 0.1}",
        ),
        ({"text": "a day", "threshold": {"glee": 0.1}}, "threshold: no label 'glee'; this model has anger, fear, joy"),
        (
            {"inputs": [TENSOR], "parameters": {"threshold": '{"joy": 0.1, "joy": 0.2}'}},
            "\"threshold\" is not valid JSON: the body has the key 'joy' twice",
        ),
        ({"text": "a day", "max_error": 0.1}, "max_error=0.1: a promise is for models that give one of several labels"),
    ],
)
def test_what_several_labels_do_not_have_is_refused(multi_run, body, message, tmp_path):
    [(status, answer)] = answers(start_handler(multi_run / "export", tmp_path), {"body": body})
    assert (status, answer["message"][: len(message)]) == (400, message)


def test_a_model_of_one_label_has_no_threshold_and_no_labels(handler, tiny_run):
    tensor = {"name": "text", "shape": [1], "datatype": "BYTES", "data": ["good film"]}
    bodies = [{"text": "good film", "threshold": 0.3}, {"inputs": [tensor], "outputs": [{"name": "labels"}]}]
    (_, threshold), (_, labels) = found = answers(handler, *({"body": body} for body in bodies))
    assert [status for status, _ in found] == [400, 400]
    assert threshold["message"].startswith(
        "threshold is for models that give several labels (task=multi); this one has"
    )
    assert labels["message"].startswith("no output 'labels'; there are label, score, probabilities, tokens")
    with pytest.raises(ConfigError, match="threshold is for models that give several labels"):
        Predictor.load(tiny_run, threshold=0.3)


def test_no_archive_promises_what_several_labels_cannot(multi_run, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["package", f"run={multi_run}", f"model_store={tmp_path}", "max_error=0.1"])
    assert stopped.value.code == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said == (
        "error: max_error=0.1: a promise is for models that give one of several labels, this one has task=multi; "
        "leave max_error out"
    )
