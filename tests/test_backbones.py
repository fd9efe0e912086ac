"""Backbones that cannot be fine-tuned here are refused in one line, with the reason."""

import pickle
import shutil

import pytest
import torch
from safetensors.torch import load_file

from sentiment.backbones import check_revision, load_config, load_tokenizer
from sentiment.errors import ConfigError, ModelError
from sentiment.training.networks import load_network
from tests.backbones import WORDS, build, build_tokenizer, one_line, rewrite

LABELS = ["bad", "good"]


@pytest.fixture
def folder(tmp_path):
    return build("bert", tmp_path / "bert")


def refused(call, *arguments):
    with pytest.raises(ModelError) as caught:
        call(*arguments)
    return one_line(caught.value)


def test_decoders_without_a_padding_token_are_refused(folder):
    build_tokenizer("bert", pad_token=None).save_pretrained(folder)
    assert "it has no padding token" in refused(load_tokenizer, folder)


def test_a_folder_without_a_tokenizer_is_refused(folder, tmp_path):
    for path in (tmp_path / "bert").glob("token*"):
        path.unlink()
    assert "its files (tokenizer.json or vocab.txt) are missing" in refused(load_tokenizer, folder)


def test_a_vocabulary_larger_than_the_token_vectors_is_refused(folder):
    build_tokenizer("bert", words=[*WORDS, "more", "words"]).save_pretrained(folder)
    assert "its token ids go up to 21, but the model has vectors for 20" in refused(load_tokenizer, folder)


def test_a_tokenizer_in_python_is_refused(tmp_path):
    from transformers import CanineConfig, CanineTokenizer

    CanineConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2).save_pretrained(tmp_path)
    CanineTokenizer().save_pretrained(tmp_path)
    assert "CanineTokenizer is written in Python" in refused(load_tokenizer, str(tmp_path))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_8bit": True}}, "its weights are quantized"),
        ({"model_type": "t5"}, "t5 is an encoder with a decoder"),
        ({"model_type": "blip"}, "transformers has no sequence classifier for blip"),
        (
            {"model_type": "own", "auto_map": {"AutoConfig": "own.Config"}},
            "it needs custom Python code, which is never run",
        ),
        ({"model_type": "nothing-known"}, "cannot load the backbone"),
    ],
)
def test_a_config_of_what_is_no_encoder_is_refused(changes, reason, folder):
    rewrite(folder, **changes)
    assert reason in refused(load_config, folder)


@pytest.mark.parametrize("content", [b"", b"\0" * 20, b"\xff" * 400, None], ids=["empty", "zeros", "noise", "cut"])
def test_damaged_weights_are_refused(content, folder, tmp_path):
    path = tmp_path / "bert" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:3000] if content is None else content)
    assert "cannot load the backbone" in refused(load_network, folder, LABELS)


def test_pickled_weights_are_read_without_running_them(folder, tmp_path, capfd):
    path = tmp_path / "bert" / "model.safetensors"
    weights = load_file(path)
    path.unlink()
    torch.save(weights, tmp_path / "bert" / "pytorch_model.bin")
    network, _ = load_network(folder, LABELS)
    torch.testing.assert_close(
        network.bert.embeddings.word_embeddings.weight.data, weights["bert.embeddings.word_embeddings.weight"]
    )

    class Evil:
        def __reduce__(self):
            return print, ("it ran",)

    torch.save({"a": Evil()}, tmp_path / "bert" / "pytorch_model.bin")
    assert "could run code as they are read" in refused(load_network, folder, LABELS)
    (tmp_path / "bert" / "pytorch_model.bin").write_bytes(pickle.dumps({"a": 1}))
    refused(load_network, folder, LABELS)
    assert "it ran" not in "".join(capfd.readouterr())


def test_an_older_folder_of_sentence_transformers_is_pointed_to_its_inner_one(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "st" / "0_Transformer")
    assert refused(load_config, str(tmp_path / "st")).endswith("st/0_Transformer")


def test_a_revision_of_what_has_none_is_refused(folder):
    with pytest.raises(ConfigError, match="data.revision=v1: no hub id is named"):
        check_revision("data.revision", "v1", None)
    with pytest.raises(ConfigError, match="model.revision=v1: .* is not on the hub"):
        load_config(folder, "v1")
    check_revision("model.revision", "v1", "bert-base-uncased")


def test_a_revision_reaches_every_reader(monkeypatch):
    seen = []

    def read(name, **options):
        seen.append((name, options["revision"], options["trust_remote_code"]))
        raise OSError("offline")

    monkeypatch.setattr("transformers.AutoConfig.from_pretrained", read)
    refused(load_config, "some/model-of-the-hub", "abc123")
    assert seen == [("some/model-of-the-hub", "abc123", False)]
