"""Languages of Latin letters that the training texts do not have, recognized by the common words of a text.

The words are counted in the training texts and stored in the export: a model trained on German reads German and refuses
English, one trained on both reads both. Nothing is known of languages that `function_words` does not list.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sentiment.inference.function_words import WORDS

SHARE = 0.003  # of the training texts in a language, from which on the model reads it
FREQUENT = 0.0002  # share of the training texts' words, from which on a word is known
LEAST = 2  # training texts that have a known word, and that are in a language that is read
SMALLEST, SAMPLE = 100, 5000  # training texts that the languages are learned from: of fewer, nothing is learned
CLEAR = 3  # common words of a language that a training text in it has
FEWEST, ENOUGH = 4, 5  # different words of a text whose language is judged, and of one whose few hints are enough
LETTERS = str.maketrans({"ı": "i", "ł": "l", "đ": "d", "ø": "o", "ß": "ss", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe"})

NAMES = "al ben bin da das de del den der di dos du el il ja ka la las le les lo los notre san sao te van vida von"
LISTS = {language: frozenset(words.split()) for language, words in WORDS.items()}
PARTS = frozenset(NAMES.split())  # of names and titles, in texts of any language
LANGUAGES = {
    word: frozenset(language for language, words in LISTS.items() if word in words)
    for word in frozenset[str]().union(*LISTS.values())
}


@dataclass(frozen=True, slots=True)
class Languages:
    """Words by which a text is known to be in a language of the training texts, or in another."""

    known: frozenset[str]  # frequent words of the training texts
    read: tuple[str, ...]  # languages of the training texts
    own: frozenset[str]  # known words, and the common words of the languages that are read
    foreign: Mapping[str, frozenset[str]]  # other languages in which a word is common

    @classmethod
    def of(cls, known: Iterable[str], read: Iterable[str]) -> "Languages":
        known, read = frozenset(known), tuple(sorted(read))
        own = known.union(*(LISTS[language] for language in read))
        others = {word: languages.difference(read) for word, languages in LANGUAGES.items() if word not in own}
        return cls(known, read, own, {word: languages for word, languages in others.items() if languages})

    @classmethod
    def fit(cls, texts: Iterable[frozenset[str]]) -> "Languages | None":
        """Learn the frequent words of the training texts and their languages; None of fewer than SMALLEST texts.

        A language is read if it is the commonest one, or if SHARE of the texts would be refused for it otherwise or
        have CLEAR of its common words, twice as many as of any language that is read.

        Args:
            texts: The different words of each text, as `fold` returns them.
        """
        if len(sample := spread(texts)) < SMALLEST:
            return None
        counts = Counter(word for words in sample for word in words)
        fewest = max(LEAST, FREQUENT * counts.total())
        known = [word for word, count in counts.items() if count >= fewest]
        votes = Counter(filter(None, map(most_likely, sample)))
        learned = cls.of(known, [language for language, _ in votes.most_common(1)])
        while found := Counter(filter(None, map(learned.another, sample))).most_common(1):
            language, count = found[0]
            if count < max(LEAST, SHARE * len(sample)):
                break
            learned = cls.of(known, [*learned.read, language])
        return learned

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Languages":
        return cls.of(map(str, value["known"]), [language for language in value["read"] if language in LISTS])

    def to_json(self) -> dict[str, Any]:
        return {"read": list(self.read), "known": sorted(self.known)}

    def another(self, words: frozenset[str]) -> str | None:
        """Return the language of a training text that is not among those read so far."""
        if refused := self.other(words):
            return refused
        counts = Counter(language for word in words for language in LANGUAGES.get(word, ()))
        among = max((counts[language] for language in self.read), default=0)
        language = max(counts.keys() - self.read, key=lambda one: (counts[one], one), default=None)
        return language if language and counts[language] >= max(CLEAR, 2 * among) else None

    def is_plain(self, word: str) -> bool:
        """Test if a word is of the texts' own and common in no other language."""
        return word in self.own and LANGUAGES.get(word, frozenset()).issubset(self.read)

    def other(self, words: frozenset[str]) -> str | None:
        """Return the language of a text if the training texts have none like it; None where that is not sure.

        Hints are words that are common in that language and not known. There have to be two, and as many as known words
        that the language does not have; without any of those, one is enough. Parts of names alone are none.

        Args:
            words: The different words of the text, as `fold` returns them.
        """
        if len(words) < FEWEST:
            return None
        found = [(word, self.foreign[word]) for word in words if word in self.foreign]
        hints = Counter(language for _, languages in found for language in languages)
        if not hints:
            return None
        own = words & self.own
        shared = Counter(language for word in own for language in LANGUAGES.get(word, ()))
        language = max(hints, key=lambda one: (hints[one], shared[one], one))
        if all(word in PARTS for word, languages in found if language in languages):
            return None
        hinting, others = hints[language], len(own) - shared[language]
        if len(words) < ENOUGH:
            return language if hinting >= 2 and hinting > others else None
        return language if others == 0 or hinting >= max(2, others) else None


def most_likely(words: frozenset[str]) -> str | None:
    """Return the language that has most of the words; None without any, or with several alike."""
    ranked = Counter(language for word in words for language in LANGUAGES.get(word, ())).most_common(2)
    return ranked[0][0] if ranked and (len(ranked) == 1 or ranked[0][1] > ranked[1][1]) else None


def spread(texts: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """Return at most SAMPLE texts, at equal distances."""
    kept: list[frozenset[str]] = []
    distance = 1
    for i, words in enumerate(texts):
        if i % distance:
            continue
        kept.append(words)
        if len(kept) > SAMPLE:
            kept, distance = kept[::2], 2 * distance
    return kept


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """Return a word in lower case without marks on its letters, as the lists have it: "Más" is "mas"."""
    lower = word.lower()
    if lower.isascii():
        return lower
    plain = unicodedata.normalize("NFKD", lower.translate(LETTERS))
    return "".join(character for character in plain if not unicodedata.combining(character))
