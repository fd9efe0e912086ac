"""New tokens in every algorithm of tokenizers and in every architecture."""

import copy

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from sentiment.backbones import load_tokenizer
from sentiment.data.new_tokens import emoji_tokens, extend
from sentiment.inference.explanations import trim_space
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.tokenization import encode
from sentiment.inference.word_pieces import unknown_token
from tests.backbones import ENCODERS, build
from tests.data.small_tokenizers import CLEANING, text_of, trained


@pytest.mark.parametrize("kind", ["WordPiece", "byte BPE", "SentencePiece BPE", "SentencePiece Unigram"])
def test_every_algorithm_reads_new_tokens_beside_the_words_it_knows(kind, tmp_path):
    tokenizer = trained(kind)
    plain = copy.deepcopy(tokenizer.backend_tokenizer)
    pieces = extend(tokenizer, ["emoji", "emoticons", "rofl"])
    tokenizer.save_pretrained(tmp_path)
    for backend in (
        AutoTokenizer.from_pretrained(tmp_path).backend_tokenizer,
        Tokenizer.from_file(f"{tmp_path}/tokenizer.json"),
    ):
        for text in ("worst😡 phone", "worst 😡 phone", "worst😡phone"):
            [row] = encode([text], backend, Preprocessing(32, cleaning=CLEANING))
            want = ["<s>", *plain.encode("worst", add_special_tokens=False).tokens, "😡"]
            assert text_of(backend, row) == [*want, *plain.encode(" phone", add_special_tokens=False).tokens, "</s>"]
        [row] = encode(["good:) rofl"], backend, Preprocessing(32, cleaning=CLEANING))
        assert text_of(backend, row)[-3:] == [":)", "rofl", "</s>"]
    name = plain.encode(" enraged face", add_special_tokens=False)
    lone = {unknown_token(plain), plain.token_to_id("\u0120"), plain.token_to_id("\u2581")}
    assert pieces[tokenizer.convert_tokens_to_ids("😡")] == [i for i in name.ids if i not in lone]


@pytest.mark.parametrize("kind", ENCODERS)
def test_every_architecture_takes_new_tokens(kind, tmp_path):
    from sentiment.training.networks import load_network

    folder = build(kind, tmp_path)
    network, _ = load_network(folder, ["a", "b"], new_tokens=["emoji", "capitals"])
    tokenizer = load_tokenizer(folder)
    extend(tokenizer, ["emoji", "capitals"])
    ids = torch.tensor([[tokenizer.convert_tokens_to_ids(token) for token in ("😡", "xxup", "good")]])
    with torch.inference_mode():
        assert network.eval()(input_ids=ids).logits.isfinite().all()


def test_auto_leaves_a_tokenizer_alone_that_reads_emoji_in_bytes():
    assert extend(trained("byte BPE"), "auto") == {}
    known = len(emoji_tokens()) - len(extend(trained("byte BPE"), "emoji"))
    assert 0 < known < 10, "all but those that are a piece already, such as \xa9"


def test_an_offset_leaves_out_the_space_that_a_new_token_takes_in():
    backend = extended("byte BPE")
    text = CLEANING("worst😡 phone")
    encoded = backend.encode(text, add_special_tokens=False)
    [(start, end)] = [
        span for piece, span in zip(encoded.ids, encoded.offsets, strict=True) if backend.id_to_token(piece) == "😡"
    ]
    assert text[start:end] == " 😡"
    assert trim_space(text, start, end) == (start + 1, end)
    assert trim_space(text, 0, 5) == (0, 5)


def extended(kind):
    tokenizer = trained(kind)
    extend(tokenizer, "emoji")
    return tokenizer.backend_tokenizer
