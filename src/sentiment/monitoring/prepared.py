"""Predicted rows, which can be read again and again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sentiment.batch.progress import Rows
from sentiment.batch.source import Source
from sentiment.data.duplicates import hash_normalised
from sentiment.errors import DataError
from sentiment.evaluation.quantification.words import CLEANING
from sentiment.inference.pairs import Pair
from sentiment.monitoring.periods import Clock
from sentiment.monitoring.rows import Chunk, Columns, Skipped, chunks

RETWEET = re.compile(r"RT @\w+:?\s*")


@dataclass
class Prepared:
    """Predicted rows, which can be read again and again.

    Args:
        source: The table.
        columns: Its columns.
        clock: Reader of its times; None without a time column.
        unique: Count equal texts once.
        about: Sentences on what was done before.
        skipped: Rows that the last reading did not count.
        apart: The groups are aspects, so that equal texts of two groups are two texts.
    """

    source: Source
    columns: Columns
    clock: Clock | None
    unique: bool = False
    about: list[str] = field(default_factory=list)
    skipped: Skipped = field(default_factory=Skipped)
    apart: bool = False

    @property
    def labels(self) -> list[str]:
        return list(self.columns.labels)

    @property
    def timed(self) -> bool:
        return self.clock is not None

    def rows(self, task: str, *, quiet: bool) -> Iterator[Chunk]:
        """Yield the rows in chunks, with a progress bar."""
        self.skipped = Skipped()
        seen = set[int]()
        with Rows(quiet=quiet) as bar:
            shown = bar.add_task(task, total=self.source.rows)
            for chunk in chunks(self.source, self.columns, self.clock, self.skipped):
                bar.advance(shown, len(chunk))
                kept = distinct(chunk, seen, self.skipped, apart=self.apart) if self.unique else chunk
                self.skipped.undecided += len(kept) - len(kept.decided)
                if len(kept):
                    yield kept

    def check_any(self, found: Any) -> None:
        if not found:
            raise DataError(
                f"no row can be counted: of {self.source.rows or 0}, {self.skipped.unpredicted} have no prediction, "
                f"{self.skipped.undecided} the same probability for each label, {self.skipped.untimed} no readable time"
            )

    def notes(self, *, labelled: bool) -> list[str]:
        """Return sentences on the rows that are not counted, and on true labels if no row is `labelled`."""
        lines = [*self.about, *([self.clock.said] if self.clock and self.clock.said else [])]
        if self.skipped.unpredicted:
            lines.append(f"{count(self.skipped.unpredicted, 'row')} without a prediction, not counted.")
        if self.skipped.untimed and self.clock:
            lines.append(
                f"{count(self.skipped.untimed, 'row')} without a time in {self.clock.column!r} in the form of the "
                "first one, not counted."
            )
        if self.skipped.undecided:
            lines.append(
                f"{count(self.skipped.undecided, 'text')} with the same probability for each label, as those have that "
                "the model cannot read: counted under none."
            )
        if self.columns.true and self.columns.several:
            lines.append(
                f"An empty cell of {self.columns.true!r} is a text whose labels are not known; write [] for one that "
                "has none."
            )
        if self.columns.true and not labelled:
            lines.append(f"No row has a true label in {self.columns.true!r}.")
        if self.unique:
            lines.append(
                f"{count(self.skipped.repeated, 'text')} equal to an earlier one, retweets included, not counted."
            )
        return lines


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def distinct(chunk: Chunk, seen: set[int], skipped: Skipped, *, apart: bool = False) -> Chunk:
    """Keep the first of equal texts: without case, markup, punctuation and the "RT @name:" of a retweet.

    With `apart`, for groups that are aspects, a text of another group is another text.
    """
    kept = []
    for i, text in enumerate(chunk.texts):
        plain = RETWEET.sub("", text)
        own = Pair(plain, str(chunk.groups[i])) if apart else plain
        key = int.from_bytes(hash_normalised(own, CLEANING)[:8], "little")
        if key not in seen:
            seen.add(key)
            kept.append(i)
    skipped.repeated += len(chunk) - len(kept)
    return chunk if len(kept) == len(chunk) else chunk.take(kept)
