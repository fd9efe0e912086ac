"""No text, however it is made, costs more than its length, breaks a step, or reaches another text."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from sentiment.backbones import PACKAGED, load_tokenizer, resolve
from sentiment.batch import predict
from sentiment.cli import main
from sentiment.data.new_tokens import extend
from sentiment.errors import DataError, RowsRejectedError, TextError
from sentiment.inference.predictor import Predictor
from sentiment.inference.preprocessing import MAX_MARKS, Cleaning, Preprocessing, is_mark, with_few_marks
from sentiment.inference.tokenization import encode_windows
from sentiment.inference.word_pieces import clean
from tests.conftest import read_csv, write_csv
from tests.hostile import CEDILLA, GRAVE, HOSTILE, LONGER, growth

EVERYTHING = Cleaning(emoji=True, stretched=True, punctuation=True, capitals=True)
LINEAR = 4 * LONGER  # far from both 16 and 256
BREAKS = "breaks the step"
PIECES = st.sampled_from(
    ["&#", "&#x", "&", ";", "1" * 5000, "f" * 5000, "&#1114112;", "&#xD800;", "<", ">", "<!--", "http://", "@"]
    + [
        "\ud800",
        "\x00",
        "\u200b",
        "\u202e",
        "\ufdfa",
        "\ue000",
        GRAVE * 40,
        CEDILLA * 40,
        "\u0f73",
        "\U0001d160",
        "a" * 300,
    ]
)


@pytest.fixture(scope="module")
def backend():
    return Tokenizer.from_file(str(Path(resolve(PACKAGED)) / "tokenizer.json"))


@pytest.fixture(scope="module")
def reading_emoji():
    tokenizer = load_tokenizer(PACKAGED)
    extend(tokenizer, ["emoji", "emoticons", "capitals"])
    return tokenizer.backend_tokenizer


@pytest.mark.parametrize("name", HOSTILE)
def test_cleaning_takes_time_by_the_length(name):
    assert growth(EVERYTHING, HOSTILE[name], 6_000) < LINEAR


@pytest.mark.parametrize("name", HOSTILE)
def test_encoding_takes_time_by_the_length(reading_emoji, name):
    def encode(text):
        return encode_windows([text], reading_emoji, Preprocessing(128, cleaning=EVERYTHING))

    assert growth(encode, HOSTILE[name], 3_000) < LINEAR


@given(st.lists(PIECES | st.text(max_size=8), max_size=12).map("".join))
@settings(max_examples=300, deadline=None)
def test_every_text_can_be_cleaned_and_encoded(backend, text):
    cleaned = Cleaning()(text)
    assert cleaned == unicodedata.normalize("NFC", cleaned)
    assert EVERYTHING(text) == " ".join(EVERYTHING(text).split())
    [encoded] = encode_windows([text], backend, Preprocessing(16))
    assert 2 <= encoded.tokens <= 16


def test_a_reference_of_more_digits_than_any_character_has_stays_as_it_is():
    long = "&#" + "1" * 4_301 + ";"
    assert Cleaning()(f"a {long} &amp; b &#00000000065;") == f"a {long} & b A"


def test_marks_are_kept_up_to_the_bound_and_dropped_after_it():
    assert with_few_marks("e" + GRAVE * 30 + " x") == "e" + GRAVE * 30 + " x"
    assert with_few_marks("e" + GRAVE * 31 + "x" + CEDILLA * 99) == "e" + GRAVE * 30 + "x" + CEDILLA * 30
    assert with_few_marks("\u263a" * 99) == "\u263a" * 99


def test_every_mark_is_bounded():
    marks = [chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000 and is_mark(chr(i))]
    assert len(marks) > 900
    for mark in marks:
        assert with_few_marks("a" + mark * 40) == "a" + mark * MAX_MARKS, hex(ord(mark))


@pytest.mark.parametrize("how", ["head", "tail", "head_tail"])
@pytest.mark.parametrize("name", ["one letter", "one word piece a word", "ideographs", "ligatures", "emoji", "words"])
@pytest.mark.parametrize("emoji", [False, True])
def test_a_long_text_gets_the_ids_of_the_whole_of_it(backend, reading_emoji, how, name, emoji):
    backend, cleaning = (reading_emoji, EVERYTHING) if emoji else (backend, Cleaning())
    words = ("a" * 90 + " " + "b" * 400 + " word ") * 60
    text = words if name == "words" else HOSTILE[name](20_000)
    whole = backend.encode(cleaning(text), add_special_tokens=False).ids
    room, head = 30, {"head": 30, "tail": 0, "head_tail": 7}[how]
    wanted = whole if len(whole) <= room else whole[:head] + whole[len(whole) - (room - head) :]
    [encoded] = encode_windows([text], backend, Preprocessing(32, how, cleaning))
    assert encoded.windows[0][1:-1] == wanted
    assert encoded.truncated == (len(whole) > room)


@pytest.fixture
def fragile(monkeypatch):
    """Let cleaning fail, as a fault that nobody knows of would, on each text that says so."""
    whole = Cleaning.__call__

    def cleaning(self, text):
        if BREAKS in text:
            raise ZeroDivisionError
        return whole(self, text)

    monkeypatch.setattr(Cleaning, "__call__", cleaning)


def test_a_text_that_breaks_cleaning_is_told_by_its_place(fragile):
    with pytest.raises(TextError, match="cannot be cleaned") as caught:
        clean(["good film", BREAKS], Cleaning())
    assert caught.value.index == 1


class Panicking:
    """A tokenizer whose Rust code panics on one text; what it raises is no Exception."""

    class PanicException(BaseException):
        pass

    def __init__(self, backend):
        self.backend = backend

    def __getattr__(self, name):
        return getattr(self.backend, name)

    def encode(self, text, **options):
        if BREAKS in text:
            raise self.PanicException
        return self.backend.encode(text, **options)

    def encode_batch_fast(self, texts, **options):
        if any(BREAKS in text for text in texts):
            raise self.PanicException
        return self.backend.encode_batch_fast(texts, **options)


def test_a_text_that_breaks_the_tokenizer_is_told_by_its_place(backend):
    with pytest.raises(TextError, match="cannot be tokenized") as caught:
        encode_windows(["good film", "bad " * 9_000, BREAKS], Panicking(backend), Preprocessing(32, "head_tail"))
    assert caught.value.index == 2


def test_a_batch_job_lists_the_row_and_scores_the_others(fragile, tiny_run, tmp_path):
    rows = [(BREAKS if i in (3, 4, 17) else f"{'good' if i % 2 else 'bad'} film {i}",) for i in range(20)]
    source = write_csv(tmp_path / "in.csv", rows, header=("text",))
    with pytest.raises(RowsRejectedError, match="3 of 20 rows"):
        predict(input=source, output=tmp_path / "out.csv", engine=Predictor.load(tiny_run), chunk=6)
    wanted = ["" if i in (3, 4, 17) else "positive" if i % 2 else "negative" for i in range(20)]
    assert [row["prediction"] for row in read_csv(tmp_path / "out.csv")] == wanted
    rejects = read_csv(tmp_path / "out.csv.rejects.csv")
    assert [row["row"] for row in rejects] == ["4", "5", "18"]
    assert {row["reason"] for row in rejects} == {"the text cannot be cleaned (ZeroDivisionError)"}


@pytest.mark.parametrize("options", [[], ["data.dedupe=normalised"], ["data.drop_leaks=normalised"]])
def test_preprocessing_names_the_row(fragile, tmp_path, capsys, options):
    rows = [(BREAKS if i == 6 else f"text {i}", "good" if i % 2 else "bad") for i in range(40)]
    write_csv(tmp_path / "train.csv", rows)
    write_csv(tmp_path / "validation.csv", rows[10:20])
    with pytest.raises((DataError, SystemExit)) as caught:
        main(["preprocess", "data=files", f"data.dir={tmp_path}", f"into={tmp_path}/out", *options])
    said = str(caught.value) + capsys.readouterr().err
    assert "train, row 7: the text cannot be cleaned (ZeroDivisionError)" in said


def test_a_reference_of_4301_digits_costs_no_row(tiny_run, tmp_path):
    rows = [("&#" + "1" * 4_301 if i % 5 == 2 else "good film",) for i in range(20)]
    source = write_csv(tmp_path / "in.csv", rows, header=("text",))
    predict(input=source, output=tmp_path / "out.csv", engine=Predictor.load(tiny_run))
    rows = read_csv(tmp_path / "out.csv")
    assert all(row["score"] for row in rows)
    assert [i for i, row in enumerate(rows) if not row["prediction"]] == [2, 7, 12, 17]  # one unknown word each
