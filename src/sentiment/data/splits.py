"""Validation of labelled rows, and the stratified train/validation split."""

import hashlib
import logging
import random
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from sentiment.data.labelled import Labelled
from sentiment.errors import DataError, SentimentError, TextError
from sentiment.inference.pairs import Pair, Text
from sentiment.inference.preprocessing import Cleaning, is_readable
from sentiment.inference.types import Label, names_of
from sentiment.inference.word_pieces import clean

log = logging.getLogger(__name__)

NUMBER = re.compile(r"\s*[-+]?\d+([.,]\d+)?\s*")


@dataclass(frozen=True, slots=True)
class Split:
    """Texts and labels; with aspects, each text is read with its own."""

    texts: list[str]
    labels: Sequence[Label]  # of each text: one, or all of its labels (task=multi)
    aspects: list[str] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def inputs(self) -> Sequence[Text]:
        """The input of the model: the texts, or pairs of a text and its aspect."""
        return self.texts if self.aspects is None else [*map(Pair, self.texts, self.aspects)]

    def take(self, rows: Sequence[int]) -> "Split":
        aspects = None if self.aspects is None else [self.aspects[i] for i in rows]
        return Split([self.texts[i] for i in rows], [self.labels[i] for i in rows], aspects)

    def fingerprint(self) -> str:
        """Hash texts, aspects, labels and their order (SHA-256, hex)."""
        digest = hashlib.sha256()
        columns = [self.texts] if self.aspects is None else [self.texts, self.aspects]
        for *row, label in zip(*columns, self.labels, strict=True):
            several = () if isinstance(label, str) else (f"{len(label)} labels",)
            for value in (*row, *several, *names_of(label)):
                encoded = value.encode("utf-8", "surrogatepass")
                digest.update(len(encoded).to_bytes(8, "little") + encoded)
        return digest.hexdigest()


@contextmanager
def rows_named(splits: Mapping[str, Split], cleaning: Cleaning) -> Iterator[None]:
    """Convert any failure to clean a text of `splits` to a DataError that names its row."""
    try:
        yield
    except SentimentError:
        raise
    except Exception:  # custom cleaning may raise anything; it is a DataError only if cleaning one of the texts fails
        for name, split in splits.items():
            with row_named(name):
                clean(split.texts, cleaning)
                clean(split.aspects or [], cleaning)
        raise


@contextmanager
def row_named(split: str) -> Iterator[None]:
    """Convert a TextError to a DataError that names the split and the row."""
    try:
        yield
    except TextError as error:
        raise DataError(f"{split}, row {error.index + 1}: {error.problem}; mend the row, or leave it out") from error


def check_rows(name: str, rows: Labelled, *, skip_bad_rows: bool, default_aspect: str = "") -> Split:
    """Keep the rows that have a text and a label.

    Args:
        name: Name of the split, for messages.
        rows: The rows as read.
        skip_bad_rows: Drop unusable rows with a warning instead of raising.
        default_aspect: Aspect of a row without one, where rows have aspects; "" makes such a row unusable.

    Returns:
        The usable rows; an empty split if no row has a label, as in the hub's test splits with withheld labels.

    Raises:
        DataError: A row is unusable and `skip_bad_rows` is False, or every text is a number.
    """
    if rows.labels and all(label is None for label in rows.labels):
        log.warning("the %s split has no labels; it is left out", name)
        return Split([], [], None if rows.aspects is None else [])
    kept, bad = list[int](), dict[int, str]()
    aspects = None
    if rows.aspects is not None:
        aspects = [one if one and one.strip() else default_aspect for one in rows.aspects]
    for i, (text, label) in enumerate(zip(rows.texts, rows.labels, strict=True)):
        reason = unusable(text, label) or (unusable_aspect(aspects[i]) if aspects is not None else None)
        if reason:
            bad[i] = reason
        else:
            kept.append(i)
    texts = [rows.texts[i] or "" for i in kept]
    labels = [label for i in kept if (label := rows.labels[i]) is not None]
    if bad and not skip_bad_rows:
        row, reason = next(iter(bad.items()))
        raise DataError(
            f"{len(bad)} of {len(rows)} {name} rows are unusable (first: row {row + 1}, {reason}); "
            "mend them or set data.skip_bad_rows=true"
        )
    if bad:
        what = "empty text or no label" if aspects is None else "empty text, no aspect or no label"
        log.warning("%d of %d %s rows skipped: %s", len(bad), len(rows), name, what)
    if texts and all(NUMBER.fullmatch(text) for text in texts):
        raise DataError(f"every text of the {name} split is a number, such as {texts[0]!r}; set data.text_column")
    return Split(texts, labels, None if aspects is None else [aspects[i] for i in kept])


def unusable_aspect(aspect: str) -> str | None:
    """Return the reason why an aspect cannot be used for training; None if it can."""
    if not aspect.strip():
        return "the aspect is empty; data.default_aspect fills it"
    return None if is_readable(aspect) else "the aspect is empty but for markup or invisible characters"


def unusable(text: str | None, label: Label | None) -> str | None:
    """Return the reason why a row cannot be used for training; None if it can."""
    if not text or not text.strip():
        return "the text is empty"
    if not is_readable(text):
        return "the text is empty but for markup or invisible characters"
    return None if label or label == () else "the label is missing"


def split_stratified(split: Split, fraction: float, seed: int) -> tuple[Split, Split]:
    """Split off about `fraction` of each label's rows (Sechidis 2011). Raises DataError for a label with one row."""
    groups: dict[str, list[int]] = defaultdict(list)
    for i, label in enumerate(split.labels):
        for name in names_of(label) or [""]:
            groups[name].append(i)
    out, placed = set[int](), set[int]()
    for label, rows in in_turn(groups, several=not all(isinstance(label, str) for label in split.labels)):
        if len(rows) < 2 and label:
            raise DataError(f"label {label!r} has one row only; add rows, or give data.validation=FILE")
        random.Random(f"{seed}/{label}").shuffle(rows)
        wanted = min(max(round(len(rows) * fraction), 1), len(rows) - 1) - len(out.intersection(rows))
        free = [row for row in rows if row not in placed]
        out.update(free[: max(wanted, 0)])
        placed.update(rows)
    return split.take([i for i in range(len(split)) if i not in out]), split.take(sorted(out))


def in_turn(groups: Mapping[str, list[int]], *, several: bool) -> list[tuple[str, list[int]]]:
    """Return the rows of each label by its name, or where a text has several, the rarest label first."""
    return sorted(groups.items(), key=(lambda item: (len(item[1]), item[0])) if several else None)
