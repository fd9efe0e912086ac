"""The words, hashtags, emoji and letters of texts, and how a tokenizer reads each of them."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import NamedTuple

from tokenizers import Tokenizer

from sentiment.data.new_tokens import emoji_tokens
from sentiment.inference.symbols import SYMBOL, fold
from sentiment.inference.word_pieces import remove_limits, unknown_token

SLAB = 10_000  # chunks tokenized at a time
LATIN = "LATIN"
_WORD = re.compile(r"[^\W\d_]+")
_HASHTAG = re.compile(r"#\w+")


class Item(NamedTuple):
    kind: str  # words, emoji, hashtags, or the name of a script
    text: str
    unknown: bool
    single: bool
    pieces: int
    length: int = 1  # items that it stands for: letters of a word


def read_chunks(chunks: Sequence[str], tokenizer: Tokenizer) -> Iterator[tuple[str, list[Item]]]:
    backend, unknown = remove_limits(tokenizer), unknown_token(tokenizer)
    todo = iter(chunks)
    while slab := list(islice(todo, SLAB)):
        encoded = backend.encode_batch([f" {chunk}" for chunk in slab], add_special_tokens=False)
        for chunk, read in zip(slab, encoded, strict=True):
            yield chunk, items_of(chunk, read.ids, read.offsets, unknown)


def items_of(chunk: str, ids: Sequence[int], offsets: Sequence[tuple[int, int]], unknown: int) -> list[Item]:
    """List the words, hashtags, emoji and letters of a chunk, whose offsets count the space before it."""
    if chunk.isascii() and chunk.isalpha():  # most chunks
        return word_items(chunk, unknown in ids, len(ids))
    spans = [(start - 1, end - 1, i == unknown) for i, (start, end) in zip(ids, offsets, strict=True)]
    found = []
    for match in _WORD.finditer(chunk):
        found += word_items(match[0], *covering(match.span(), spans))
    if "#" in chunk:
        found += [item_of("hashtags", m, spans) for m in _HASHTAG.finditer(chunk)]
    if not chunk.isascii():
        found += [item_of("emoji", m, spans) for m in SYMBOL.finditer(chunk) if is_emoji(m[0])]
    return found


def word_items(word: str, unknown: bool, pieces: int) -> list[Item]:
    """Return a word and its letters by script."""
    single = pieces >= len(word) > 1
    scripts = {LATIN: len(word)} if word.isascii() else Counter(map(script, word))
    return [
        Item("words", word, unknown, single, pieces),
        *(Item(name, word, unknown, single, 1, length=count) for name, count in scripts.items()),
    ]


def item_of(kind: str, match: re.Match[str], spans: Sequence[tuple[int, int, bool]]) -> Item:
    unknown, pieces = covering(match.span(), spans)
    return Item(kind, match[0], unknown, pieces >= max(2, len(match[0])), pieces)


def covering(span: tuple[int, int], spans: Sequence[tuple[int, int, bool]]) -> tuple[bool, int]:
    """Return whether an unknown piece covers a part of the span, and how many pieces do."""
    inside = [unknown for first, last, unknown in spans if first < span[1] and last > span[0] and last > first]
    return any(inside), len(inside)


@cache
def script(letter: str) -> str:
    """Return the first word of a letter's Unicode name, which is its script: LATIN, CYRILLIC, HIRAGANA, CJK."""
    return unicodedata.name(letter, "UNNAMED").split()[0]


def is_emoji(sign: str) -> bool:
    """Tell emoji, those newer than the list too, from other signs such as arrows."""
    return sign[0] >= "\U0001f000" or fold(sign) in listed_emoji()


@cache
def listed_emoji() -> frozenset[str]:
    return frozenset(token.content for token in emoji_tokens())
