"""Adaptation of a backbone by masked-language modelling."""

import math
import signal

import pytest
import torch
from transformers import AutoTokenizer

from sentiment.backbones import PACKAGED
from sentiment.cli import main
from sentiment.data.batches import IGNORE_INDEX
from sentiment.training.adaptation import MaskedLanguageModel, load_masked
from sentiment.training.networks import load_network
from tests.backbones import build
from tests.conftest import read_json
from tests.training.conftest import assert_same_export, resumed


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    lines = [
        f"{verdict} {word} {mark}" for verdict in ("good", "bad") for word in ("film", "song") for mark in "😡😍x?"
    ]
    (folder / "lines.txt").write_text("\n".join([*lines, "", lines[0]]), encoding="utf-8")
    rows = [f"what a {word} this is and so on" for word in ("phone", "meal", "trip", "book")]
    (folder / "table.csv").write_text("id,text\n" + "".join(f"{i},{row}\n" for i, row in enumerate(rows)))
    return folder


@pytest.fixture(scope="module")
def adapt(tiny_backbone, texts, tmp_path_factory):
    def run(name, *overrides):
        outputs = tmp_path_factory.mktemp("adapted")
        main(
            ["train", "experiment=adapt", f"run_name={name}", f"paths.output_dir={outputs}"]
            + [f"paths.cache={outputs}/cache", f"model.backbone={tiny_backbone}", "model.lr=1e-2"]
            + [f"data.texts=[{texts}/lines.txt,{texts}/table.csv]", "data.max_length=16", "data.batch_size=4"]
            + ["trainer.max_epochs=3", "data.validation_fraction=0.2", *overrides]
        )
        return outputs / name

    return run


@pytest.fixture(scope="module")
def adapted(adapt):
    return adapt("adapted")


@pytest.fixture
def model(tiny_backbone):
    return MaskedLanguageModel(backbone=tiny_backbone, optimizer=torch.optim.AdamW, new_tokens="auto")


def batch_of(model, length=64):
    ids = torch.randint(1000, 20_000, (32, length))
    ids[:, 0], ids[:, -1], mask = 101, 102, torch.ones_like(ids)
    ids[0, 10:], mask[0, 10:] = 0, 0
    return {"input_ids": ids, "attention_mask": mask}


def test_the_export_is_a_backbone_whose_perplexity_fell(adapted, tiny_backbone):
    rows = [line.split(",") for line in next(adapted.rglob("metrics.csv")).read_text().splitlines()]
    found = [
        float(row[rows[0].index("validation/perplexity")]) for row in rows[1:] if row[rows[0].index("validation/loss")]
    ]
    scores = read_json(adapted / "metrics.json")["validation"]
    assert len(found) == 3
    assert scores["perplexity"] == pytest.approx(min(found), rel=1e-4)
    assert scores["perplexity"] == pytest.approx(math.exp(scores["loss"]))
    assert found[-1] < found[0]
    network, _ = load_network(f"{adapted}/export", ["bad", "good"], new_tokens="auto")
    former, _ = load_network(tiny_backbone, ["bad", "good"], new_tokens="auto")
    weights, before = network.state_dict(), former.state_dict()
    torch.testing.assert_close(weights["bert.pooler.dense.weight"], before["bert.pooler.dense.weight"])
    moved = (
        weights["bert.encoder.layer.0.output.dense.weight"] - before["bert.encoder.layer.0.output.dense.weight"]
    ).abs()
    assert moved.max() > 1e-3
    tokenizer = AutoTokenizer.from_pretrained(adapted / "export")
    emoji = tokenizer.convert_tokens_to_ids("😡")
    assert emoji != tokenizer.unk_token_id
    table = "bert.embeddings.word_embeddings.weight"
    assert not torch.equal(weights[table][emoji], before[table][emoji])


def test_whoever_reads_its_config_reads_its_weights(adapted):
    assert len({path.stat().st_mode for path in (adapted / "export").iterdir()}) == 1


def test_a_run_fine_tunes_from_it(adapted, train_tiny):
    run = train_tiny(
        "tuned", f"model.backbone={adapted}/export", "trainer.max_epochs=1", "after_training.baseline=false"
    )
    assert read_json(run / "run_summary.json")["backbone"] == f"{adapted}/export"


@pytest.mark.parametrize(
    "command",
    [
        "evaluate",
        "predict input=a.csv output=b.csv",
        "monitor input=a.csv output=b",
        "export",
        "package",
        "deploy",
        "ui engine=local",
    ],
)
@pytest.mark.parametrize("part", ["", "/export"])
def test_commands_that_need_labels_say_what_a_backbone_is_for(adapted, command, part, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("text\ngood film\n", encoding="utf-8")
    name, *options = command.split()
    with pytest.raises(SystemExit) as stop:
        main([name, f"run={adapted}{part}", *options])
    assert stop.value.code != 0
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"error: run={adapted}{part} is a backbone that experiment=adapt made, with no head for labels; fine-tune from "
        f"it: sentiment train data=files data.dir=FOLDER model.backbone={adapted}/export"
    )


