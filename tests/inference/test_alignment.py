"""Cleaning with the way back: the same cleaned text, and for each of its characters where it came from."""

import itertools
import random

import pytest

from sentiment.inference.preprocessing import Cleaning

PARTS = [
    "sooooo",
    "WOW",
    "xxup ",
    "e\u0301\u0323",
    "\u1100\u1161\u11a8",
    "\U0001f621",
    "\U0001f44d\U0001f3fd",
    "\u2764\ufe0f",
]
PARTS += [
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f1ec\U0001f1e7",
    "1\ufe0f\u20e3",
    ":)",
    "</3",
    "&lt;3",
    "&amp;",
    "&notit;",
]
PARTS += [
    "&#x1F621;",
    f"&#{'9' * 45};",
    "<br />",
    "@joe_d",
    "@",
    "https://a.b/c?d=1",
    " ",
    "\n",
    "\xa0",
    "\u200b",
    "!!!!!",
]
PARTS += [
    "don&#39;t",
    "\u65e5\u672c",
    "\u09c7\u09be",
    "\u212b",
    "a" + "\u0301" * 60,
    "III",
    "\x00",
    "\ud800",
    ":D:D",
    "\u0344",
]
SWITCHES = [Cleaning(*values) for values in itertools.product([False, True], repeat=7)]


@pytest.mark.parametrize("seed", range(4))
def test_it_cleans_the_same_and_the_spans_run_forward(seed):
    rng = random.Random(seed)
    for _ in range(1500):
        text = "".join(rng.choices(PARTS, k=rng.randint(0, 8)))
        cleaning = rng.choice(SWITCHES)
        cleaned, alignment = cleaning.align(text)
        assert cleaned == cleaning(text)
        assert len(alignment.starts) == len(alignment.ends) == len(cleaned)
        for one, after in itertools.pairwise(map(alignment.span, range(len(cleaned)), range(1, len(cleaned) + 1))):
            assert 0 <= one[0] <= after[0] <= after[1] <= len(text)
            assert one[1] <= after[1]


@pytest.mark.parametrize(
    ("text", "word", "raw"),
    [
        ("so &amp; so", "&", "&amp;"),
        ("see https://a.b/c?d=1 now", "http", "https://a.b/c?d=1"),
        ("hi @joe_d, yes", "@user", "@joe_d"),
        ("wo\u200brd", "word", "wo\u200brd"),
        ("worst\u2764\ufe0f", "worst", "worst"),
        ("worst\u2764\ufe0f", "\u2764", "\u2764\ufe0f"),
        ("caf\u0065\u0301 x", "caf\xe9", "cafe\u0301"),
        ("\u1112\u1161\u11ab", "\ud55c", "\u1112\u1161\u11ab"),
        ("so  gooood \n day", "good", "gooood"),
        ("well \xaf\\_(\u30c4)_/\xaf ok", "\U0001f937", "\xaf\\_(\u30c4)_/\xaf"),
        ("so \U0001d41b\U0001d41a\U0001d41d", "bad", "\U0001d41b\U0001d41a\U0001d41d"),
        ("AWFUL SOUND", "SOUND", "SOUND"),
        ("<b>bad</b>ly", "bad", "bad"),
    ],
)
def test_a_span_is_what_the_characters_were_made_of(text, word, raw):
    cleaned, alignment = Cleaning(emoji=True, stretched=True, capitals=True).align(text)
    at = cleaned.index(word)
    start, end = alignment.span(at, at + len(word))
    assert text[start:end] == raw


def test_the_way_back_of_a_long_text_is_quick():
    text = "so &amp; so\u0301 @joe \U0001f621!!!! " * 20_000
    cleaned, alignment = Cleaning(emoji=True).align(text)
    assert len(alignment.starts) == len(cleaned)
