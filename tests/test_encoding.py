import pytest
from transformers import AutoTokenizer

from sentiment.encoding import encode, encode_telling, truncate
from sentiment.text import Preprocessing


@pytest.fixture(scope="module")
def tokenizer(tiny_backbone):
    return AutoTokenizer.from_pretrained(tiny_backbone)


def test_short_texts_are_encoded_as_the_tokenizer_does(tokenizer):
    texts = ["what a day", "not once did i look at my watch 😍"]
    assert encode(texts, tokenizer, Preprocessing(64)) == [tokenizer(text)["input_ids"] for text in texts]


@pytest.mark.parametrize("how", ["head", "tail", "head_tail"])
def test_long_texts_fill_max_length_exactly_and_keep_special_tokens(tokenizer, how):
    [ids] = encode(["word " * 500], tokenizer, Preprocessing(32, how))
    assert len(ids) == 32
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)


def test_truncation_keeps_the_asked_part():
    ids = list(range(100))
    assert truncate(ids, 8, "head") == ids[:8]
    assert truncate(ids, 8, "tail") == ids[-8:]
    assert truncate(ids, 8, "head_tail") == [0, 1, *ids[-6:]]
    assert truncate(ids, 100, "tail") == ids


@pytest.mark.parametrize("how", ["head", "tail", "head_tail"])
def test_a_huge_text_gives_what_the_whole_of_it_would(tokenizer, how):
    text = " ".join(f"w{i}" for i in range(60_000))
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    [ids] = encode([text], tokenizer, Preprocessing(32, how))
    assert ids[1:-1] == truncate(whole, 30, how)


@pytest.mark.parametrize(
    ("text", "truncated"),
    [("word " * 30, False), ("word " * 31, True), ("word " * 60_000, True), ("a" + " " * 60_000, False)],
)
def test_a_text_with_more_than_fits_is_told(tokenizer, text, truncated):
    [(ids, told)] = encode_telling([text], tokenizer, Preprocessing(32))
    assert told is truncated
    assert [ids] == encode([text], tokenizer, Preprocessing(32))


def test_no_text_at_all_is_only_special_tokens(tokenizer):
    assert encode([""], tokenizer, Preprocessing(16)) == [[tokenizer.cls_token_id, tokenizer.sep_token_id]]
