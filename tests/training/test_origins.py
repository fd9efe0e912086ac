"""A run goes on from a checkpoint of its own network alone."""

import pytest
import torch

from sentiment.errors import ConfigError
from sentiment.training.model import SentimentClassifier
from sentiment.training.origins import check_resumable
from sentiment.training.tasks import Multi, Scale
from tests.backbones import build, one_line

LABELS = ["negative", "positive"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"labels": ["positive", "negative"]}, "of the labels negative, positive, in this order, not positive, negat"),
        ({"labels": ["a", "b", "c"]}, "of the labels negative, positive, in this order, not a, b, c"),
        ({"task": Multi()}, "of task=single, not multi"),
        ({"task": Scale()}, "of task=single, not scale"),
        ({"backbone": "other"}, "of the backbone .*, not "),
        ({"layer_decay": 0.5}, "of an optimizer with 2 groups of weights, .* in all, not 8"),
        ({"freeze_embeddings": True}, "of an optimizer with 2 groups"),
        ({"new_tokens": None}, "of another network: 1 weights differ"),
    ],
    ids=["same", "order", "count", "multi", "scale", "backbone", "layer_decay", "frozen", "new_tokens"],
)
def test_a_checkpoint_of_something_else_is_refused(changes, reason, tiny_run, tiny_backbone, tmp_path):
    if "backbone" in changes:
        changes = {"backbone": build("bert", tmp_path / "other")}
    model = SentimentClassifier(
        **{"backbone": tiny_backbone, "labels": LABELS, "optimizer": torch.optim.AdamW, "new_tokens": "auto", **changes}
    )
    checkpoint = tiny_run / "checkpoints" / "last.ckpt"
    rows = torch.load(checkpoint, weights_only=True, mmap=True)["rows"]
    if reason is None:
        check_resumable(model, checkpoint, rows)
        return
    with pytest.raises(ConfigError, match=f"last.ckpt is {reason}") as caught:
        check_resumable(model, checkpoint, rows)
    assert "go on with the settings and data that the run was started with" in one_line(caught.value)


def test_a_checkpoint_that_does_not_say_its_origin_is_known_by_its_weights(tiny_run, tiny_backbone, tmp_path):
    state = torch.load(tiny_run / "checkpoints" / "last.ckpt", weights_only=True)
    del state["network"], state["rows"]
    torch.save(state, tmp_path / "last.ckpt")
    model = SentimentClassifier(
        backbone=tiny_backbone, labels=["a", "b", "c"], optimizer=torch.optim.AdamW, new_tokens="auto"
    )
    with pytest.raises(ConfigError, match=r"2 weights differ \(first: network.classifier.bias is \(2,\) there, \(3,\)"):
        check_resumable(model, tmp_path / "last.ckpt", {"train": "0"})
