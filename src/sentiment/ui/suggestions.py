"""Choice of the texts that are most worth a label: the model is unsure of them, and they differ from each other."""

import re
import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sentiment.inference.types import Prediction

POOL, FEWEST = 20, 200  # candidates for each suggested text, and at least
DIMENSIONS = 2048  # of hashed words
WORD = re.compile(r"\w+")


def suggest(texts: Sequence[str], predictions: Sequence[Prediction], count: int) -> list[int]:
    """Choose texts greedily by uncertainty times distance to the nearest chosen one (a weighted k-center).

    Returns:
        Places in `texts`, the first chosen first.
    """
    scores = np.array([uncertainty(one.probabilities, several=one.labels is not None) for one in predictions])
    candidates = np.argsort(-scores, kind="stable")[: max(FEWEST, POOL * count)]
    vectors, weights = word_vectors([texts[i] for i in candidates]), scores[candidates]
    chosen, distances = list[int](), np.ones(len(candidates))
    while len(chosen) < min(count, len(candidates)):
        gains = weights * distances
        gains[chosen] = -1.0
        chosen.append(int(gains.argmax()))
        distances = np.minimum(distances, 1.0 - vectors @ vectors[chosen[-1]])
    return [int(candidates[i]) for i in chosen]


def uncertainty(probabilities: Mapping[str, float], *, several: bool = False) -> float:
    """Return the entropy of a prediction between 0 and 1; for several labels the mean of theirs."""
    shares = np.clip(np.array([*probabilities.values()]), 1e-12, 1.0)
    if several:
        shares = np.minimum(shares, 1 - 1e-12)
        return float(-(shares * np.log2(shares) + (1 - shares) * np.log2(1 - shares)).mean())
    return float(-(shares * np.log(shares)).sum() / np.log(max(2, len(shares))))


def word_vectors(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return the TF-IDF of the hashed words of each text, of length 1."""
    counts = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for row, text in enumerate(texts):
        for word in WORD.findall(text.casefold()):
            counts[row, zlib.crc32(word.encode()) % DIMENSIONS] += 1
    weighted = counts * (np.log((1 + len(texts)) / (1 + (counts > 0).sum(axis=0))) + 1)
    lengths = np.linalg.norm(weighted, axis=1, keepdims=True)
    vectors: NDArray[np.float32] = weighted / np.maximum(lengths, 1e-12)
    return vectors


def key(text: str) -> str:
    """Return what two texts have in common that differ in case, signs and spaces alone."""
    return "".join(filter(str.isalnum, text.casefold())) or text
