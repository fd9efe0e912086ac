"""What a backbone can read is derived from its vocabulary and the training texts."""

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from sentiment.backbones import PACKAGED, resolve
from sentiment.inference.readability import Readability
from sentiment.inference.vocabulary import vocabulary_of
from sentiment.inference.word_pieces import remove_limits

FOREIGN = [
    "最高でした",
    "最悪の映画だった",
    "рекомендую всем",
    "фильм ужасный, не ходите",
    "فيلم رائع جدا",
    "정말 좋았어요",
]
FOREIGN += ["这个电影非常好看", "πολύ καλή ταινία", "סרט גרוע מאוד", "यह फिल्म बहुत अच्छी है", "หนังดีมาก"]
NONSENSE = ["asdf qwer", "fjdksl jkl", "lkjhgf dsa", "xcvb nmmm hjkl", "sdfg hjkl wert", "@user asdf qwer http"]
ENGLISH = [
    "teh moive was awsome", "Definately wont be back", "Beyonce and Zendaya at Coachella", "Nguyen's pho in Reykjavik",
    "see https://t.co/xYz12 and www.example.com", "@some_body meh", "Sooooo goooood!!!", "Yikesss", "underwhelming",
    "12345 67", ":)", "^_^", ">:(", "-_-", "(;", ":'(", "!!! :/", "12345", "5/5",
    "It cost £3.50", "Björk was mesmerising", "hahaha", "CAPS LOCK RAGE",
    "a b c", "iPhone 15 vs Pixel 8",
]  # fmt: skip


@pytest.fixture(scope="module")
def english():
    return remove_limits(Tokenizer.from_file(f"{resolve(PACKAGED)}/tokenizer.json"))


def ids(tokenizer, text):
    return tokenizer.encode(text, add_special_tokens=False).ids


@pytest.fixture(scope="module")
def readability(english):
    return Readability.fit(english, [])


@pytest.mark.parametrize("text", [*FOREIGN, *NONSENSE, "\u2800"])
def test_what_an_english_backbone_cannot_read_is_told(english, readability, text):
    assert readability.unreadable(ids(english, text)) > 0.5


@pytest.mark.parametrize("text", ENGLISH)
def test_english_with_names_typos_and_links_is_read(english, readability, text):
    from sentiment.inference.preprocessing import Cleaning

    assert readability.unreadable(ids(english, Cleaning()(text))) <= 0.5


SLANG = ["smh", "omg ily", "tbh", "lmaooo", "idk", "IDKKK", "fyi", "thx", "tysm!!", "ppl", "icymi", "psst", "pfffft"]
SLANG += ["hahahaha", "jajaja", "xoxoxo", "lolololol", "sksksk", "@user thnx", "yayayay"]
HASHTAGS = ["#LoveThisPhone", "#getmeoutofhere", "#tbt #ootd", "@user #NoFilterNeeded"]
CODES = ["@user F5R3ZZ", "flight GRK13575M", "Conf KMM24999"]


@pytest.mark.parametrize("text", [*SLANG, *HASHTAGS, *CODES])
def test_slang_hashtags_and_codes_are_no_nonsense(english, readability, text):
    from sentiment.inference.preprocessing import Cleaning

    assert readability.unreadable(ids(english, Cleaning()(text))) <= 0.5


@pytest.mark.parametrize("text", ["https://t.co/xYz12", "@ann @joe", "@ann www.example.com"])
def test_of_links_and_mentions_alone_nothing_is_read(english, readability, text):
    from sentiment.inference.preprocessing import Cleaning

    assert readability.unreadable(ids(english, Cleaning()(text))) == 1
    assert readability.unreadable(ids(english, Cleaning()(f"{text} :)"))) == 0


SIGNS = ["...", "!!!", "?!?!", "-", "--- $$$", "+", "(?)", '""', "…", "@ann !!!", "https://t.co/xYz12 ..."]


@pytest.mark.parametrize("text", SIGNS)
def test_of_punctuation_that_draws_no_face_nothing_is_read(english, readability, text):
    from sentiment.inference.preprocessing import Cleaning

    assert readability.measure(ids(english, Cleaning()(text))) == (1, "nothing")


