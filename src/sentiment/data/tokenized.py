"""Tokenized splits in the disk cache, by a hash of everything they depend on."""

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from datasets import Dataset
from tokenizers import Tokenizer

from sentiment.data.batches import IGNORE_INDEX
from sentiment.data.cache import COLUMNS, load_or_build
from sentiment.data.splits import Split, row_named
from sentiment.inference.frames import PairRow
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.tokenization import encode_counting
from sentiment.inference.types import Label

log = logging.getLogger(__name__)

TOKENIZED = 3  # version of the cached form; increment it when that changes, so that older caches are not reused


def tokenize_split(
    name: str, split: Split, labels: Sequence[str], tokenizer: Tokenizer, preprocessing: Preprocessing, cache_dir: Path
) -> Dataset:
    """Return token ids and label indices of a split, memory-mapped from the cache, which is filled first if needed."""
    path = cache_dir / cache_key(split, labels, tokenizer, preprocessing)

    def make() -> Dataset:
        log.info("tokenizing %d texts into %s", len(split), path)
        with row_named(name):
            return Dataset.from_dict(columns_of(split, labels, tokenizer, preprocessing))

    columns = COLUMNS | {"types"} if split.aspects is not None else COLUMNS
    return load_or_build(path, make, rows=len(split), columns=columns)


def columns_of(
    split: Split, labels: Sequence[str], tokenizer: Tokenizer, preprocessing: Preprocessing
) -> dict[str, list[Any]]:
    encoded = encode_counting(split.inputs, tokenizer, preprocessing)
    types = [ids.types for ids, _ in encoded if isinstance(ids, PairRow)]
    return ({"types": types} if split.aspects is not None else {}) | {
        "input_ids": [ids for ids, _ in encoded],
        "tokens": [tokens for _, tokens in encoded],  # token count before truncation
        "label": [target(label, labels) for label in split.labels],
    }


def target(label: Label, labels: Sequence[str]) -> int | list[int]:
    """Return the index of a label, or 0 or 1 for each label of the set; `IGNORE_INDEX` for an unlabelled text."""
    if label == "":
        return IGNORE_INDEX
    return labels.index(label) if isinstance(label, str) else [int(name in label) for name in labels]


def cache_key(split: Split, labels: Sequence[str], tokenizer: Tokenizer, preprocessing: Preprocessing) -> str:
    """Hash everything that the cached columns depend on."""
    parts = [
        TOKENIZED,
        split.fingerprint(),
        list(labels),
        preprocessing.max_length,
        preprocessing.truncation,
        asdict(preprocessing.cleaning),
        tokenizer.to_str(),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
