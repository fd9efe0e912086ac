"""Evidence of a change: the words that moved it, and texts that stand for it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import log, sqrt

import numpy as np

from sentiment.evaluation.quantification.words import shown, words_of
from sentiment.monitoring.changes import Comparison
from sentiment.monitoring.periods import Every
from sentiment.monitoring.reservoir import Reservoir
from sentiment.monitoring.rows import Chunk

PRIOR = 500.0  # pseudo-words of the Dirichlet prior
SURE = 1.96  # standard deviations of the log-odds
MOST_WORDS, MOST_TEXTS = 12, 3
KEPT = 3000  # texts on each side of a change, drawn at random
LONGEST = 280  # characters of a text that is shown
ALIKE = 0.6  # share of words in common, from which on two texts say the same


@dataclass(frozen=True, slots=True)
class Word:
    word: str
    score: float  # log-odds in standard deviations
    before: float  # share of texts with it
    after: float


@dataclass(frozen=True)
class Evidence:
    words: list[Word] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def collect(
    rows: Iterable[Chunk], changes: Sequence[Comparison], every: Every, *, everything: str | None
) -> list[Evidence]:
    """Read the rows again, and find the evidence of each change.

    Only texts whose predicted label is the one that rose are compared, those of the period with those before. Where a
    text may have several labels, those with the label of the change; if it fell, the words are of the texts before.
    """
    samples = [(Reservoir(KEPT, seed=2 * i), Reservoir(KEPT, seed=2 * i + 1)) for i in range(len(changes))]
    for chunk in rows:
        starts = every.starts(chunk.times).astype(np.int64)
        groups = np.array(chunk.groups)
        for change, (before, after) in zip(changes, samples, strict=True):
            given = chunk.answers == change.rose if change.label is None else chunk.answers[:, change.label]
            own = given & ((groups == change.group) | (change.group == everything))
            earlier = (starts >= change.since) & (starts < change.after.start)
            for sample, period in ((after, starts == change.after.start), (before, earlier)):
                texts = [chunk.texts[i] for i in np.flatnonzero(own & period)]
                sample.add(len(texts), texts.__getitem__)
    return [
        evidence(before.items, after.items) if change.of_later else evidence(after.items, before.items)
        for change, (before, after) in zip(changes, samples, strict=True)
    ]


def evidence(before: Sequence[str], after: Sequence[str]) -> Evidence:
    old, new = ([terms(text) for text in texts] for texts in (before, after))
    words = moved_words(old, new)
    return Evidence(words, typical(after, new, words))


def terms(text: str) -> set[str]:
    """List the words and pairs of words of a text, each once."""
    words = words_of(text)
    return {*(word for word in words if len(word) > 1 or not word.isascii()), *map(" ".join, pairwise(words))}


def moved_words(before: Sequence[set[str]], after: Sequence[set[str]]) -> list[Word]:
    """Find the words and pairs of words that set the later texts apart.

    Log-odds ratio with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, "Fightin' words", equations 16,
    22 and 23); the prior is the frequency in all texts of both sides. Words that set in once only are left out.
    """
    old, new = (Counter(word for words in texts for word in words) for texts in (before, after))
    both = old + new
    if len(both) < 2:  # nothing to set a word apart from
        return []
    total, n_old, n_new = both.total(), old.total(), new.total()
    found = []
    for word, count in both.items():
        if new[word] < 3:
            continue
        alpha = PRIOR * count / total
        y_new, y_old = new[word] + alpha, old[word] + alpha
        odds = log(y_new / (n_new + PRIOR - y_new)) - log(y_old / (n_old + PRIOR - y_old))
        z = odds / sqrt(1 / y_new + 1 / y_old)
        if z > SURE:
            found.append(Word(word, z, old[word] / max(1, len(before)), new[word] / len(after)))
    found.sort(key=lambda one: (-one.score, one.word))
    return without_parts(found)[:MOST_WORDS]


def without_parts(words: Sequence[Word]) -> list[Word]:
    """Drop single words within a pair of words that is nearly as telling, and pairs that repeat a stronger word."""
    kept: list[Word] = []
    for one in words:
        parts = set(one.word.split())
        if not any(parts & set(other.word.split()) for other in kept):
            kept.append(one)
    return kept


def typical(texts: Sequence[str], words: Sequence[set[str]], moved: Sequence[Word]) -> list[str]:
    """Choose texts near the centre of those with a moved word, no two alike; names of users and links are hidden."""
    weights = {one.word: one.score for one in moved}
    rows = [i for i, own in enumerate(words) if not own.isdisjoint(weights)]
    if not rows:
        return []
    counts = Counter(word for i in rows for word in words[i])
    centre = {word: count / len(rows) * (1 + weights.get(word, 0.0)) for word, count in counts.items() if count > 1}

    def nearness(i: int) -> float:
        own = words[i]
        return sum(centre.get(word, 0.0) for word in own) / sqrt(len(own) + 5)

    chosen: list[int] = []
    for i in sorted(rows, key=lambda i: (-nearness(i), i)):
        if all(len(words[i] & words[j]) < ALIKE * min(len(words[i]), len(words[j])) for j in chosen):
            chosen.append(i)
        if len(chosen) == MOST_TEXTS:
            break
    return [shortened(shown(texts[i])) for i in chosen]


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST].rstrip() + " …"
