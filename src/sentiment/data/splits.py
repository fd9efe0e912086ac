"""Checks on labelled rows, label sets, and the stratified split."""

import hashlib
import logging
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from datasets import Dataset

from sentiment.encoding import clean
from sentiment.errors import DataError, SentimentError, TextError
from sentiment.text import Cleaning

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Split:
    texts: list[str]
    labels: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Sequence[int]) -> "Split":
        return Split([self.texts[i] for i in rows], [self.labels[i] for i in rows])

    def fingerprint(self) -> str:
        """SHA-256 over texts, labels and their order."""
        digest = hashlib.sha256()
        for text, label in zip(self.texts, self.labels, strict=True):
            for value in (text, label):
                encoded = value.encode("utf-8", "surrogatepass")
                digest.update(len(encoded).to_bytes(8, "little") + encoded)
        return digest.hexdigest()


@contextmanager
def rows_named(splits: Mapping[str, Split], cleaning: Cleaning) -> Iterator[None]:
    """Turn any failure to clean a text of `splits` into a DataError that names its row."""
    try:
        yield
    except SentimentError:
        raise
    except Exception:  # whatever cleaning may raise: only where a text is at fault does it become an error of the data
        for name, split in splits.items():
            with row_named(name):
                clean(split.texts, cleaning)
        raise


@contextmanager
def row_named(split: str) -> Iterator[None]:
    """Name the split and the row of a TextError."""
    try:
        yield
    except TextError as error:
        raise DataError(f"{split}, row {error.index + 1}: {error}; mend the row, or leave it out") from error


def checked(name: str, rows: Dataset, *, skip_bad_rows: bool) -> Split:
    """Rows with a text and a label; others are dropped when asked, else they are a DataError.

    A split without any label, as the hidden test splits on the hub have, comes back empty.
    """
    texts, labels = rows["text"][:], rows["label"][:]
    if labels and not any(labels):
        log.warning("the %s split has no labels; it is left out", name)
        return Split([], [])
    bad = {}
    for i, (text, label) in enumerate(zip(texts, labels, strict=True)):
        if not text or not text.strip():
            bad[i] = "the text is empty"
        elif not label:
            bad[i] = "the label is missing"
    if bad and not skip_bad_rows:
        row, reason = next(iter(bad.items()))
        raise DataError(
            f"{len(bad)} of {len(texts)} {name} rows are unusable (first: row {row + 1}, {reason}); "
            "mend them or set data.skip_bad_rows=true"
        )
    if bad:
        log.warning("%d of %d %s rows skipped: empty text or no label", len(bad), len(texts), name)
    return Split(texts, labels).take([i for i in range(len(texts)) if i not in bad])


def label_names(splits: dict[str, Split], wanted: Sequence[str] | None) -> list[str]:
    """The label set, in the order given or else sorted; every row of every split must carry one of it."""
    if not wanted and "train" not in splits:
        raise DataError(f"there is no train split, only {', '.join(splits)}; set data.train=FILE")
    names = list(wanted) if wanted else sorted(set(splits["train"].labels))
    if len(names) < 2:
        raise DataError(f"training needs two labels or more, got {names}; check data.label_column")
    for name, split in splits.items():
        for row, label in enumerate(split.labels):
            if label not in names:
                source = "the label set" if wanted else "the train split"
                raise DataError(
                    f"{name} row {row + 1} has the label {label!r}, unknown to {source}: {', '.join(names)}"
                )
    return names


def stratified(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    """The rows in two parts with the same share of each label; the second holds about `fraction` of them."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, label in enumerate(split.labels):
        groups[label].append(i)
    held: list[int] = []
    for label, rows in sorted(groups.items()):
        if len(rows) < 2:
            raise DataError(f"label {label!r} has one row only; add rows, or give data.validation=FILE")
        random.Random(f"{seed}/{label}").shuffle(rows)
        held += rows[: min(max(round(len(rows) * fraction), 1), len(rows) - 1)]
    out = set(held)
    return split.take([i for i in range(len(split)) if i not in out]), split.take(sorted(out))
