"""Backbones of many architectures: loaded whole, with the settings of a run working or refused."""

import pytest
import torch

from sentiment.backbones import positions
from sentiment.errors import ConfigError, ModelError
from sentiment.training import param_groups as parameters
from sentiment.training.adapters import with_adapters
from sentiment.training.dropout import attention_attribute
from sentiment.training.heads import label_dimensions
from sentiment.training.networks import check_runs, check_settings, load_network
from tests.backbones import ENCODERS, LAYERS, POSITIONS, build, one_line, rewrite

LABELS = ["bad", "fine", "good"]
SHARED = ("albert",)  # one layer, computed several times
RARE = {"camembert", "electra", "convbert", "rembert", "big_bird", "funnel", "deberta"}
KINDS = [pytest.param(kind, marks=pytest.mark.slow if kind in RARE else ()) for kind in ENCODERS]
OTHER_LINEAR = {  # one of the names that attention has where they are not query, key and value
    "mpnet": "q",
    "deberta": "in_proj",
    "deberta-v2": "query_proj",
    "modernbert": "Wqkv",
    "distilbert": "q_lin",
    "xlnet": "layer_1",
    "fnet": "dense",
    "funnel": "q_head",
}


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = build(kind, tmp_path_factory.mktemp(kind))
        return made[kind]

    return get


def rows(network):
    pad = network.config.pad_token_id
    ids = torch.tensor([[2, 4, 6, 10, 3], [2, 5, 6, 3, pad]])
    return {"input_ids": ids, "attention_mask": (ids != pad).long()}


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_of_the_head_is_at_work(kind, backbone):
    network, _ = load_network(backbone(kind), LABELS, 0.9, attention_dropout=0.0)
    network.base_model.eval()  # but for the head
    first, second = network(**rows(network)).logits, network(**rows(network)).logits
    assert not torch.equal(first, second)
    check_settings(backbone(kind), dropout=0.9)
    network, _ = load_network(backbone(kind), LABELS, 0.0, attention_dropout=0.0)
    network.base_model.eval()
    torch.testing.assert_close(network(**rows(network)).logits, network(**rows(network)).logits)


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_of_attention_is_at_work_or_refused(kind, backbone):
    if kind in ("xlnet", "fnet"):
        with pytest.raises(ConfigError, match=rf"model.attention_dropout=0.9 can do nothing for {kind}: its config"):
            check_settings(backbone(kind), attention_dropout=0.9)
        with pytest.raises(ConfigError, match="set model.attention_dropout=null"):
            load_network(backbone(kind), LABELS, attention_dropout=0.9)
        return
    network, said = load_network(backbone(kind), LABELS, 0.0, attention_dropout=0.9)
    assert getattr(network.config, attention_attribute(network.config)) == 0.9
    for module in network.modules():  # all other rates at 0
        if isinstance(module, torch.nn.Dropout) and module.p != 0.9:
            module.p = 0.0
    torch.manual_seed(0)
    first, second = network(**rows(network)).logits, network(**rows(network)).logits
    assert not torch.equal(first, second)
    check_settings(backbone(kind), attention_dropout=0.9)


def test_r_drop_without_dropout_is_refused(tmp_path):
    still = build("albert", tmp_path / "still", hidden_dropout_prob=0, classifier_dropout_prob=0)
    for settings in ({}, {"attention_dropout": 0.0}, {"dropout": 0.0}):
        with pytest.raises(ConfigError, match="model.r_drop=1 can do nothing for albert without dropout") as caught:
            check_settings(still, r_drop=1.0, **settings)
        one_line(caught.value)
    check_settings(still, r_drop=1.0, dropout=0.1)
    check_settings(still, r_drop=1.0, attention_dropout=0.1)
    check_settings(build("bert", tmp_path / "bert"), r_drop=1.0)


def test_the_default_of_no_attention_dropout_is_told_where_it_cannot_be_had(backbone):
    _, said = load_network(backbone("xlnet"), LABELS, attention_dropout=0.0)
    assert "xlnet has no dropout of the attention weights alone, it keeps dropout=0.1" in " ".join(said)
    _, said = load_network(backbone("fnet"), LABELS, attention_dropout=None)
    assert "attention" not in " ".join(said)


@pytest.mark.parametrize("kind", KINDS)
def test_each_layer_of_every_architecture_learns_slower_than_the_one_above(kind, backbone):
    network, _ = load_network(backbone(kind), LABELS)
    if kind in SHARED:
        with pytest.raises(ConfigError, match="model.layer_decay=0.5 can do nothing for albert: its layers share"):
            check_settings(backbone(kind), layer_decay=0.5)
        return
    check_settings(backbone(kind), layer_decay=0.5)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    rates = {}
    for group in parameters.groups(network, lr=1.0, weight_decay=0.0, layer_decay=0.5):
        rates |= {names[id(parameter)]: group["lr"] for parameter in group["params"]}
    assert set(rates.values()) == {0.5**depth for depth in range(LAYERS + 2)}
    assert all(rates[name] == 1.0 for name in label_dimensions(network.config))
    token_vectors = names[id(network.get_input_embeddings().weight)]
    assert rates[token_vectors] == 0.5 ** (LAYERS + 1)
    for stack in parameters.stacks(network):
        for depth, layer in enumerate(reversed(stack), 1):
            assert {rate for name, rate in rates.items() if name.startswith(f"{layer}.")} <= {0.5**depth}


