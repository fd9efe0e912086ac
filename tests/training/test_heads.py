"""The head of a fine-tuned backbone: its rows follow the names of the labels, or it starts anew and that is said."""

import json
import shutil

import peft
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from sentiment.inference.predictor import Predictor
from sentiment.training.heads import known_labels, row_order
from sentiment.training.networks import load_network
from tests.backbones import build, rewrite

HEADS = ("bert", "roberta", "distilbert", "deberta-v2", "modernbert", "xlnet")  # each names its last layer otherwise
NAMES = ["good", "bad", "so"]
IDS = torch.tensor([[2, 4, 6, 10, 3], [2, 5, 7, 3, 3]])


@pytest.fixture(scope="module")
def fine_tuned(tmp_path_factory):
    """Backbones with a head that tells NAMES apart."""

    def get(kind, names=NAMES):
        folder = build(kind, tmp_path_factory.mktemp(kind), num_labels=len(names))
        numbers = {name: i for i, name in enumerate(names)}
        rewrite(folder, id2label={str(i): name for name, i in numbers.items()}, label2id=numbers)
        return folder

    return get


def logits(network):
    return network.eval()(input_ids=IDS, attention_mask=torch.ones_like(IDS)).logits


def loaded(folder, labels):
    network, said = load_network(folder, labels)
    original = AutoModelForSequenceClassification.from_pretrained(folder)
    return logits(network), logits(original), said


@pytest.mark.parametrize("kind", HEADS)
def test_the_rows_of_a_head_follow_the_names_of_its_labels(kind, fine_tuned):
    ours, theirs, said = loaded(fine_tuned(kind), ["bad", "good", "so"])
    torch.testing.assert_close(ours, theirs[:, [1, 0, 2]])
    assert said == ["the head is kept: its labels good, bad, so become bad, good, so, each with its own row"]


def test_a_head_in_the_same_order_is_left_alone_without_a_word(fine_tuned):
    ours, theirs, said = loaded(fine_tuned("bert"), NAMES)
    torch.testing.assert_close(ours, theirs)
    assert said == []


def test_letter_case_does_not_make_another_label(fine_tuned):
    ours, theirs, said = loaded(fine_tuned("bert"), ["BAD", "Good", "so"])
    torch.testing.assert_close(ours, theirs[:, [1, 0, 2]])
    assert "good, bad, so become BAD, Good, so" in said[0]


