"""Emoji, emoticons, stretched words and capitals in a text, rewritten so that a tokenizer reads them."""

import re
import unicodedata

from sentiment.inference.alignment import Rewriter

CAPITALS = "xxup"  # put before words in capitals, as fastai does; a token of model.new_tokens=[capitals]
SELECTORS = "\ufe0e\ufe0f"  # variation selectors: drawn as text, drawn as emoji
TONES = "\U0001f3fb-\U0001f3ff"  # skin tone modifiers
_SIGN = "\u203c\u2049\u2100-\u2bff\u3030\u303d\u3297\u3299\xa9\xae\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
_FLAG = "\U0001f1e6-\U0001f1ff"  # regional indicators, two of which are a flag
_TAGS = "\U000e0020-\U000e007f"  # the flags of England, Scotland and Wales
_TONED = re.compile(f"(?<=[{_SIGN}])[{TONES}]+")
SYMBOL = re.compile(rf"[{_FLAG}]{{2}}|[0-9#*]\u20e3|[{_SIGN}{TONES}](?:\u200d[{_SIGN}])*[{_TAGS}]*")
_MOUTH = r"['^-]?[()\[\]|]+"
_EMOTICON = re.compile(  # its first character is a set, which a scan finds fast; a lookbehind then tests the one before
    rf"[:;=<](?<![:;=].)(?:(?<=<)/?3+(?!\d)|(?<=[:;=])(?:(?<!\w.){_MOUTH}"
    rf"|(?:{_MOUTH}|['^-]?(?:[DPpOo3*\\]|/(?!/)))(?![\w()\[\]|])))"
)
_STRETCHED = re.compile(r"(?!III(?!I)|[wW]{3}\.)([^\W\d_])\1{2,}")
_REPEATED = re.compile(r"([^\w\s])\1{3,}")
_LOUD = "(?<!\\w)[A-Z\xc0-\xd6\xd8-\xde\u0391-\u03a9\u0410-\u042f]{2,}(?!\\w)"
_LOUDNESS = re.compile(rf"(?:{CAPITALS} )?({_LOUD}(?: {_LOUD})*)")
_EYE = r"[\u25d5\u2022^\uff61\u30fb\u02d8\u1d54]"
DRAWN = {  # faces and signs drawn with letters of other scripts, and the emoji of the same meaning
    r"[\xaf\\_]*[(\uff08]\u30c4[)\uff09][_/\xaf]*": "\U0001f937",  # shrug
    r"[(\uff08]\u256f\xb0\u25a1\xb0[)\uff09]\u256f ?\ufe35 ?\u253b\u2501*\u253b": "\U0001f621",  # flipped table
    r"\(?\u0ca0[_\u76ca]\u0ca0\)?": "\U0001f612",  # unamused
    r"\u0295[\u2022\xb7]\u1d25[\u2022\xb7]\u0294": "\U0001f43b",  # bear
    r"\( ?\u0361\xb0 \u035c\u0296 ?\u0361\xb0\)": "\U0001f60f",  # smirk
    rf"[\u0669\u30fd\\]?[(\uff08]{_EYE}[\u203f\u25bd\u03c9\u25e1\u30ee]{_EYE}[)\uff09][\u06f6\u30ce/]?": "\U0001f60a",
    "[\u2661\u2765]": "\u2665",  # white and rotated heart
    "\u2713": "\u2714",
    "[\u2717\u2718]": "\u2716",
}
_DRAWN = re.compile("|".join(f"({face})" for face in DRAWN))
_DRAWS = re.compile(
    "[\u30c4\u256f\u0ca0\u1d25\u035c\u203f\u25bd\u03c9\u25e1\u30ee\u2661\u2765\u2713\u2717\u2718]"
)  # each has one
_SIGNS = tuple(DRAWN.values())
_SMALL = dict(  # small capitals, which no normalization of Unicode makes plain
    zip("\u1d00\u0299\u1d04\u1d05\u1d07\ua730\u0262\u029c\u026a\u1d0a\u1d0b\u029f\u1d0d", "abcdefghijklm", strict=True)
) | dict(zip("\u0274\u1d0f\u1d18\u0280\ua731\u1d1b\u1d1c\u1d20\u1d21\u028f\u1d22", "noprstuvwyz", strict=True))
_WHITE = {chr(first + i): chr(97 + i) for first in (0x1F150, 0x1F170) for i in range(26)}  # in black circles, squares
_LETTERS = str.maketrans(_SMALL | _WHITE)
_STYLED = re.compile(  # bold, full width, in circles and squares, ligatures, raised, small capitals, white on black
    "[\U0001d400-\U0001d7ff\uff01-\uff5e\u24b6-\u24c1\u24c3-\u24e9\U0001f130-\U0001f149\ufb00-\ufb06\u2071\u207f"
    rf"\u02b0-\u02b8\u02e1-\u02e3\u1d2c-\u1d53\u1d55-\u1d61\u1d9c-\u1dbb{''.join(_SMALL)}]+"
    "|[\U0001f150-\U0001f169\U0001f170-\U0001f189]{2,}"  # one alone may be an emoji, such as a blood type
)
_SELECTOR = re.compile(f"[{SELECTORS}]")
_PLAIN = Rewriter()


def fold(text: str, by: Rewriter = _PLAIN) -> str:
    """Drop the variation selectors and the skin tones of emoji; make styled letters plain, and drawn faces emoji.

    A ZWJ sequence stays one sequence.
    """
    if text.isascii():
        return text
    text = by.sub(_STYLED, _plain, text)
    if _DRAWS.search(text):
        text = by.sub(_DRAWN, _drawn, text)
    return by.sub(_TONED, "", by.sub(_SELECTOR, "", text))


def _plain(letters: re.Match[str]) -> str:
    return unicodedata.normalize("NFKC", letters[0].translate(_LETTERS))


def _drawn(face: re.Match[str]) -> str:
    return _SIGNS[(face.lastindex or 1) - 1]


def part(text: str, by: Rewriter = _PLAIN) -> str:
    """Put spaces around emoji, other pictorial signs and the emoticons that touch a word."""
    if not text.isascii():
        text = by.sub(SYMBOL, r" \g<0> ", text)
    parted = by.sub(_EMOTICON, r" \g<0> ", text)
    if parted == text:
        return text
    return by.sub(_EMOTICON, r" \g<0> ", parted)  # one that stood between an emoticon and a word


def shorten_words(text: str, by: Rewriter = _PLAIN) -> str:
    """Shorten a letter that stands three times or more in a row to two: sooooo -> soo."""
    return by.sub(_STRETCHED, r"\1\1", text)


def shorten_punctuation(text: str, by: Rewriter = _PLAIN) -> str:
    """Shorten a sign that stands four times or more in a row to three: !!!!!! -> !!!"""
    return by.sub(_REPEATED, r"\1\1\1", text)


def mark_capitals(text: str, by: Rewriter = _PLAIN) -> str:
    """Put CAPITALS before each run of words in capitals; a text that has the marks already is unchanged."""
    return by.sub(_LOUDNESS, rf"{CAPITALS} \1", text)