def test_a_stopped_adaptation_resumes_to_the_weights_of_an_unbroken_one(adapt, adapted, stop_at, stopped):
    stop_at("sentiment.training.adaptation.MaskedLanguageModel.training_step", 6, signal.SIGTERM)
    assert_same_export(resumed(stopped(adapt, "broken")), adapted)


def test_masks_are_of_their_share_and_spare_special_tokens_and_padding(model):
    batch = batch_of(model)
    read, targets = model.masked(batch, 0)
    chosen = targets != IGNORE_INDEX
    assert chosen.float().mean() == pytest.approx(0.15, abs=0.03)
    assert not chosen[batch["input_ids"] < 103].any()
    torch.testing.assert_close(targets[chosen], batch["input_ids"][chosen])
    torch.testing.assert_close(read[~chosen], batch["input_ids"][~chosen])
    assert (read[chosen] == model.mask_id).float().mean() == pytest.approx(0.8, abs=0.08)
    assert (read[chosen] == batch["input_ids"][chosen]).float().mean() == pytest.approx(0.1, abs=0.07)


def test_masks_depend_on_seed_and_batch_alone(model):
    batch = batch_of(model)
    first, again, other = (model.masked(batch, seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_pieces_of_a_word_are_masked_together(tiny_backbone):
    model = MaskedLanguageModel(
        backbone=tiny_backbone, optimizer=torch.optim.AdamW, whole_words=True, mask_probability=0.4
    )
    tokenizer = AutoTokenizer.from_pretrained(tiny_backbone)
    batch = dict(tokenizer(["unbelievableness of antidisestablishmentarianism"] * 64, return_tensors="pt"))
    chosen = model.masked(batch, 0)[1] != IGNORE_INDEX
    words = torch.tensor(
        [
            -1 if word is None else word
            for word in tokenizer("unbelievableness of antidisestablishmentarianism").word_ids()
        ]
    )
    for word in range(3):
        pieces = chosen[:, words == word]
        assert torch.equal(pieces.all(dim=1), pieces.any(dim=1))
        assert 0.2 < pieces[:, 0].float().mean() < 0.6


def test_the_packaged_backbone_gets_a_head_tied_to_its_token_vectors():
    network, _, pooler, remarks = load_masked(PACKAGED, None, "auto")
    assert "it has no head for masked tokens: a new one is made, its output tied to the token vectors" in remarks
    assert network.get_output_embeddings().weight is network.get_input_embeddings().weight
    assert set(pooler) == {"bert.pooler.dense.weight", "bert.pooler.dense.bias"}
    assert len(network.get_input_embeddings().weight) == len(network.get_output_embeddings().bias) == 30_522 + 1_926


@pytest.mark.parametrize("kind", ["roberta", "distilbert", "modernbert", "mpnet", "electra"])
def test_other_architectures_compute_their_masked_tokens(kind, tmp_path):
    model = MaskedLanguageModel(backbone=with_mask(kind, tmp_path), optimizer=torch.optim.AdamW, mask_probability=0.5)
    ids = torch.tensor([[2, 4, 6, 10, 3]] * 8)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    logits, targets = model.eval()._logits(batch, 0)
    read, wanted = model.masked(batch, 0)
    whole = model.network(input_ids=read, attention_mask=batch["attention_mask"]).logits
    torch.testing.assert_close(logits, whole[wanted != IGNORE_INDEX])
    assert len(targets) == len(logits) > 0


def with_mask(kind, folder):
    name = build(kind, folder)
    tokenizer = AutoTokenizer.from_pretrained(name)
    tokenizer.mask_token = "?"
    tokenizer.save_pretrained(name)
    return name


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.texts=nowhere.csv", "nowhere.csv: no such file"),
        (
            "data.texts=README.md",
            "README.md: unknown format '.md'; expected .csv, .tsv, .jsonl, .ndjson, .json, .parquet, .xlsx, or .txt",
        ),
        ("model.mask_probability=1", "model.mask_probability=1: expected less than 1"),
        ("after_training.calibrate=false", "after_training.calibrate does nothing in sentiment train; leave it out"),
        ("model.layer_decay=0.9", "layer_decay"),
    ],
)
def test_a_mistake_is_one_line(override, message, capsys, tmp_path, texts):
    given = [] if override.startswith("data.texts") else [f"data.texts={texts}/lines.txt"]
    with pytest.raises(SystemExit) as stop:
        main(
            ["train", "experiment=adapt", *given, override, f"paths.output_dir={tmp_path}", f"paths.cache={tmp_path}/c"]
        )
    assert stop.value.code in (1, 2)
    assert message in capsys.readouterr().err


def test_a_part_of_the_experiment_alone_is_refused(capsys, tmp_path):
    with pytest.raises(SystemExit):
        main(["train", "task=masked", f"paths.output_dir={tmp_path}"])
    assert "task=masked without data=texts: they belong together; set experiment=adapt" in capsys.readouterr().err


def test_texts_are_needed(capsys, tmp_path):
    with pytest.raises(SystemExit):
        main(["train", "experiment=adapt", f"paths.output_dir={tmp_path}"])
    assert "data.texts is required and has no value; set data.texts=..." in capsys.readouterr().err
