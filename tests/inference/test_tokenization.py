import pytest
from transformers import AutoTokenizer

from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.readability import Readability
from sentiment.inference.tokenization import encode, encode_counting, encode_windows, truncate, windows


@pytest.fixture(scope="module")
def tokenizer(tiny_backbone):
    return AutoTokenizer.from_pretrained(tiny_backbone)


@pytest.fixture(scope="module")
def backend(tokenizer):
    return tokenizer.backend_tokenizer


def test_short_texts_are_encoded_as_the_tokenizer_does(tokenizer, backend):
    texts = ["what a day", "not once did i look at my watch 😍"]
    assert encode(texts, backend, Preprocessing(64)) == [tokenizer(text)["input_ids"] for text in texts]


@pytest.mark.parametrize("how", ["head", "tail", "head_tail"])
def test_long_texts_fill_max_length_exactly_and_keep_special_tokens(tokenizer, backend, how):
    [ids] = encode(["word " * 500], backend, Preprocessing(32, how))
    assert len(ids) == 32
    assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)


def test_truncation_keeps_the_asked_part():
    ids = list(range(100))
    assert truncate(ids, 8, "head") == ids[:8]
    assert truncate(ids, 8, "tail") == ids[-8:]
    assert truncate(ids, 8, "head_tail") == [0, 1, *ids[-6:]]
    assert truncate(ids, 100, "tail") == ids


@pytest.mark.parametrize("how", ["head", "tail", "head_tail"])
def test_a_huge_text_gives_what_the_whole_of_it_would(tokenizer, backend, how):
    text = " ".join(f"w{i}" for i in range(60_000))
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    [ids] = encode([text], backend, Preprocessing(32, how))
    assert ids[1:-1] == truncate(whole, 30, how)


@pytest.mark.parametrize(
    ("text", "truncated"),
    [("word " * 30, False), ("word " * 31, True), ("word " * 60_000, True), ("a" + " " * 60_000, False)],
)
def test_a_text_with_more_than_fits_is_told(backend, text, truncated):
    [encoded] = encode_windows([text], backend, Preprocessing(32))
    assert encoded.truncated is truncated
    assert encoded.windows == encode([text], backend, Preprocessing(32))
    assert encoded.tokens == len(encoded.windows[0])


def test_whole_texts_are_counted_however_long(backend):
    texts = ["word " * 7, "word " * 30_000]
    assert [count for _, count in encode_counting(texts, backend, Preprocessing(32))] == [9, 30_002]


@pytest.mark.parametrize(
    ("length", "starts"), [(3, [0]), (10, [0]), (11, [0, 1]), (14, [0, 4]), (15, [0, 4, 5]), (22, [0, 4, 8, 12])]
)
def test_windows_start_a_stride_apart_and_end_with_the_text(length, starts):
    ids = list(range(length))
    assert windows(ids, 10, 4) == [ids[start : start + 10] for start in starts]


def test_windows_hold_every_token_of_a_long_text(tokenizer, backend):
    text = " ".join(["good", "bad"][i % 2] for i in range(70))
    whole = tokenizer(text, add_special_tokens=False)["input_ids"]
    [encoded] = encode_windows([text], backend, Preprocessing(32, window_step=20))
    assert [ids[1:-1] for ids in encoded.windows] == [whole[0:30], whole[20:50], whole[40:70]]
    assert all((ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id) for ids in encoded.windows)
    assert (encoded.tokens, encoded.truncated) == (72, False)


@pytest.mark.parametrize(("how", "part"), [("head", slice(0, 90)), ("tail", slice(-90, None))])
def test_a_huge_text_gets_max_windows_of_the_part_that_truncation_keeps(tokenizer, backend, how, part):
    text = " ".join(f"w{i}" for i in range(60_000))
    whole = tokenizer(text, add_special_tokens=False)["input_ids"][part]
    [encoded] = encode_windows([text], backend, Preprocessing(32, how, window_step=20, max_windows=4))
    assert [ids[1:-1] for ids in encoded.windows] == [whole[i : i + 30] for i in (0, 20, 40, 60)]
    assert (encoded.tokens, encoded.truncated) == (92, True)


def test_training_reads_one_window(backend):
    assert encode(["word " * 99], backend, Preprocessing(32, window_step=8)) == encode(
        ["word " * 99], backend, Preprocessing(32)
    )


def test_no_text_at_all_is_only_special_tokens(tokenizer, backend):
    assert encode([""], backend, Preprocessing(16)) == [[tokenizer.cls_token_id, tokenizer.sep_token_id]]


@pytest.mark.parametrize(
    ("text", "unreadable"), [("good film", 0.0), ("good \u2800", 0.5), ("\u2800 \ue123\u2800", 1.0), ("<br>", 1.0)]
)
def test_the_share_of_unknown_pieces_is_measured(backend, text, unreadable):
    [encoded] = encode_windows([text], backend, Preprocessing(32), Readability.of(backend))
    assert encoded.unreadable == unreadable
