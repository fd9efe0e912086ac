"""Words as new tokens: from names, lists and files, matched whole, and refused where they can do nothing."""

import pytest
from transformers import AutoTokenizer

from sentiment.backbones import load_tokenizer
from sentiment.data import SentimentData
from sentiment.data.new_tokens import EMOTICONS, extend
from sentiment.errors import ConfigError
from sentiment.inference.preprocessing import Cleaning
from sentiment.inference.tokenization import encode
from tests.data.small_tokenizers import text_of, trained


def test_words_match_whole_and_as_the_tokenizer_lowers_them(tiny_backbone):
    tokenizer = load_tokenizer(tiny_backbone)
    extend(tokenizer, ["rofl"])
    assert tokenizer.tokenize("ROFL! profl") == ["rofl", "!", "prof", "##l"]


def test_words_that_the_normalizer_makes_equal_are_one_token(tiny_backbone, tmp_path):
    tokenizer = load_tokenizer(tiny_backbone)
    pieces = extend(tokenizer, ["emoticons", "ROFL", "rofl"])
    assert len(pieces) == len(EMOTICONS) - 1 + 1
    tokenizer.save_pretrained(tmp_path)
    laughs, rolls = tokenizer.convert_tokens_to_ids(["xD", "ROFL"])
    read = AutoTokenizer.from_pretrained(tmp_path)("xD XD rofl", add_special_tokens=False)["input_ids"]
    assert read == [laughs, laughs, rolls]
    assert {laughs, rolls} < set(pieces)
    assert extend(tokenizer, "emoticons") == {}
    cased = trained("byte BPE")
    extend(cased, ["emoticons", "ROFL", "rofl"])
    assert len(set(cased("xD XD rofl ROFL", add_special_tokens=False)["input_ids"])) == 4


def test_a_file_has_a_token_a_line_and_the_words_that_describe_it(tiny_backbone, tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_text("rofl\tlaughing out loud\n\n10/10\n", encoding="utf-8")
    tokenizer = load_tokenizer(tiny_backbone)
    words = tokenizer("laughing out loud", add_special_tokens=False)["input_ids"]
    pieces = extend(tokenizer, str(path))
    assert pieces[tokenizer.convert_tokens_to_ids("rofl")] == words
    assert tokenizer.tokenize("a 10/10 film") == ["a", "10/10", "film"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("emojis", r"model.new_tokens=emojis: expected auto, emoji, emoticons, capitals, .*; did you mean emoji\?"),
        ("none.txt", "model.new_tokens=none.txt: the file cannot be read"),
        (["so good"], "'so good' is no token"),
        (["auto", "rofl"], "auto stands alone"),
        (["good", "bad"], r"the tokenizer has all of them; set model.new_tokens=null"),
    ],
)
def test_what_can_do_nothing_is_refused(tiny_backbone, wanted, message):
    with pytest.raises(ConfigError, match=message):
        extend(load_tokenizer(tiny_backbone), wanted)


def test_capitals_are_a_feature_of_a_token_and_not_of_pieces(tiny_backbone, corpus, tmp_path):
    given = {"backbone": tiny_backbone, "cache_dir": tmp_path, "dir": corpus, "cleaning": Cleaning(capitals=True)}
    with pytest.raises(ConfigError, match=r"set model.new_tokens=\[emoji,capitals\]"):
        SentimentData(**given).setup()
    data = SentimentData(**given, new_tokens=["capitals"])
    data.setup()
    [row] = encode(["so BAD"], data.tokenizer.backend_tokenizer, data.preprocessing)
    assert text_of(data.tokenizer.backend_tokenizer, row) == ["[CLS]", "so", "xxup", "bad", "[SEP]"]
