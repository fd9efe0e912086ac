"""Texts in a language of Latin letters that the training texts do not have are said to be unreadable."""

from itertools import product
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from sentiment.backbones import PACKAGED, resolve
from sentiment.files import write_json
from sentiment.inference.function_words import WORDS
from sentiment.inference.languages import LISTS, Languages, fold
from sentiment.inference.preprocessing import Cleaning
from sentiment.inference.readability import Readability
from sentiment.inference.word_pieces import remove_limits
from tests.conftest import read_csv, write_csv

DEMO = Path(__file__).parents[2] / "data" / "demo"
SENTENCES = read_csv(Path(__file__).parent / "languages.csv")
NAMES_AND_MIXED = [
    "De La Soul live in El Paso", "Las Vegas, Reno, San Diego, La Jolla", "La La Land sweeps the Oscars again",
    "Jean Claude Van Damme movies ranked", "Los Angeles Lakers vs San Antonio Spurs tonight",
    "Costa Rica, Puerto Rico, El Salvador, Honduras", "Ronaldo Messi Neymar Haaland goals", "la la la la la la la",
    "omg lol smh ily tbh idk", "Every nightmare, ha ha ha ha", "@user_one #LoveThisPhone #ootd #tbt",
    "Volkswagen Golf GTI review: neither fast nor cheap", "c'est la vie, my friend, see you on Monday",
    "muchas gracias for the lovely dinner last night, we had a great time",
    "Sao Paulo to Rio de Janeiro flights are cheap",
]  # fmt: skip
SHORT = ["Das ist gut", "muy bien", "c'est nul", "Bu telefon berbat", "nie wieder"]


def texts_of(language):
    return [row["text"] for row in SENTENCES if row["language"] == language]


def pairs_of(language):
    """Return 380 different texts of two sentences."""
    return [f"{one}. {other}" for one, other in product(texts_of(language), repeat=2) if one != other]


@pytest.fixture(scope="module")
def english():
    return remove_limits(Tokenizer.from_file(f"{resolve(PACKAGED)}/tokenizer.json"))


@pytest.fixture(scope="module")
def fit(english):
    cleaning = Cleaning()

    def encode(texts):
        return [one.ids for one in english.encode_batch(list(map(cleaning, texts)), add_special_tokens=False)]

    def fitted(texts):
        readability = Readability.fit(english, encode(texts))
        return readability, lambda some: [readability.measure(ids)[1] for ids in encode(some)]

    return fitted


@pytest.fixture(scope="module")
def demo(fit):
    return fit([row["text"] for row in read_csv(DEMO / "train.csv")])


def test_of_english_training_texts_english_is_read(demo):
    readability, reasons = demo
    assert readability.languages.read == ("en",)
    for name in ("test", "validation", "challenge"):
        assert "language" not in reasons([row["text"] for row in read_csv(DEMO / f"{name}.csv")])


@pytest.mark.parametrize("text", [*NAMES_AND_MIXED, *SHORT])
def test_names_mixed_and_short_texts_are_no_other_language(demo, text):
    assert demo[1]([text])[0] != "language"


@pytest.mark.parametrize("language", sorted({row["language"] for row in SENTENCES}))
def test_most_sentences_of_other_languages_are_refused(demo, language):
    long = [text for text in texts_of(language) if len(text.split()) >= 6]
    assert sum(reason is not None for reason in demo[1](long)) >= 0.8 * len(long)
    [pair] = demo[1]([f"{long[0]} {long[1]}"])
    assert pair is not None


def test_a_share_and_a_reason(demo):
    readability, reasons = demo
    assert reasons(
        ["Das ist eine Katastrophe, ich bin so enttäuscht", "El servicio fue horrible, nunca más vuelvo"]
    ) == [
        "language",
        "language",
    ]
    assert reasons(["最高でした", "asdf qwer", "@ann @joe", "good film"]) == ["script", "spelling", "nothing", None]
    ids = [one for one in readability.vocabulary.placeholders][:1]
    assert readability.measure(ids) == (1.0, "nothing")


def test_german_training_texts_make_english_unreadable(fit):
    readability, reasons = fit(pairs_of("de"))
    assert readability.languages.read == ("de",)
    assert set(reasons(texts_of("de"))) == {None}
    told = reasons([row["text"] for row in read_csv(DEMO / "challenge.csv")])
    assert sum(reason == "language" for reason in told) > 0.85 * len(told)


