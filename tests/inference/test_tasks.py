"""Kinds of label: an export without one is read as `single`, and an unknown one is refused."""

import json

import numpy as np
import pytest
import torch

from sentiment.errors import DamagedFileError
from sentiment.inference.checksums import SUMS
from sentiment.inference.export_dir import read_preprocessing
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.tasks import SINGLE, Multi, Scale, corn_log_probabilities, decoding_of
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


def test_a_scale_is_kept_in_json():
    scale = Scale((1.0, 2.5, 4.0), "corn", "argmax", (0.2, 0.3, 0.5))
    assert decoding_of(json.loads(json.dumps(scale.to_json()))) == scale


def test_the_chain_of_corn_is_a_distribution():
    logits = torch.randn(50, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    above = torch.sigmoid(logits[:, 1:])
    expected = torch.stack(
        [
            1 - above[:, 0],
            above[:, 0] * (1 - above[:, 1]),
            above[:, 0] * above[:, 1] * (1 - above[:, 2]),
            above.prod(dim=1),
        ],
        dim=1,
    )
    torch.testing.assert_close(corn_log_probabilities(logits).exp(), expected)
    rows = Scale((1, 2, 3, 4), "corn").probabilities(logits.float().numpy())
    np.testing.assert_allclose(rows.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(rows, expected.numpy(), atol=1e-6)


def test_the_decision_is_the_median_or_the_mode_with_the_prior_or_without():
    rows = np.array([[0.06, 0.39, 0.15, 0.3, 0.1], [0.0, 0.0, 0.1, 0.2, 0.7]], dtype=np.float32)
    values = (-2, -1, 0, 1, 2)
    assert Scale(values, decision="argmax").decide(rows).tolist() == [1, 4]
    assert Scale(values, decision="median").decide(rows).tolist() == [2, 4]
    prior = (0.02, 0.1, 0.28, 0.5, 0.1)  # rare low labels weigh more without it: 3, 3.9, 0.54, 0.6, 1
    assert Scale(values, decision="argmax", prior=prior).decide(rows).tolist() == [1, 4]
    assert Scale(values, decision="median", prior=prior).decide(rows).tolist() == [1, 4]
    answer = Scale(values).answer(list("abcde"), rows[0].tolist(), tokens=3, truncated=False)
    assert (answer.label, answer.score) == ("c", pytest.approx(0.15))
    assert answer.value == pytest.approx(-0.12 - 0.39 + 0.3 + 0.2, abs=1e-6)
    assert answer.interval == (-2.0, 2.0)
    assert [Scale(values).credit(list("abcde"), "a", truth) for truth in "abe"] == [1.0, 0.75, 0.0]


def test_explanations_of_a_chain_add_up_to_its_log_odds(tiny_copy):
    predictor = Predictor.load(store(tiny_copy, kind="scale", values=[1, 2], link="corn"))
    [answer] = predictor.predict(["good film and so on"])
    [explained] = predictor.explain(["good film and so on"])
    assert explained.target == answer.label
    p = answer.probabilities[answer.label]
    total = explained.baseline + sum(word.attribution for word in explained.words) + explained.delta
    assert total == pytest.approx(np.log(p / (1 - p)), abs=1e-3)
    assert explained.prediction.value == pytest.approx(answer.value, abs=1e-4)


@pytest.mark.parametrize(
    ("labels", "row", "polarity"),
    [
        (["negative", "neutral", "positive"], [0.2, 0.3, 0.5], 0.3),
        (["POS", "NEG"], [0.1, 0.9], -0.8),
        (["bad", "good"], [0.1, 0.9], None),
        (["negative", "other"], [0.1, 0.9], None),
    ],
)
def test_the_polarity_is_the_lead_of_positive_over_negative(labels, row, polarity):
    answer = SINGLE.answer(labels, row, tokens=3, truncated=False)
    assert answer.polarity == (None if polarity is None else pytest.approx(polarity))
    assert ("polarity" in answer.to_json(details=True)) == (polarity is not None)
    assert "polarity" not in answer.to_json()


def test_the_polarity_of_a_scale_is_its_value_between_the_ends():
    stars = Scale((1, 2, 3, 4, 5)).answer(list("12345"), [0, 0, 0.5, 0, 0.5], tokens=3, truncated=False)
    assert (stars.value, stars.polarity) == (4, pytest.approx(0.5))
    words = Scale((0, 1, 2)).answer(["low", "mid", "high"], [1.0, 0, 0], tokens=3, truncated=False)
    assert words.polarity == -1


def test_several_labels_are_given_by_their_thresholds_and_kept_in_json():
    multi = Multi((0.3, 0.5), (1.5, 0.5), (0.1, -2.0))
    assert decoding_of(json.loads(json.dumps(multi.to_json()))) == multi
    answer = multi.answer(["joy", "positive"], [0.4, 0.4], tokens=3, truncated=False)
    assert (answer.labels, answer.label, answer.score) == (("joy",), "joy", 0.4)
    assert Prediction.from_json(json.loads(json.dumps(answer.to_json(details=True)))) == answer
    assert multi.with_thresholds(["joy", "fear"], {"fear": 0.1}).thresholds == (0.3, 0.1)
    logits = np.array([[0.2, -1.0]], dtype=np.float32)
    scores = multi.log_scores(torch.from_numpy(logits))
    calibrated = multi.calibrated(multi.probabilities(logits), 1.0)
    np.testing.assert_allclose(multi.normalized(scores), calibrated, atol=1e-6)
    assert multi.log_odds(scores, 1).item() == pytest.approx(-2.5)