def test_a_text_that_is_read_in_part_has_a_share(english, readability):
    assert readability.unreadable(ids(english, "good film")) == 0
    assert readability.unreadable(ids(english, "good film, 最高")) == pytest.approx(0.5)


def test_slang_that_the_training_texts_taught_is_read(english):
    rows = [ids(english, text) for text in ("asdf is this", "ASDF again", "qwer", "fine")]
    taught = Readability.fit(english, rows)
    assert taught.taught == {"asdf"}  # qwer is in one text alone
    assert taught.unreadable(ids(english, "asdf")) == 0
    assert taught.unreadable(ids(english, "qwer")) == 1


def test_an_export_keeps_it(english, readability, tmp_path):
    from sentiment.files import write_json

    write_json(tmp_path / "readability.json", Readability.fit(english, [ids(english, "zxcvq")] * 2).to_json())
    kept = Readability.read(tmp_path, english)
    assert kept.taught == {"zxcvq"}
    assert kept.spellings.keys() == {"LATIN"}
    for text in (*NONSENSE, *FOREIGN, *ENGLISH):
        assert kept.unreadable(ids(english, text)) == readability.unreadable(ids(english, text))


def test_without_it_scripts_are_known_and_spelling_is_not(english, tmp_path):
    bare = Readability.read(tmp_path, english)
    assert bare.unreadable(ids(english, "最高でした")) == 1
    assert bare.unreadable(ids(english, "asdf qwer")) == 0


TEXTS = [
    "this film was good and the music too", "a bad film and a long evening", "what a lovely story about the sea",
    "фильм хороший и музыка хорошая", "плохой фильм и долгий вечер", "какая прекрасная история о море",
    "فيلم جيد وموسيقى جيدة", "فيلم سيئ وأمسية طويلة", "قصة جميلة عن البحر",
    "いい映画でした、音楽もよかったです", "ひどい映画でした、長い夜でした", "海の話がすてきでした",
]  # fmt: skip


def trained(kind):
    """Train a small multilingual tokenizer of this kind."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    if kind == "wordpiece":
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.normalizer, made.pre_tokenizer = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(vocab_size=900, special_tokens=specials, show_progress=False)
    elif kind == "unigram":
        made = Tokenizer(models.Unigram())
        made.pre_tokenizer = pre_tokenizers.Metaspace()
        trainer = trainers.UnigramTrainer(
            vocab_size=400, special_tokens=specials, unk_token="[UNK]", show_progress=False
        )
    else:
        made = Tokenizer(models.BPE())
        made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=1200, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
        )
    made.train_from_iterator(TEXTS * 20, trainer)
    return made


@pytest.mark.parametrize("kind", ["wordpiece", "unigram", "bytes"])
def test_a_multilingual_backbone_knows_its_scripts(kind):
    tokenizer = trained(kind)
    scripts = vocabulary_of(tokenizer.to_str()).scripts
    assert {"LATIN", "CYRILLIC", "ARABIC", "HIRAGANA"} <= scripts
    assert "GREEK" not in scripts
    readability = Readability.fit(tokenizer, [])
    for text in TEXTS:
        assert readability.unreadable(ids(tokenizer, text)) < 0.2
    assert readability.unreadable(ids(tokenizer, "πολύ καλή ταινία")) > 0.5


@pytest.mark.slow
def test_few_real_texts_are_called_unreadable(english, shared_data):
    """Of tweets and reviews in English; emoji count as unreadable here, since this vocabulary has none."""
    from sentiment.inference.preprocessing import Cleaning
    from tests.conftest import read_csv

    cleaning, limits = Cleaning(), {"sst2/test": 0.001, "emotion/train": 0.003, "airlines/tweets": 0.003}
    for name, limit in limits.items():
        texts = [row["text"] for row in read_csv(shared_data / f"{name}.csv")]
        rows = [one.ids for one in english.encode_batch(list(map(cleaning, texts)), add_special_tokens=False)]
        readability = Readability.fit(english, rows[::2])
        wrong = [i for i in range(1, len(rows), 2) if rows[i] and readability.unreadable(rows[i]) > 0.5]
        assert len(wrong) <= limit * len(rows) / 2, [texts[i] for i in wrong[:5]]
