"""Several labels: each is given by its threshold."""

import json

import numpy as np
import pytest
import torch

from sentiment.inference.multilabel import Multi
from sentiment.inference.tasks import decoding_of
from sentiment.inference.types import Prediction


def test_several_labels_are_given_by_their_thresholds_and_kept_in_json():
    multi = Multi((0.3, 0.5), (1.5, 0.5), (0.1, -2.0))
    assert decoding_of(json.loads(json.dumps(multi.to_json()))) == multi
    answer = multi.answer(["joy", "positive"], [0.4, 0.4], tokens=3, truncated=False)
    assert (answer.labels, answer.label, answer.score) == (("joy",), "joy", 0.4)
    assert Prediction.from_json(json.loads(json.dumps(answer.to_json(details=True)))) == answer
    assert multi.with_thresholds(["joy", "fear"], {"fear": 0.1}).thresholds == (0.3, 0.1)
    assert multi.with_thresholds(["1", "true"], {True: 0.1}).thresholds == (0.3, 0.1)  # as YAML reads them
    logits = np.array([[0.2, -1.0]], dtype=np.float32)
    scores = multi.log_scores(torch.from_numpy(logits))
    calibrated = multi.calibrated(multi.probabilities(logits), 1.0)
    np.testing.assert_allclose(multi.normalized(scores), calibrated, atol=1e-6)
    assert multi.log_odds(scores, 1).item() == pytest.approx(-2.5)
