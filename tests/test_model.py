import pytest
import torch

from sentiment.backbones import PACKAGED, check_sha256, resolve
from sentiment.errors import ModelError
from sentiment.model import SentimentClassifier, decay_groups, load_network

LABELS = ["negative", "positive"]


@pytest.fixture
def model(tiny_backbone):
    return SentimentClassifier(backbone=tiny_backbone, labels=LABELS, optimizer=torch.optim.AdamW)


def test_logits_have_a_column_for_each_label(model):
    ids = torch.randint(5, 100, (3, 7))
    assert model(ids, torch.ones_like(ids)).shape == (3, 2)


def test_a_fresh_network_trains_with_dropout(model):
    assert all(module.training for module in model.network.modules())


def test_biases_and_layer_norms_do_not_decay(model):
    names = {id(parameter): name for name, parameter in model.network.named_parameters()}
    decayed, free = (
        {names[id(parameter)] for parameter in group["params"]}
        for group in decay_groups(model.network.parameters(), 0.1)
    )
    assert decayed | free == set(names.values())
    assert all(name.endswith("bias") or "LayerNorm" in name for name in free)
    assert not any(name.endswith("bias") or "LayerNorm" in name for name in decayed)


def test_the_network_carries_the_label_names(tiny_backbone):
    assert load_network(tiny_backbone, ["a", "b", "c"], None).config.id2label == {0: "a", 1: "b", 2: "c"}


def test_dropout_before_the_head_can_be_set(tiny_backbone):
    assert load_network(tiny_backbone, LABELS, 0.37).dropout.p == 0.37


def test_an_unreachable_backbone_says_what_to_do():
    with pytest.raises(ModelError, match="cannot load the backbone 'bert-base-uncased'.*; set model.backbone"):
        load_network("bert-base-uncased", LABELS, None)


def test_the_packaged_weights_are_the_published_ones():
    assert resolve(PACKAGED).endswith("model")


def test_altered_weights_are_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError, match="has SHA-256 d9298a10.*, expected 00; reinstall"):
        check_sha256(tmp_path / "model.safetensors", "00")
