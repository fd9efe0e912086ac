import pytest

from sentiment.inference.preprocessing import Cleaning, Preprocessing


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("one<br />two<br>three", "one two three"),
        ("fish &amp; chips &lt;3", "fish & chips <3"),
        ("i <3 this, a < b > c", "i <3 this, a < b > c"),
        ("see https://t.co/abc?d=1 now, www.example.org", "see http now, http"),
        ("@some_one thanks, mail me@example.org", "@user thanks, mail me@example.org"),
        ("  two\t\nlines\x00here ", "two lines here"),
        ("so\u200bft\u00ad hy\ufeffphen", "soft hyphen"),
        ("lone \ud800 surrogate", "lone surrogate"),
        ("cafe\u0301", "caf\u00e9"),
        ("👩‍👩‍👧 ❤️ 😍", "👩‍👩‍👧 ❤️ 😍"),
        ("ALL Caps stay", "ALL Caps stay"),
    ],
)
def test_cleaning_removes_noise_and_keeps_meaning(raw, clean):
    assert Cleaning()(raw) == clean


def test_cleaning_twice_changes_nothing_more():
    raw = "<b>@me</b> &amp; https://x.y/z \u200b ok"
    once = Cleaning()(raw)
    assert Cleaning()(once) == once


def test_each_kind_of_cleaning_can_be_off():
    raw = "@me <b>see</b> http://x.y &amp;"
    assert Cleaning(html=False, urls=False, users=False)(raw) == raw


def test_preprocessing_survives_json():
    given = Preprocessing(64, "head_tail", Cleaning(urls=False), 1.5)
    assert Preprocessing.from_json(given.to_json()) == given
