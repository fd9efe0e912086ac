"""Detection and removal of duplicate texts, within and across splits; a text with another aspect is another text."""

import hashlib
import logging
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sentiment.data.folders import SPLITS
from sentiment.data.splits import Split, split_stratified
from sentiment.errors import DataError
from sentiment.inference.pairs import Text
from sentiment.inference.preprocessing import Cleaning

Match = Literal["none", "exact", "normalised"]
Key = Callable[[Text], Hashable]
Leaks = dict[str, int]  # dropped rows by split

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dropped:
    """Number of rows dropped from a split, by reason."""

    duplicates: int = 0  # rows that repeat an earlier row
    conflicts: int = 0  # all copies of texts whose copies differ in label
    leaks: int = 0  # rows whose text is also in a later split (validation or test)


class _Kept(dict[int, int | None]):
    """Table for str.translate that deletes punctuation, separators and control characters.

    Letters, digits and emoji are kept (Unicode categories other than P*, Z* and C*).
    """

    def __missing__(self, code: int) -> int | None:
        self[code] = None if unicodedata.category(chr(code))[0] in "PZC" else code
        return self[code]


_KEPT = _Kept()


def hash_normalised(text: Text, cleaning: Cleaning) -> bytes:
    """Hash a text and its aspect ignoring case, markup, punctuation and whitespace (BLAKE2b, 16 bytes).

    Texts that consist only of punctuation keep it, so that "?!" and "..." differ.
    """
    parts = (cleaning(part).casefold() for part in ([text] if isinstance(text, str) else text))
    return hashlib.blake2b(
        "\0".join(clean.translate(_KEPT) or clean for clean in parts).encode(), digest_size=16
    ).digest()


def key_of(match: Match, cleaning: Cleaning) -> Key:
    return (lambda text: hash_normalised(text, cleaning)) if match == "normalised" else (lambda text: text)


def without_duplicates(train: Split, match: Match, cleaning: Cleaning) -> tuple[Split, Dropped]:
    """Keep the first row of each group of matching texts, or none if the labels in the group differ.

    Raises:
        DataError: No row is left.
    """
    if match == "none":
        return train, Dropped()
    key = key_of(match, cleaning)
    rows: dict[Hashable, list[int]] = defaultdict(list)
    for i, text in enumerate(train.inputs):
        rows[key(text)].append(i)
    agreed = [copies for copies in rows.values() if len({train.labels[i] for i in copies}) == 1]
    kept = sorted(copies[0] for copies in agreed)
    duplicates = sum(len(copies) - 1 for copies in agreed)
    conflicts = len(train) - len(kept) - duplicates
    log.info(
        "data.dedupe=%s drops %d of %d train rows: %d repeat an earlier one, %d are copies whose labels differ",
        match, duplicates + conflicts, len(train), duplicates, conflicts,
    )  # fmt: skip
    return some("train", train, kept, "data.dedupe"), Dropped(duplicates, conflicts)


def without_leaks(splits: Mapping[str, Split], match: Match, cleaning: Cleaning) -> tuple[dict[str, Split], Leaks]:
    """Drop cross-split duplicates: keep a text only in the last of train, validation, test that contains it.

    Returns:
        The splits, and the number of rows dropped from each.

    Raises:
        DataError: A split is left without rows.
    """
    kept, leaks = dict(splits), dict.fromkeys(splits, 0)
    if match == "none":
        return kept, leaks
    key = key_of(match, cleaning)
    seen: set[Hashable] = set()
    for name, split in reversed(list(splits.items())):
        keys = [key(text) for text in split.inputs]
        rows = [i for i, own in enumerate(keys) if own not in seen]
        seen.update(keys)
        leaks[name] = len(split) - len(rows)
        kept[name] = some(name, split, rows, "data.drop_leaks")
        if leaks[name]:
            log.info("data.drop_leaks=%s drops %d of %d %s rows", match, leaks[name], len(split), name)
    return kept, leaks


def some(name: str, split: Split, rows: Sequence[int], option: str) -> Split:
    if not rows:
        raise DataError(f"{option} leaves no row of the {name} split; set {option}=none, or mend the data")
    return split.take(rows)


def without_copies(
    splits: Mapping[str, Split],
    cleaning: Cleaning,
    *,
    dedupe: Match,
    drop_leaks: Match,
    validation_fraction: float,
    seed: int,
) -> tuple[dict[str, Split], dict[str, Dropped]]:
    """Apply `dedupe` and `drop_leaks`, and split off a validation split if there is none.

    Returns:
        The splits, and what was dropped from each.

    Raises:
        DataError: A split is left without rows.
    """
    found, dropped = dict(splits), Dropped()
    if "train" in found:
        found["train"], dropped = without_duplicates(found["train"], dedupe, cleaning)
    if "validation" not in found and "train" in found:  # after dedupe, so that no copy ends up in both
        found["train"], found["validation"] = split_stratified(found["train"], validation_fraction, seed)
    ordered = {name: found[name] for name in SPLITS if name in found}
    kept, leaks = without_leaks(ordered, drop_leaks, cleaning)
    return kept, {name: replace(dropped if name == "train" else Dropped(), leaks=leaks[name]) for name in kept}