def test_training_texts_of_several_languages_make_all_of_them_readable(fit):
    demo = [row["text"] for row in read_csv(DEMO / "train.csv")]
    readability, reasons = fit([*demo, *pairs_of("de")[:60], *pairs_of("es")[:60]])
    assert readability.languages.read == ("de", "en", "es")
    assert {*reasons(texts_of("de")), *reasons(texts_of("es"))} == {None}
    assert "language" not in reasons([row["text"] for row in read_csv(DEMO / "test.csv")])
    french = reasons(texts_of("fr"))
    assert french.count("language") >= 0.6 * len(french)


def test_a_few_foreign_training_texts_are_no_language_of_the_model(fit):
    demo = [row["text"] for row in read_csv(DEMO / "train.csv")]
    readability, reasons = fit([*demo, *texts_of("it")[:5]])
    assert readability.languages.read == ("en",)
    assert reasons(texts_of("it")[5:]).count("language") >= 12


def test_of_few_training_texts_nothing_is_learned(fit):
    readability, reasons = fit(["a good film"] * 99)
    assert readability.languages is None
    assert set(reasons(texts_of("de"))) <= {None, "spelling"}


def test_an_export_keeps_it_and_an_earlier_one_knows_no_language(english, demo, tmp_path):
    readability, _ = demo
    write_json(tmp_path / "readability.json", readability.to_json())
    assert Readability.read(tmp_path, english).languages == readability.languages
    earlier = {name: value for name, value in readability.to_json().items() if name != "languages"}
    write_json(tmp_path / "readability.json", earlier)
    kept = Readability.read(tmp_path, english)
    ids = english.encode("Das ist eine Katastrophe, ich bin so enttäuscht", add_special_tokens=False).ids
    assert kept.languages is None
    assert kept.measure(ids) == (kept.unreadable(ids), None)


def test_languages_of_a_later_version_are_passed_over():
    assert Languages.from_json({"read": ["en", "xx"], "known": ["the"]}).read == ("en",)


def test_the_lists_hold_folded_words_without_repeats():
    for language, words in WORDS.items():
        assert all(fold(word) == word and word.isalpha() for word in words.split()), language
        assert len(words.split()) == len(LISTS[language]), language
    assert [fold(word) for word in ("Más", "GROẞ", "łódź", "Iş", "đã", "don")] == [
        "mas",
        "gross",
        "lodz",
        "is",
        "da",
        "don",
    ]


@pytest.mark.slow
def test_english_of_other_kinds_is_not_refused(fit, demo, shared_data):
    for name in ("sst2/test", "emotion/test", "airlines/tweets", "tweets/validation"):
        texts = [row["text"] for row in read_csv(shared_data / f"{name}.csv")]
        assert demo[1](texts).count("language") <= 0.001 * len(texts), name


@pytest.mark.slow
def test_a_trained_run_says_it(train_tiny, tmp_path):
    """From training to the answer: a model of German texts refuses English, and an earlier export learns it."""
    from sentiment.cli import main
    from sentiment.inference.predictor import Predictor

    pairs = pairs_of("de")
    rows = [(text, "negative" if i % 2 else "positive") for i, text in enumerate(pairs)]
    for split, some in {"train": rows[:300], "validation": rows[300:340], "test": rows[340:]}.items():
        write_csv(tmp_path / f"{split}.csv", some)
    brief = ("trainer.max_epochs=1", "after_training.test=false", "after_training.calibrate=false")
    run = train_tiny("german", f"data.dir={tmp_path}", *brief)
    english = "I was on hold for an hour and then they hung up on me"
    [refused, read] = Predictor.load(run).predict([english, pairs[-1]])
    assert (refused.readable, refused.reason, refused.unreadable, refused.score) == (False, "language", 1.0, 0.5)
    assert refused.to_json()["reason"] == "language"
    assert (read.readable, read.reason, read.unreadable) == (True, None, 0.0)
    assert "reason" not in read.to_json(details=True)
    assert Predictor.load(run).explain([english])[0].to_json()["reason"] == "language"

    (run / "export" / "readability.json").unlink()
    main(["export", f"run={run}", "accept=true"])
    [unsaid] = Predictor.load(run).predict([english])
    assert (unsaid.readable, unsaid.reason) == (True, None)
    main(["export", f"run={run}", "runtime=torch"])
    [again] = Predictor.load(run).predict([english])
    assert (again.readable, again.reason) == (False, "language")
