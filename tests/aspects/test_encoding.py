"""A text and its aspect as two segments: the same ids and token types as the tokenizers of transformers make."""

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedTokenizerFast,
)

from sentiment.errors import ModelError, TextError
from sentiment.inference.batching import pad, takes_types
from sentiment.inference.frames import PairRow, pair_form
from sentiment.inference.pairs import Pair
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.readability import Readability
from sentiment.inference.runtimes import TorchRuntime
from sentiment.inference.tokenization import encode, encode_counting, encode_windows
from sentiment.inference.word_pieces import clean_aspects

PAIRS = [
    Pair("good screen, weak battery", "battery"),
    Pair("<b>Good</b> screen &amp; weak battery", "the <i>battery</i>"),
    Pair("so on " * 60, "battery life"),
    Pair("", "battery"),
]


@pytest.fixture(scope="module")
def bert(tiny_backbone) -> Tokenizer:
    return Tokenizer.from_file(f"{tiny_backbone}/tokenizer.json")


@pytest.fixture(scope="module")
def roberta() -> Tokenizer:
    """Byte-level BPE with RoBERTa's specials, <s> a </s></s> b </s>, all of the token type 0."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *letters])}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return tokenizer


@pytest.mark.parametrize("name", ["bert", "roberta"])
@pytest.mark.parametrize("truncation", ["head", "tail"])
def test_rows_are_those_of_transformers(name, truncation, request):
    tokenizer = request.getfixturevalue(name)
    own = Preprocessing(48, truncation, aspects=True)
    side = {"head": "right", "tail": "left"}[truncation]
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, truncation_side=side, pad_token="[PAD]")
    for pair, row in zip(PAIRS, encode(PAIRS, tokenizer, own), strict=True):
        cleaned = [own.cleaning(part) for part in pair]
        told = fast(*cleaned, truncation="only_first", max_length=48, return_token_type_ids=True)
        assert row == told["input_ids"]
        types = pad([row], 0)["token_type_ids"][0].tolist()
        assert types == told["token_type_ids"]


def test_every_window_has_the_whole_aspect(bert):
    own = Preprocessing(24, aspects=True, window_step=8, max_windows=4)
    [aspect] = encode_windows([Pair("a", "battery life")], bert, own)
    ending = aspect.windows[0][2:]
    [long] = encode_windows([PAIRS[2]], bert, own)
    assert len(long.windows) == 4
    assert all(row[-len(ending) :] == ending and len(row) == 24 for row in long.windows)
    assert {row.types for row in long.windows} == {len(ending) - 1}  # the first separator belongs to the text
    assert long.truncated
    assert long.tokens == 24 + 3 * 8


def test_the_ends_of_a_long_text_give_the_ids_of_the_whole(bert):
    text = " ".join(f"word{i}" for i in range(20_000))
    for how in ("head", "tail", "head_tail"):
        own = Preprocessing(64, how, aspects=True)
        [(row, tokens)] = encode_counting([Pair(text, "battery")], bert, own)
        [whole] = bert.encode_batch([text], add_special_tokens=False)
        room = 64 - len(bert.encode("", "battery").ids)
        head = {"head": room, "tail": 0, "head_tail": room // 4}[how]
        assert row[1 : room + 1] == whole.ids[:head] + whole.ids[len(whole.ids) - (room - head) :]
        assert tokens == len(whole.ids) + 64 - room


def test_an_aspect_leaves_half_of_the_tokens_to_its_text(bert):
    own = Preprocessing(24, aspects=True)  # 21 without specials
    [row] = encode([Pair("a", "b " * 10)], bert, own)
    assert len(row) == 14
    with pytest.raises(TextError, match="^the aspect has 11 tokens, of which the model reads 10 at most") as caught:
        encode([Pair("a", "b"), Pair("a", "b " * 11)], bert, own)
    assert caught.value.index == 1
    with pytest.raises(TextError, match="^the aspect has no word"):
        encode([Pair("a", "<br>")], bert, own)


def test_special_tokens_that_are_written_end_no_segment(bert):
    own = Preprocessing(48, aspects=True)
    [row] = encode([Pair("good [SEP] [PAD] [CLS]", "a [SEP] b")], bert, own)
    special = [bert.token_to_id(name) for name in ("[CLS]", "[SEP]", "[SEP]")]
    assert [i for i in row if i in {*special, bert.token_to_id("[PAD]")}] == special
    [plain] = encode(["[MASK] is [UNK]"], bert, Preprocessing(48))
    assert bert.decode(plain[1:-1]) == "[ mask ] is [ unk ]"


def test_an_aspect_that_is_a_mention_or_a_link_alone_keeps_its_name(bert):
    own, names = Preprocessing(48, aspects=True), ["@delta", "@united", "https://a.example"]
    rows = encode([Pair("@ann was late", name) for name in names], bert, own)
    assert [bert.decode(row[row.index(102) : -1]) for row in rows] == ["@ delta", "@ united", "https : / / a. example"]
    assert all("@ user was late" in bert.decode(row) for row in rows)
    assert clean_aspects(["@delta", "thanks @delta"], own.cleaning) == ["@delta", "thanks @user"]


def test_an_aspect_of_an_unknown_script_cannot_be_read(bert):
    own, readability = Preprocessing(48, aspects=True), Readability.fit(bert, [])
    for aspect, share in {"battery": 0, "yakub": 0, "@delta": 0, "最高でした": 1, "battery 最高": 2 / 3}.items():
        [found] = encode_windows([Pair("good screen", aspect)], bert, own, readability)
        assert found.unreadable == pytest.approx(share)


def test_a_tokenizer_without_a_form_for_two_texts_is_refused():
    bare = Tokenizer(models.WordLevel({"a": 0, "b": 1, "[UNK]": 2}, unk_token="[UNK]"))
    with pytest.raises(ModelError, match="no form for a text with an aspect"):
        pair_form(bare)


def test_padding_has_the_type_of_the_text():
    batch = pad([PairRow([5, 6, 7, 8], 2), PairRow([5], 0)], 1)
    assert batch["token_type_ids"].tolist() == [[0, 0, 1, 1], [0, 0, 0, 0]]
    assert "token_type_ids" not in pad([[5, 6]], 1)


def test_only_a_network_with_token_types_gets_them(tiny_backbone, bert):
    own = Preprocessing(24, aspects=True)
    rows = encode(PAIRS[:1], bert, own)
    network = BertForSequenceClassification.from_pretrained(tiny_backbone).eval()
    batch = pad(rows, 0)
    with torch.inference_mode():
        expected, without = network(**batch).logits, network(batch["input_ids"], batch["attention_mask"]).logits
    np.testing.assert_array_equal(TorchRuntime(network, 0)(rows), expected)
    assert not torch.equal(expected, without)
    config = DistilBertConfig(n_layers=1, dim=8, n_heads=1, hidden_dim=8, vocab_size=len(bert.get_vocab()))
    assert not takes_types(config)
    assert TorchRuntime(DistilBertForSequenceClassification(config).eval(), 0)(rows).shape == (1, 2)
