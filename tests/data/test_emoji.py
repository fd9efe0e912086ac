"""Emoji: each is one token however it is written, and its vector the mean of the pieces of its name."""

import copy

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from sentiment.backbones import PACKAGED, load_tokenizer
from sentiment.data.new_tokens import EMOTICONS, emoji_tokens, extend, grow, read_wanted
from sentiment.inference.preprocessing import Cleaning, Preprocessing
from sentiment.inference.tokenization import encode
from tests.conftest import read_json
from tests.data.small_tokenizers import CLEANING, text_of

COMMON = (
    "😂❤🤣👍😭🙏😘🥰😍😊🎉😁💕🥺😅🔥☺🤦♥🤷🙄😆🤗😉🎂🤔👏🙂😳🥳😎👌💜😔💪✨💖👀😋😏😢👉💗😩💯🌹💞🎈💙😃😡💐😜🙈🤞😄🤤🙌🤪❣😀💋💀👇"
    "💔😌💓🤩🙃😬😱😴🤭😐🌞😒😇🌸😈🎶✌🎊🥵😞💚☀🖤💰😚👑🎁💥🙋☹😑🥴👈💩✅👋🤮😤🤢🌟❗😥🌈💛😝😫😲🖕‼🔴🌻🤯💃👊🤬🏃😕👁⚡☕🍀💦⭐🦋🤨🌺"
    "😹🤘🌷💝💤🤝🐰😓💘🍻😟😣🧐😠🤠😻🌙😛🙊🤡🤫🤥😖😵😰😯😦😧😮😗😙😶😷🤒🤕🤧🤑🤓👻👽🤖😺😸😼😽🙀😿😾👶👧👦👩👨🍕🍔🍺🍷🏆⚽🏀🚀🚗✈🏠📱💻📷🎵🎤⏰💡📚"
)


@pytest.fixture(scope="module")
def minilm():
    tokenizer = load_tokenizer(PACKAGED)
    pieces = extend(tokenizer, "auto")
    return tokenizer, pieces


def test_an_emoji_that_touches_a_word_erases_nothing(minilm):
    backend = minilm[0].backend_tokenizer
    [row] = encode(["worst😡 phone"], backend, Preprocessing(32, cleaning=CLEANING))
    assert text_of(backend, row) == ["[CLS]", "worst", "😡", "phone", "[SEP]"]


def test_common_emoji_are_read_however_they_are_written(minilm):
    backend, (unknown,) = minilm[0].backend_tokenizer, [minilm[0].unk_token_id]
    assert len(COMMON) >= 200
    forms = ["{}", "good{}", "{}bad", "a {}{} b", "x{}\ufe0f", "x{}\ufe0e.", "{}\U0001f3fd!"]
    texts = [form.format(*[emoji] * 2) for emoji in COMMON for form in forms]
    rows = encode(texts, backend, Preprocessing(32, cleaning=CLEANING))
    assert [text for text, row in zip(texts, rows, strict=True) if unknown in row] == []
    assert {len(row) for row in rows[:: len(forms)]} == {3}


def test_every_emoji_of_unicode_is_one_token_with_or_without_the_cleaning_that_folds(minilm):
    backend = minilm[0].backend_tokenizer
    for cleaning in (CLEANING, Cleaning()):
        rows = encode([f"so{one.content}" for one in emoji_tokens()], backend, Preprocessing(32, cleaning=cleaning))
        lost = [one.content for one, row in zip(emoji_tokens(), rows, strict=True) if len(row) != 4]
        assert lost == []


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("👨\u200d👩\u200d👧 ok", ["👨\u200d👩\u200d👧", "ok"]),
        ("👍🏽👍🏿", ["👍", "👍"]),
        ("🤷🏽\u200d♀\ufe0f", ["🤷\u200d♀"]),
        ("🇩🇪🇫🇷", ["🇩🇪", "🇫🇷"]),
        ("1\ufe0f\u20e3", ["1\u20e3"]),
        ("❤\ufe0f\u200d🔥", ["❤\u200d🔥"]),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", None),
    ],
)
def test_sequences_are_one_token(minilm, text, tokens):
    backend = minilm[0].backend_tokenizer
    [row] = encode([text], backend, Preprocessing(32, cleaning=CLEANING))
    assert text_of(backend, row)[1:-1] == (tokens or [text])


def test_the_vector_of_an_emoji_is_the_mean_of_the_pieces_of_its_name(tmp_path, tiny_backbone):
    tokenizer, plain = load_tokenizer(tiny_backbone), load_tokenizer(tiny_backbone)
    network = AutoModelForSequenceClassification.from_pretrained(tiny_backbone)
    before = network.get_input_embeddings().weight.detach().clone()
    grow(network, extend(tokenizer, "emoji"), backbone="tiny")
    after = network.get_input_embeddings().weight
    assert torch.equal(after[: len(before)], before)
    assert (len(after), network.config.vocab_size) == (len(tokenizer), len(tokenizer))
    for emoji, name in {"😡": "enraged face", "❤": "red heart", "👍": "thumbs up"}.items():
        ids = plain(name, add_special_tokens=False)["input_ids"]
        assert torch.allclose(after[tokenizer.convert_tokens_to_ids(emoji)], before[ids].mean(0))


def test_tokens_that_are_there_are_added_once(minilm):
    tokenizer = copy.deepcopy(minilm[0])
    assert extend(tokenizer, "emoji") == {}
    assert len(tokenizer) == len(minilm[0])
    assert len(read_wanted(["emoticons", ":)"])) == len(EMOTICONS)


def test_a_run_reads_emoji_by_default_and_its_export_holds_all_of_it(tiny_run):
    export = tiny_run / "export"
    assert read_json(export / "preprocessing.json")["cleaning"]["emoji"] is True
    assert AutoTokenizer.from_pretrained(export).tokenize("worst😡 phone") == ["worst", "😡", "phone"]
    network = AutoModelForSequenceClassification.from_pretrained(export)
    assert network.get_input_embeddings().num_embeddings == len(AutoTokenizer.from_pretrained(export))
