"""One label of several: softmax and argmax, and a scale with its decision, value and interval."""

import json

import numpy as np
import pytest
import torch

from sentiment.batch.scoring import Columns
from sentiment.inference.arithmetic import corn_log_probabilities
from sentiment.inference.exclusive import Scale
from sentiment.inference.tasks import SINGLE, build_prediction, decoding_of
from sentiment.inference.types import Prediction


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


def test_a_text_that_cannot_be_read_has_the_middle_of_the_scale():
    """The rarest label would win by a prior that is divided out."""
    labels, rare = ["-2", "-1", "0", "1", "2"], (0.01, 0.2, 0.3, 0.4, 0.09)
    for decision in ("median", "argmax"):
        scale = Scale((-2, -1, 0, 1, 2), decision=decision, prior=rare)
        answer = build_prediction(scale, labels, [0, 0, 0, 0, 1], tokens=3, truncated=False, unreadable=1.0)
        assert (answer.label, answer.score, answer.readable) == ("0", 0.2, False)
        assert str(answer.value) == "0.0"  # no -5.55e-17
        cells = Columns.of(answer, polarity=True)
        assert cells.values(answer) == [None, *[0.2] * 6, 1.0, None, None, None, None, None]
