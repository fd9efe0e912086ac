"""Kinds of label: an export without one is read as `single`, and an unknown one is refused."""

import json

import numpy as np
import pytest

from sentiment.errors import DamagedFileError
from sentiment.inference.checksums import SUMS
from sentiment.inference.export_dir import read_preprocessing
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.tasks import SINGLE, decoding_of
from sentiment.inference.types import Prediction


def test_an_export_of_single_names_no_task_and_is_read_as_one(tiny_run):
    stored = json.loads((tiny_run / "export" / "preprocessing.json").read_text())
    assert "task" not in stored
    assert decoding_of(Preprocessing.from_json(stored).task) is SINGLE


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"kind": "singel"}, "task.kind='singel': expected one of single, scale, multi"),
        ({}, "task.kind=None: expected one of single, scale, multi"),
        ("single", "task='single': expected an object, got str"),
        ({"kind": "scale", "values": [1, 1]}, r"task.values=\[1.0, 1.0\]: expected two ascending numbers or more"),
        ({"kind": "scale", "values": ["1", "2"]}, "expected a list of numbers"),
        ({"kind": "scale", "values": [1, 2], "prior": [1, 0]}, "expected a number above 0 for each label"),
        (
            {"kind": "scale", "values": [1, 2], "decision": "mode"},
            "task.decision='mode': expected one of argmax, median",
        ),
        ({"kind": "scale", "values": [1, 2], "link": "logit"}, "task.link='logit': expected one of softmax, corn"),
        ({"kind": "scale", "values": [1, 2], "width": 3}, "got an unexpected keyword argument 'width'"),
    ],
)
def test_an_unknown_task_is_refused(tiny_copy, task, message):
    path = tiny_copy / "export" / "preprocessing.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"task": task}))
    (tiny_copy / "export" / SUMS).unlink()
    with pytest.raises(DamagedFileError, match=message):
        read_preprocessing(tiny_copy / "export")


def store(run, **task):
    """Give an export another task, as if it had been trained with it."""
    path = run / "export" / "preprocessing.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"task": task}))
    (run / "export" / SUMS).unlink()
    return run


def test_a_scale_needs_a_number_for_each_label(tiny_copy):
    with pytest.raises(DamagedFileError, match="its task.values are not one for each of negative, positive"):
        Predictor.load(store(tiny_copy, kind="scale", values=[1, 2, 3]))


def test_a_scale_answers_label_value_and_interval(tiny_copy):
    plain = Predictor.load(tiny_copy).predict(["good film", "bad meal"])
    scaled = Predictor.load(store(tiny_copy, kind="scale", values=[-1, 1])).predict(["good film", "bad meal"])
    for one, other in zip(plain, scaled, strict=True):
        assert (other.label, other.probabilities) == (one.label, one.probabilities)
        assert other.value == pytest.approx(one.probabilities["positive"] - one.probabilities["negative"], abs=1e-6)
        assert Prediction.from_json(json.loads(json.dumps(other.to_json(details=True)))) == other


def test_explanations_of_a_chain_add_up_to_its_log_odds(tiny_copy):
    predictor = Predictor.load(store(tiny_copy, kind="scale", values=[1, 2], link="corn"))
    [answer] = predictor.predict(["good film and so on"])
    [explained] = predictor.explain(["good film and so on"])
    assert explained.target == answer.label
    p = answer.probabilities[answer.label]
    total = explained.baseline + sum(word.attribution for word in explained.words) + explained.delta
    assert total == pytest.approx(np.log(p / (1 - p)), abs=1e-3)
    assert explained.prediction.value == pytest.approx(answer.value, abs=1e-4)
