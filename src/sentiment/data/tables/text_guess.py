"""Detection of the text column by name and content, for a user who confirms it."""

import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from sentiment.data.tables.columns import TEXT_COLUMNS, headless, plain
from sentiment.data.tables.rows import BrokenRow, Row

SAMPLED = 1000  # rows
FEWEST_WORDS = 3.0  # mean number of words from which a column without a conventional name may hold the texts
CLEAR = 2.0  # the texts have at least this many times the words of any other column
DISTINCT = 0.5  # of the values; a column of categories repeats its values
WORD = re.compile(r"[^\W\d_]{2,}")
LINK = re.compile(r"(https?://|www\.)\S+")
UNSPACED = 3  # letters per word in a script that puts no spaces between words


def likely_text(columns: Sequence[str], rows: Iterable[Row]) -> str | None:
    """Find the text column: a conventional name whose values have words, else the column with clearly the most words.

    Returns:
        The column; None where none is clear, or where the header looks like a row.
    """
    if headless(columns):
        return None
    kept = [row for row in islice(rows, SAMPLED) if not isinstance(row, BrokenRow)]
    values = {name: [row.get(name) for row in kept] for name in columns}
    words = {name: mean_words(own) for name, own in values.items()}
    usual = [name for name in columns if plain(name) in TEXT_COLUMNS and words[name] > 0]
    usual = [name for name in usual if plain(name) == "text"][:1] or usual
    wordy = [name for name in columns if words[name] >= FEWEST_WORDS and is_varied(values[name])]
    if usual and max(words[name] for name in usual) < FEWEST_WORDS and set(wordy) - set(usual):
        return None  # the names point to one column, the values to another
    ranked = sorted(usual or wordy, key=lambda name: -words[name])
    if len(ranked) == 1 or ranked and words[ranked[0]] >= CLEAR * words[ranked[1]]:
        return ranked[0]
    return None


def mean_words(values: Sequence[Any]) -> float:
    """Return the mean number of words of the values that are not empty; links and numbers have none."""
    texts = [value for value in values if value is not None and str(value).strip()]
    return sum(words_of(text) for text in texts if isinstance(text, str)) / max(1, len(texts))


def words_of(text: str) -> int:
    words = WORD.findall(LINK.sub(" ", text))
    return sum(1 if word.isascii() else max(1, len(word) // UNSPACED if is_unspaced(word) else 1) for word in words)


def is_unspaced(word: str) -> bool:
    """Return True for a word of a script without spaces: Thai, Lao, Khmer, Chinese, Japanese."""
    return "\u0e00" <= word[0] <= "\u0eff" or "\u1780" <= word[0] <= "\u17ff" or "\u3040" <= word[0] <= "\u9fff"


def is_varied(values: Sequence[Any]) -> bool:
    texts = [str(value) for value in values if value is not None and str(value).strip()]
    return len(set(texts)) >= DISTINCT * len(texts)
