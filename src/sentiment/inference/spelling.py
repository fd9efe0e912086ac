"""Spelling of the words that a vocabulary holds: a letter trigram model that tells words from nonsense."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

SHORTEST = 3  # letters of a word whose spelling is judged
RARE = 0.99  # quantile of the vocabulary's own words: 1 % of them are spelled as strangely as nonsense
SAMPLE = 4000  # words that the quantile is computed on


@dataclass(frozen=True, slots=True)
class Spelling:
    """Trigrams of one script's letters, interpolated with bigrams and single letters (Jelinek and Mercer 1980)."""

    trigrams: Mapping[str, int]
    limit: float  # bits per letter above which a word is nonsense
    bigrams: Mapping[str, int]  # the last two letters of each trigram
    pairs: Mapping[str, int]  # the first two
    middles: Mapping[str, int]  # the second
    lasts: Mapping[str, int]  # the third
    total: int

    @classmethod
    def of(cls, trigrams: Mapping[str, int], limit: float) -> "Spelling":
        counters: list[Counter[str]] = [Counter() for _ in range(4)]
        for three, count in trigrams.items():
            for counter, part in zip(counters, (three[1:], three[:2], three[1], three[2]), strict=True):
                counter[part] += count
        bigrams, pairs, middles, lasts = map(dict, counters)
        return cls(trigrams, limit, bigrams, pairs, middles, lasts, sum(trigrams.values()))

    @classmethod
    def fit(cls, words: Iterable[str]) -> "Spelling":
        """Count the trigrams of the words; the limit is the RARE quantile of the words, each scored without itself."""
        distinct = sorted({word for word in words if len(word) >= SHORTEST})
        model = cls.of(Counter(three for word in distinct for three in threes(word)), math.inf)
        own = sorted(model.bits(word, without=1) for word in distinct[:: max(1, len(distinct) // SAMPLE)])
        return cls.of(model.trigrams, round(own[int(RARE * (len(own) - 1))], 3))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Spelling":
        return cls.of({str(three): int(count) for three, count in value["trigrams"].items()}, float(value["limit"]))

    def to_json(self) -> dict[str, Any]:
        return {"limit": self.limit, "trigrams": dict(self.trigrams)}

    def is_nonsense(self, word: str) -> bool:
        return len(word) >= SHORTEST and self.bits(word) > self.limit

    def bits(self, word: str, *, without: int = 0) -> float:
        """Return the mean surprise of a word's letters and its end, in bits.

        Args:
            word: Letters in lower case.
            without: Taken from each count, for a word that was counted.
        """
        total, steps = 0.0, threes(word)
        for three in steps:
            p = (self.lasts.get(three[2], 0) + 1) / (self.total + len(self.lasts) + 1)
            p = mixed(self.bigrams.get(three[1:], 0) - without, self.middles.get(three[1], 0) - without, p)
            p = mixed(self.trigrams.get(three, 0) - without, self.pairs.get(three[:2], 0) - without, p)
            total -= math.log2(p)
        return total / len(steps)


def mixed(count: int, of: int, prior: float) -> float:
    """Return count / of, with a prior that weighs as much as two observations."""
    return (max(0, count) + 2 * prior) / (max(0, of) + 2)


def threes(word: str) -> list[str]:
    """Return the trigrams of a word with marks of its start and its end."""
    padded = f"^^{word}$"
    return [padded[i : i + 3] for i in range(len(padded) - 2)]


def squeeze(word: str) -> str:
    """Return the letters of a word in lower case, at most two alike in a row: "Sooo!" is "soo"."""
    return "".join("".join(run)[:2] for _, run in groupby(filter(str.isalpha, word.lower())))
