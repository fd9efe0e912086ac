"""Predicted rows, which can be read again and again."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sentiment.batch.progress import Rows
from sentiment.batch.source import Source
from sentiment.data.duplicates import hash_normalised
from sentiment.errors import DataError
from sentiment.evaluation.quantification.words import CLEANING
from sentiment.inference.pairs import Pair
from sentiment.inference.wording import count, list_reasons
from sentiment.monitoring.dates import shown
from sentiment.monitoring.groups import values_of
from sentiment.monitoring.rows import Chunk, Columns, Skipped, chunks
from sentiment.monitoring.times import Clock

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
        by: Columns of the groups.
        aspect: The column of aspects; where it is one of `by`, equal texts about two aspects are two texts.
    """

    source: Source
    columns: Columns
    clock: Clock | None
    unique: bool = False
    about: list[str] = field(default_factory=list)
    skipped: Skipped = field(default_factory=Skipped)
    by: tuple[str, ...] = ()
    aspect: str | None = None

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
                kept = distinct(chunk, seen, self.skipped, self.aspect_in) if self.unique else chunk
                self.skipped.undecided += kept.undecided
                if len(kept):
                    yield kept

    def aspect_in(self, group: str) -> str | None:
        """Return the aspect in the name of a group; None where aspects make no groups."""
        return values_of(group, self.by).get(self.aspect, group) if self.aspect in self.by else None

    def check_any(self, found: Any) -> None:
        if not found:
            raise DataError(
                f"no row can be counted: of {self.source.rows or 0}, {self.skipped.unpredicted} have no prediction, "
                f"{self.skipped.undecided.total()} the same probability for each label, {self.skipped.untimed} no "
                "readable time"
            )

    def notes(self, *, labelled: bool, hourly: bool) -> list[str]:
        """Return sentences on the rows that are not counted, and on true labels if no row is `labelled`."""
        lines = [*self.about, *([self.clock.said] if self.clock and self.clock.said else [])]
        if self.skipped.unpredicted:
            lines.append(f"{count(self.skipped.unpredicted, 'row')} without a prediction, not counted.")
        if self.skipped.untimed and self.clock:
            lines.append(
                f"{count(self.skipped.untimed, 'row')} without a time in {self.clock.column!r}"
                f"{f', such as {shown(one)}' if (one := self.skipped.no_time) else ''}, not counted."
            )
        if self.clock and (never := self.skipped.doubts["never"]):
            lines.append(
                f"{count(never, 'time')} of an hour that the clocks of {self.clock.zone} leave out: counted under the "
                "next one. The times may be of another zone."
            )
        if self.clock and hourly and (twice := self.skipped.doubts["twice"]):
            lines.append(
                f"{count(twice, 'time')} of an hour that the clocks of {self.clock.zone} repeat, without an offset "
                "that says which: counted under the first."
            )
        if self.skipped.undecided:
            known = list_reasons(self.skipped.undecided)
            lines.append(
                f"{count(self.skipped.undecided.total(), 'text')} with the same probability for each label, as those "
                f"have that the model cannot read{f' ({known})' * bool(known)}: counted under none."
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


def distinct(chunk: Chunk, seen: set[int], skipped: Skipped, aspect_in: Callable[[str], str | None]) -> Chunk:
    """Keep the first of equal texts: without case, markup, punctuation and the "RT @name:" of a retweet.

    A text of a group with another aspect is another text.
    """
    kept = []
    for i, text in enumerate(chunk.texts):
        plain = RETWEET.sub("", text)
        aspect = aspect_in(chunk.groups[i])
        own = plain if aspect is None else Pair(plain, aspect)
        key = int.from_bytes(hash_normalised(own, CLEANING)[:8], "little")
        if key not in seen:
            seen.add(key)
            kept.append(i)
    skipped.repeated += len(chunk) - len(kept)
    return chunk if len(kept) == len(chunk) else chunk.take(kept)
