"""The texts that a model was validated on, as numbers and common words: what later texts are compared with.

monitor_reference.parquet of an export has a row for each text: its label, its probabilities, its tokens, whether the
model could read it, and those of its words that at least FEWEST texts have, sorted. No text can be read from it.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from sentiment.evaluation.quantification.words import words_of
from sentiment.files import damaged, replacing

REFERENCE = "monitor_reference.parquet"
FEWEST = 5  # texts with a word
MOST_TEXTS = 4000


@dataclass(frozen=True)
class Reference:
    """Validation texts of a model, one entry a text.

    Args:
        labels: (n,) true label indices; of several labels 0 or 1 for each, (n, k).
        probabilities: (n, k).
        tokens: (n,) tokens read.
        characters: (n,) length of the text.
        words: The common words of each text, each once.
    """

    labels: Any
    probabilities: Any
    tokens: Any
    characters: Any
    words: list[list[str]]

    def __len__(self) -> int:
        return len(self.words)

    @classmethod
    def of(cls, texts: Sequence[str], labels: Any, probabilities: Any, tokens: Sequence[int] | None) -> "Reference":
        rows = np.linspace(0, len(texts) - 1, min(len(texts), MOST_TEXTS)).astype(int)
        found = [set(words_of(texts[i])) for i in rows]
        counts = Counter(word for words in found for word in words)
        kept = [sorted(word for word in words if counts[word] >= FEWEST) for words in found]
        read = np.asarray(tokens)[rows] if tokens else np.zeros(len(rows), dtype=int)
        sizes = np.array([len(texts[i]) for i in rows])
        return cls(np.asarray(labels)[rows], np.asarray(probabilities, dtype=float)[rows], read, sizes, kept)

    def write(self, folder: Path) -> None:
        columns = {
            "label": pa.array(self.labels, pa.int16())
            if self.labels.ndim == 1
            else pa.array(self.labels.tolist(), pa.list_(pa.int16())),
            "probabilities": pa.array([row.round(4).tolist() for row in self.probabilities], pa.list_(pa.float32())),
            "tokens": pa.array(self.tokens, pa.int32()),
            "characters": pa.array(self.characters, pa.int32()),
            "words": pa.array(self.words, pa.list_(pa.string())),
        }
        with replacing(folder / REFERENCE) as temporary:
            pq.write_table(pa.table(columns), temporary, compression="zstd")


def read_reference(export: Path) -> Reference | None:
    """Read the reference of an export folder; None without one. Raises DamagedFileError for a wrong file."""
    path = export / REFERENCE
    if not path.is_file():
        return None
    try:
        table = pq.read_table(path)
        rows = {name: table[name] for name in ("label", "probabilities", "tokens", "characters", "words")}
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, KeyError, OSError) as error:
        raise damaged(path, str(error).splitlines()[0]) from error
    return Reference(
        np.array(rows["label"].to_pylist(), dtype=int),
        np.array(rows["probabilities"].to_pylist(), dtype=float).reshape(len(table), -1),
        rows["tokens"].to_numpy(),
        rows["characters"].to_numpy(),
        rows["words"].to_pylist(),
    )
