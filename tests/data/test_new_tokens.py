"""Emoji and other new tokens: read without [UNK], their vectors made of known pieces, for every kind of tokenizer."""

import copy

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import AutoModelForSequenceClassification, AutoTokenizer, PreTrainedTokenizerFast

from sentiment.backbones import PACKAGED, load_tokenizer
from sentiment.data import SentimentData
from sentiment.data.new_tokens import EMOTICONS, emoji_tokens, extend, grow, read_wanted
from sentiment.errors import ConfigError
from sentiment.inference.explanations import trimmed
from sentiment.inference.preprocessing import Cleaning, Preprocessing
from sentiment.inference.tokenization import encode
from sentiment.inference.word_pieces import unknown_token
from tests.backbones import ENCODERS, build
from tests.conftest import read_json

COMMON = (
    "😂❤🤣👍😭🙏😘🥰😍😊🎉😁💕🥺😅🔥☺🤦♥🤷🙄😆🤗😉🎂🤔👏🙂😳🥳😎👌💜😔💪✨💖👀😋😏😢👉💗😩💯🌹💞🎈💙😃😡💐😜🙈🤞😄🤤🙌🤪❣😀💋💀👇"
    "💔😌💓🤩🙃😬😱😴🤭😐🌞😒😇🌸😈🎶✌🎊🥵😞💚☀🖤💰😚👑🎁💥🙋☹😑🥴👈💩✅👋🤮😤🤢🌟❗😥🌈💛😝😫😲🖕‼🔴🌻🤯💃👊🤬🏃😕👁⚡☕🍀💦⭐🦋🤨🌺"
    "😹🤘🌷💝💤🤝🐰😓💘🍻😟😣🧐😠🤠😻🌙😛🙊🤡🤫🤥😖😵😰😯😦😧😮😗😙😶😷🤒🤕🤧🤑🤓👻👽🤖😺😸😼😽🙀😿😾👶👧👦👩👨🍕🍔🍺🍷🏆⚽🏀🚀🚗✈🏠📱💻📷🎵🎤⏰💡📚"
)
CLEANING = Cleaning(emoji=True)
SENTENCES = ["good film and bad meal", "smiling face with heart eyes", "red heart", "angry face", "worst phone"] * 20


def text_of(backend, ids):
    return [backend.id_to_token(i) for i in ids]


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


def trained(kind):
    """A small tokenizer of each algorithm, saved and read as those of the hub are."""
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    if kind == "WordPiece":
        backend = Tokenizer(models.WordPiece(unk_token="<unk>"))
        backend.normalizer, backend.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=special)
    elif kind == "byte BPE":
        backend = Tokenizer(models.BPE())
        backend.pre_tokenizer, backend.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet)
    elif kind == "SentencePiece BPE":
        backend = Tokenizer(models.BPE(unk_token="<unk>"))
        backend.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.BpeTrainer(vocab_size=200, special_tokens=special)
    else:
        backend = Tokenizer(models.Unigram())
        backend.normalizer, backend.pre_tokenizer = normalizers.NFKC(), pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(vocab_size=100, special_tokens=special, unk_token="<unk>")
    backend.train_from_iterator(SENTENCES, trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )


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


def test_capitals_are_a_feature_of_a_token_and_not_of_pieces(tiny_backbone, corpus, tmp_path):
    given = {"backbone": tiny_backbone, "cache_dir": tmp_path, "dir": corpus, "cleaning": Cleaning(capitals=True)}
    with pytest.raises(ConfigError, match=r"set model.new_tokens=\[emoji,capitals\]"):
        SentimentData(**given).setup()
    data = SentimentData(**given, new_tokens=["capitals"])
    data.setup()
    [row] = encode(["so BAD"], data.tokenizer.backend_tokenizer, data.preprocessing)
    assert text_of(data.tokenizer.backend_tokenizer, row) == ["[CLS]", "so", "xxup", "bad", "[SEP]"]


def test_an_offset_leaves_out_the_space_that_a_new_token_takes_in():
    backend = extended("byte BPE")
    text = CLEANING("worst😡 phone")
    encoded = backend.encode(text, add_special_tokens=False)
    [(start, end)] = [
        span for piece, span in zip(encoded.ids, encoded.offsets, strict=True) if backend.id_to_token(piece) == "😡"
    ]
    assert text[start:end] == " 😡"
    assert trimmed(text, start, end) == (start + 1, end)
    assert trimmed(text, 0, 5) == (0, 5)


def extended(kind):
    tokenizer = trained(kind)
    extend(tokenizer, "emoji")
    return tokenizer.backend_tokenizer
