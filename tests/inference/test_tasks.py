"""Kinds of label: an export without one is read as `single`, and an unknown one is refused."""

import json

import numpy as np
import pytest
import torch

from sentiment.errors import DamagedFileError
from sentiment.inference.checksums import SUMS
from sentiment.inference.export_dir import read_preprocessing
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.tasks import SINGLE, decoding_of
from sentiment.inference.types import Prediction


def test_an_export_of_single_names_no_task_and_is_read_as_one(tiny_run):
    stored = json.loads((tiny_run / "export" / "preprocessing.json").read_text())
    assert "task" not in stored
    assert decoding_of(Preprocessing.from_json(stored).task) is SINGLE


def test_single_answers_as_softmax_and_argmax_do():
    logits = np.array([[0.2, 1.5, -3.0], [4.0, 4.0, 1.0]], dtype=np.float32)
    rows = SINGLE.probabilities(logits)
    np.testing.assert_allclose(rows, torch.from_numpy(logits).softmax(-1).numpy(), rtol=1e-6)
    labels = ["a", "b", "c"]
    for row, index in zip(rows.tolist(), SINGLE.decide(rows), strict=True):
        answer = SINGLE.answer(labels, row, tokens=3, truncated=False)
        assert answer == Prediction.best(labels, row, tokens=3, truncated=False)
        assert answer.label == labels[index]
        assert set(answer.to_json()) == {"label", "score", "probabilities"}
    assert [SINGLE.credit(labels, "a", truth) for truth in labels] == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"kind": "singel"}, "task.kind='singel': expected one of single"),
        ({}, "task.kind=None: expected one of single"),
        ("single", "task='single': expected an object, got str"),
    ],
)
def test_an_unknown_task_is_refused(tiny_copy, task, message):
    path = tiny_copy / "export" / "preprocessing.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"task": task}))
    (tiny_copy / "export" / SUMS).unlink()
    with pytest.raises(DamagedFileError, match=message):
        read_preprocessing(tiny_copy / "export")