@pytest.mark.parametrize(
    ("labels", "config", "reason"),
    [
        (["bad", "fine", "good"], {}, "its labels are good, bad, so"),
        (["bad", "good"], {}, "its labels are good, bad, so"),
        (["a", "bad", "good", "so"], {}, "its labels are good, bad, so"),
        (["bad", "good", "so"], {"id2label": None, "label2id": None}, "its config.json does not say what it tells"),
        (
            ["bad", "good", "so"],
            {"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}, "label2id": None},
            "its config.json does not say",
        ),
        (["bad", "good", "so"], {"label2id": {"good": 1, "bad": 0, "so": 2}}, "its config.json does not say"),
    ],
    ids=["other names", "fewer", "more", "no names", "placeholders", "contradiction"],
)
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_a_head_of_other_labels_starts_anew_and_that_is_said(kind, labels, config, reason, fine_tuned):
    folder = fine_tuned(kind)
    rewrite(folder, **config)
    if "id2label" in config and not config["id2label"]:
        rewrite(folder, num_labels=3)
    network, [line] = load_network(folder, labels)
    assert line.startswith(f"the head is replaced by a new one for {', '.join(labels)}: {reason}")
    head = (network.classifier.out_proj if kind == "roberta" else network.classifier).weight
    weights = AutoModelForSequenceClassification.from_pretrained(folder).state_dict()
    former = weights["classifier.out_proj.weight" if kind == "roberta" else "classifier.weight"]
    assert head.shape == (len(labels), 16)
    assert not any(torch.equal(row, other) for row in head for other in former)
    assert 0.005 < head.std() < 0.04


def test_names_that_are_really_placeholders_keep_their_head(fine_tuned):
    names = ["LABEL_0", "LABEL_1", "LABEL_2"]
    ours, theirs, said = loaded(fine_tuned("bert", names), names[::-1])
    torch.testing.assert_close(ours, theirs[:, [2, 1, 0]])
    assert len(said) == 1


def test_a_head_of_another_kind_of_task_no_longer_says_so(fine_tuned):
    folder = fine_tuned("bert")
    rewrite(folder, problem_type="multi_label_classification", function_to_apply="sigmoid")
    network, _ = load_network(folder, NAMES)
    saved = json.loads(network.config.to_json_string())
    assert saved.get("problem_type") is None
    assert "function_to_apply" not in saved


def test_adapters_start_from_the_head_in_its_new_order(fine_tuned):
    from sentiment.training.model import SentimentClassifier

    lora = peft.LoraConfig(task_type="SEQ_CLS", r=2, target_modules=["query", "value"])
    folder = fine_tuned("bert")
    model = SentimentClassifier(
        backbone=folder, labels=["bad", "good", "so"], optimizer=torch.optim.AdamW, lora=lora
    ).eval()
    theirs = logits(AutoModelForSequenceClassification.from_pretrained(folder))
    torch.testing.assert_close(logits(model.merged()), theirs[:, [1, 0, 2]])
    assert model.merged().config.id2label == {0: "bad", 1: "good", 2: "so"}


def test_row_order_is_none_where_names_differ_or_fold_into_one():
    assert row_order(["a", "b"], ["b", "a"]) == [1, 0]
    assert row_order(["NEGATIVE", "POSITIVE"], ["positive", "negative"]) == [1, 0]
    assert row_order(["a", "A"], ["A", "a"]) == [1, 0]  # exact names before folded ones
    assert row_order(["a", "b"], ["a", "c"]) is None
    assert row_order(["a", "A"], ["a", "b"]) is None
    assert row_order(["a"], ["a", "b"]) is None
    assert row_order(None, ["a", "b"]) is None


def test_names_of_a_config_must_be_whole():
    assert known_labels({"id2label": {"1": "b", "0": "a"}}) == ["a", "b"]
    assert known_labels({"id2label": {"0": "a", "2": "b"}}) is None
    assert known_labels({"id2label": ["a", "b"]}) is None
    assert known_labels({"id2label": {"0": "a", "1": "b"}, "label2id": {"a": 1, "b": 0}}) is None
    assert known_labels({}) is None


@pytest.mark.slow
def test_a_run_on_an_export_with_another_order_of_labels_goes_on_from_its_score(tiny_run, train_tiny, capfd):
    """The fault: rows of the head stayed, their names were overwritten, and accuracy 1.0 became 0.0."""
    run = train_tiny(
        "warm",
        f"model.backbone={tiny_run}/export",
        "data.labels=[positive,negative]",
        "trainer.max_epochs=1",
        "model.lr=1e-9",  # nothing is learnt: what scores is the head as it was loaded
    )
    assert json.loads((run / "metrics.json").read_text())["test"]["accuracy"] == 1.0
    assert "the head is kept: its labels negative, positive become positive, negative" in "".join(capfd.readouterr())
    assert Predictor.load(run).labels == ["positive", "negative"]


def test_a_run_folder_as_backbone_is_pointed_to_its_export(tiny_run):
    from sentiment.errors import ModelError

    with pytest.raises(ModelError, match="has its model in export/; set model.backbone=.*/export"):
        load_network(str(tiny_run), ["negative", "positive"])


def test_the_export_of_fewer_layers_is_a_backbone_too(tiny_run, tmp_path):
    folder = shutil.copytree(tiny_run / "export", tmp_path / "export")
    rewrite(folder, num_hidden_layers=1)
    network, said = load_network(str(folder), ["positive", "negative"])
    assert len(network.bert.encoder.layer) == 1
    assert "become positive, negative" in said[0]
