import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment.inference.preprocessing import Cleaning, Preprocessing

PIECES = st.sampled_from(
    [
        "😡",
        "👍🏽",
        "\ufe0f",
        "\u200d",
        "🇩🇪",
        "🇩",
        "1\ufe0f\u20e3",
        "🏽",
        ":",
        ")",
        "(",
        "D",
        "-",
        "3",
        "=",
        ";",
        "'",
        " ",
    ]
    + ["xxup", "SO", "III", "ooo", "!!!!", "\u0301", "\u2192", "a", "<3"]
)


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


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("worst😡 phone", "worst 😡 phone"),
        ("I love it❤️", "I love it ❤"),
        ("😡😡ok👍🏽👍🏿", "😡 😡 ok 👍 👍"),
        ("👨‍👩‍👧fam", "👨‍👩‍👧 fam"),
        ("🤷🏽‍♀️so", "🤷‍♀ so"),
        ("🇩🇪🇫🇷x 1️⃣st", "🇩🇪 🇫🇷 x 1⃣ st"),
        ("🏽", "🏽"),
        ("go→home™", "go → home ™"),
        ("great:) sad:'( fun:-D love<3you", "great :) sad :'( fun :-D love <3 you"),
        (":)great ok:/ :)))", ":) great ok :/ :)))"),
        ("𝐬𝐨 𝓰𝓸𝓸𝓭, ｇｒｅａｔ！ ⓞⓚ Ⓜ", "so good, great! ok Ⓜ"),
        ("ɴᴏᴛ ɢᴏᴏᴅ ᵍʳᵉᵃᵗ 🅶🅾🅾🅳 🅖🅞 🄾🄺 ﬁlm 1ˢᵗ", "not good great good go OK film 1st"),
        ("🅰 🅾️🆎 m² (ᵔ◡ᵔ)", "🅰 🅾 🆎 m² 😊"),
        ("¯\\_(ツ)_/¯ ok ツ", "🤷 ok ツ"),
        ("no(╯°□°)╯︵ ┻━┻ ಠ_ಠ ʕ•ᴥ•ʔ", "no 😡 😒 🐻"),
        ("٩(◕‿◕)۶ ♡ ✓ ✗", "😊 ♥ ✔ ✖"),
    ],
)
def test_emoji_and_emoticons_are_parted_from_words_and_folded(raw, clean):
    assert Cleaning(emoji=True)(raw) == clean


@pytest.mark.parametrize(
    "text",
    ["10:30 (see:note) key:Dog C:\\dir f(x): a::b a<30", "م\u06cc خوانم, müß, 最高でした", "<3 :) ;-P 😡 ok"],
)
def test_what_needs_no_parting_stays(text):
    assert Cleaning(emoji=True)(text) == text


@pytest.mark.parametrize(
    ("option", "raw", "clean"),
    [
        ("stretched", "soooo GOOOD, World War III and www.x", "soo GOOD, World War III and http"),
        ("punctuation", "what!!!!!! no.... wait... 😡😡😡😡😡", "what!!! no... wait... 😡😡😡"),
        ("capitals", "I am SO ANGRY at the BBC, Ok A1B", "I am xxup SO ANGRY at the xxup BBC, Ok A1B"),
    ],
)
def test_shouting_is_changed_where_it_is_asked_for(option, raw, clean):
    assert Cleaning(**{option: True})(raw) == clean
    assert Cleaning()(raw) == raw.replace("www.x", "http")


@given(st.lists(PIECES | st.text(max_size=4), max_size=16).map("".join))
@settings(max_examples=200, deadline=None)
def test_cleaned_again_a_text_is_the_same_with_every_switch_on(text):
    cleaning = Cleaning(
        html=False, urls=False, users=False, emoji=True, stretched=True, punctuation=True, capitals=True
    )
    once = cleaning(text)
    assert cleaning(once) == once


def test_an_export_of_before_reads_emoji_as_it_did():
    stored = {**Preprocessing(64).to_json(), "cleaning": {"html": True, "urls": True, "users": True}}
    assert Preprocessing.from_json(stored).cleaning("worst😡 phone") == "worst😡 phone"


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