@pytest.mark.parametrize("kind", KINDS)
def test_token_vectors_of_every_architecture_can_be_frozen(kind, backbone):
    network, _ = load_network(backbone(kind), LABELS)
    check_settings(backbone(kind), freeze_embeddings=True)
    parameters.freeze_embeddings(network)
    assert not network.get_input_embeddings().weight.requires_grad
    layers = tuple(layer for stack in parameters.outer_lists(network) for layer in stack)
    for name, parameter in network.named_parameters():
        assert parameter.requires_grad or not name.startswith(layers)
        assert parameter.requires_grad or name not in label_dimensions(network.config)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_all_positions_run_and_no_longer_ones(kind, backbone):
    network, _ = load_network(backbone(kind), LABELS)
    if kind in ("xlnet", "fnet", "convbert"):  # the last token, all tokens, or neighbours are read, padding or not
        with pytest.raises(ModelError, match="answers a text otherwise where a longer one is in its batch") as caught:
            check_runs(network, backbone(kind), POSITIONS)
        one_line(caught.value)
        return
    if kind == "funnel":  # of any length
        check_runs(network, backbone(kind), 100)
        return
    assert positions(backbone(kind)) == POSITIONS
    check_runs(network, backbone(kind), POSITIONS)
    if kind not in ("modernbert",):  # whose positions are computed, not learnt
        with pytest.raises(
            ModelError, match=r"cannot compute a text of 65 tokens: .*; lower data.max_length"
        ) as caught:
            check_runs(network, backbone(kind), POSITIONS + 1)
        one_line(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_adapters_leave_the_head_to_learn_in_every_architecture(kind, backbone):
    import peft

    network, _ = load_network(backbone(kind), LABELS)
    inside = f"{network.base_model_prefix}."
    head = {name for name, _ in network.named_parameters() if not name.startswith(inside)}
    lora = peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["query", "key", "value"])
    if kind in OTHER_LINEAR:
        with pytest.raises(ConfigError, match="name some of its linear layers") as caught:
            with_adapters(network, lora)
        one_line(caught.value)
        lora = peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=[OTHER_LINEAR[kind]])
    adapted = with_adapters(network, lora)
    learning = {name for name, parameter in adapted.named_parameters() if parameter.requires_grad}
    for name in head:
        module, _, tail = name.partition(".")
        assert any(f".{module}.modules_to_save.default.{tail}" in other for other in learning), name
    assert lora.modules_to_save is None  # the config of the run is left alone


def test_xlnet_says_minus_one_where_it_means_no_limit(backbone):
    assert positions(backbone("xlnet")) is None


def test_block_sparse_attention_is_computed_in_full(tmp_path):
    folder = build("big_bird", tmp_path / "big_bird", attention_type="block_sparse")
    network, said = load_network(folder, LABELS)
    assert network.config.attention_type == "original_full"
    assert "its attention is computed in full" in said[0]


def test_weights_that_are_no_numbers_are_refused(backbone):
    network, _ = load_network(backbone("bert"), LABELS)
    torch.nn.init.constant_(network.bert.encoder.layer[0].output.dense.bias, float("nan"))
    with pytest.raises(ModelError, match="gives no finite number for each label"):
        check_runs(network, "x", 16)


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
def test_an_architecture_that_does_not_know_mixed_precision_is_refused(backbone, precision):
    network, _ = load_network(backbone("deberta"), LABELS)
    check_runs(network, backbone("deberta"), 16)
    with pytest.raises(ModelError, match=rf"cannot compute in trainer.precision={precision}: .*=32-true") as caught:
        check_runs(network, backbone("deberta"), 16, precision=precision)
    one_line(caught.value)
    network, _ = load_network(backbone("deberta-v2"), LABELS)
    check_runs(network, backbone("deberta-v2"), 16, precision=precision)


def test_weights_of_another_architecture_are_refused(backbone, tmp_path):
    folder = build("bert", tmp_path / "bert")
    rewrite(folder, num_hidden_layers=LAYERS + 1)
    with pytest.raises(ModelError, match=r"not those of its config.json: 16 of \d+ are missing .*encoder.layer.3"):
        load_network(folder, LABELS)
    rewrite(folder, num_hidden_layers=LAYERS, intermediate_size=48)
    with pytest.raises(ModelError, match="are missing or of another shape") as caught:
        load_network(folder, LABELS)
    one_line(caught.value)


def test_a_pooler_and_a_head_may_be_new(tmp_path):
    from transformers import AutoConfig, AutoModelForMaskedLM

    folder = build("bert", tmp_path / "bert")
    AutoModelForMaskedLM.from_config(AutoConfig.from_pretrained(folder)).save_pretrained(folder)
    _, said = load_network(folder, LABELS)
    assert said == []
