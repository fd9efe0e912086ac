from types import SimpleNamespace

import pytest
import torch
from omegaconf import OmegaConf

from sentiment.backbones import PACKAGED, check_sha256, resolve
from sentiment.errors import ConfigError, ModelError
from sentiment.training.check import check_teaching
from sentiment.training.losses import label_weights
from sentiment.training.model import SentimentClassifier
from sentiment.training.networks import load_network
from sentiment.training.param_groups import groups

LABELS = ["negative", "positive"]


@pytest.fixture
def model(tiny_backbone):
    return SentimentClassifier(backbone=tiny_backbone, labels=LABELS, optimizer=torch.optim.AdamW)


class Own(SentimentClassifier):
    def __init__(self, *args, extra=1, **kwargs):
        super().__init__(*args, **kwargs)
        self.extra = extra


def test_a_model_class_that_passes_its_arguments_on_is_checked_as_ours():
    model = {"_target_": f"{__name__}.Own", "teacher": None, "teacher_temperature": 2.0, "extra": 3}
    cfg = OmegaConf.create({"model": model, "data": {}, "task": {"_target_": "sentiment.training.tasks.Single"}})
    check_teaching(cfg)
    cfg.model.teacher_temperature = 3.0
    with pytest.raises(ConfigError, match=r"model.teacher_temperature=3.0 does nothing without a teacher"):
        check_teaching(cfg)


def test_logits_have_a_column_for_each_label(model):
    ids = torch.randint(5, 100, (3, 7))
    assert model(ids, torch.ones_like(ids)).shape == (3, 2)


def test_a_fresh_network_trains_with_dropout(model):
    assert all(module.training for module in model.network.modules())


def test_biases_and_layer_norms_do_not_decay(model):
    names = {id(parameter): name for name, parameter in model.network.named_parameters()}
    decayed, free = (
        {names[id(parameter)] for parameter in group["params"]}
        for group in groups(model.network, lr=1e-4, weight_decay=0.1, layer_decay=1.0)
    )
    assert decayed | free == set(names.values())
    assert all(name.endswith("bias") or "LayerNorm" in name for name in free)
    assert not any(name.endswith("bias") or "LayerNorm" in name for name in decayed)


@pytest.mark.parametrize(
    ("kind", "arguments"), [("cosine_with_min_lr", {"min_lr": 1e-3}), ("polynomial", {"lr_end": 1e-3})]
)
def test_a_schedule_ends_at_the_rate_that_is_given(kind, arguments, tiny_backbone):
    settings = {"lr": 0.01, "warmup_ratio": 0.0, "scheduler": kind, "lr_scheduler_kwargs": arguments}
    model = SentimentClassifier(backbone=tiny_backbone, labels=LABELS, optimizer=torch.optim.AdamW, **settings)
    model.trainer = SimpleNamespace(estimated_stepping_batches=5, world_size=2)
    made = model.configure_optimizers()
    schedule = made["lr_scheduler"]["scheduler"]
    rates = [schedule.get_last_lr()[0]]
    for _ in range(5):
        made["optimizer"].step()
        schedule.step()
        rates.append(schedule.get_last_lr()[0])
    assert (rates[0], rates[-1]) == (pytest.approx(0.01), pytest.approx(1e-3))


def test_the_network_carries_the_label_names(tiny_backbone):
    assert load_network(tiny_backbone, ["a", "b", "c"])[0].config.id2label == {0: "a", 1: "b", 2: "c"}


def test_dropout_before_the_head_can_be_set(tiny_backbone):
    assert load_network(tiny_backbone, LABELS, 0.37)[0].dropout.p == 0.37


def test_an_unreachable_backbone_says_what_to_do():
    with pytest.raises(ModelError, match="cannot load the backbone 'bert-base-uncased'.*; set model.backbone"):
        load_network("bert-base-uncased", LABELS, None)


def test_the_packaged_weights_are_the_published_ones():
    assert resolve(PACKAGED).endswith("model")


def test_altered_weights_are_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError, match="has SHA-256 d9298a10.*, expected 00; reinstall"):
        check_sha256(tmp_path / "model.safetensors", "00")


def test_each_layer_learns_slower_than_the_one_above(model):
    rates = {}
    names = {id(parameter): name for name, parameter in model.network.named_parameters()}
    for group in groups(model.network, lr=1.0, weight_decay=0.1, layer_decay=0.5):
        rates |= {names[id(parameter)]: group["lr"] for parameter in group["params"]}
    assert set(rates) == set(names.values())
    assert rates["classifier.weight"] == 1.0
    assert rates["bert.encoder.layer.1.output.dense.bias"] == 0.5
    assert rates["bert.encoder.layer.0.output.dense.bias"] == 0.25
    assert rates["bert.embeddings.word_embeddings.weight"] == 0.125


def test_balanced_weights_are_inverse_to_the_counts():
    assert label_weights("balanced", LABELS, {"negative": 30, "positive": 10}) == pytest.approx([2 / 3, 2.0])
    assert label_weights({"positive": 3, "negative": 1}, LABELS, {}) == [1.0, 3.0]


def test_frozen_embeddings_do_not_learn(tiny_backbone):
    model = SentimentClassifier(
        backbone=tiny_backbone, labels=LABELS, optimizer=torch.optim.AdamW, freeze_embeddings=True
    )
    frozen = {name for name, parameter in model.network.named_parameters() if not parameter.requires_grad}
    assert frozen == {name for name, _ in model.network.named_parameters() if "embeddings" in name}


def test_merged_adapters_answer_as_before(tiny_backbone):
    import peft

    lora = peft.LoraConfig(task_type="SEQ_CLS", r=4, target_modules=["query", "value"])
    model = SentimentClassifier(backbone=tiny_backbone, labels=LABELS, optimizer=torch.optim.AdamW, lora=lora).eval()
    learning = [name for name, parameter in model.network.named_parameters() if parameter.requires_grad]
    assert all("lora_" in name or "classifier" in name for name in learning)
    for name, parameter in model.network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)  # fresh adapters change nothing
    ids = torch.randint(5, 100, (3, 7))
    before = model(ids, torch.ones_like(ids))
    plain = model.merged()
    assert type(plain).__name__ == "BertForSequenceClassification"
    torch.testing.assert_close(plain(input_ids=ids, attention_mask=torch.ones_like(ids)).logits, before)
