"""Data quality report: duplicates, leaks, label conflicts, token lengths and the tokenizer (data_report.json)."""

from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy

from sentiment.data.duplicates import Dropped, Match, hash_normalised
from sentiment.data.labelled import FileRows
from sentiment.data.splits import Split
from sentiment.data.tokenizer_audit import TokenizerAudit
from sentiment.inference.pairs import Text, display
from sentiment.inference.preprocessing import Preprocessing
from sentiment.inference.types import Label, join_labels, names_of

PERCENTILES = (0, 25, 50, 75, 90, 95, 99, 100)
BINS = 20  # equal-width histogram bins up to the 99th percentile; one more holds all longer texts
EXAMPLES = 5
NO_LABEL = "(none)"  # of a text, where a text may have several
SHOWN = 200  # characters per example


@dataclass(frozen=True, slots=True)
class Count:
    """Counts of equal texts under exact comparison and under `duplicates.normalised`."""

    exact: int
    normalised: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """Token counts of whole texts, including special tokens, before truncation."""

    mean: float
    percentiles: dict[str, int]  # keyed by percentile, e.g. "50" for the median
    counts: list[int]  # texts per histogram bin of DataReport.edges
    truncated: float  # fraction of texts with more than max_length tokens


@dataclass(frozen=True, slots=True)
class Aspects:
    """Distinct aspects of a split."""

    distinct: int
    new: int  # in no earlier split
    most_frequent: dict[str, int]  # rows by aspect


@dataclass(frozen=True, slots=True)
class SplitQuality:
    rows: int
    labels: dict[str, int]  # rows by label; where a text may have several, also those without any
    sha256: str
    duplicates: Count  # rows that repeat an earlier row of this split
    leaks: Count  # distinct texts that are also in an earlier split, in the order train, validation, test
    dropped: Dropped
    tokens: Lengths
    aspects: Aspects | None = None  # of data.aspect_column
    files: tuple[FileRows, ...] = ()  # the files it was read from, before rows were dropped or split off


@dataclass(frozen=True, slots=True)
class Overlap:
    """Distinct texts that two splits share."""

    splits: tuple[str, str]
    texts: Count
    examples: list[str]


@dataclass(frozen=True, slots=True)
class Conflicts:
    """Normalised texts with more than one label, over all splits."""

    texts: int
    rows: int
    examples: list[dict[str, Any]]  # keys: text, and labels with the rows by label


@dataclass(frozen=True, slots=True)
class DataReport:
    dedupe: Match
    drop_leaks: Match
    max_length: int
    truncation: str
    edges: list[int]  # BINS + 2 histogram edges in tokens, shared by all splits
    splits: dict[str, SplitQuality]
    overlaps: list[Overlap]
    conflicts: Conflicts
    tokenizer: TokenizerAudit | None = None

    def to_json(self) -> dict[str, Any]:
        values = asdict(self)
        for split in values["splits"].values():
            if split["aspects"] is None:
                del split["aspects"]
        return values

    def warnings(self) -> list[str]:
        """List the findings that cost a model, one line each: leaks, label conflicts, words and emoji that are lost."""
        lines = [
            f"texts of {both.splits[1]} that are in {both.splits[0]} too: {both.texts.normalised}, letter by letter "
            f"{both.texts.exact}; data.drop_leaks=normalised drops them there"
            for both in self.overlaps
            if both.texts.normalised
        ]
        if self.conflicts.texts:
            lines.append(f"texts with different labels: {self.conflicts.texts}, in {self.conflicts.rows} rows")
        return lines + (self.tokenizer.warnings if self.tokenizer else [])


def inspect(
    splits: Mapping[str, Split],
    lengths: Mapping[str, Sequence[int]],
    preprocessing: Preprocessing,
    *,
    dropped: Mapping[str, Dropped],
    files: Mapping[str, tuple[FileRows, ...]] | None = None,
    dedupe: Match = "none",
    drop_leaks: Match = "none",
    tokenizer: TokenizerAudit | None = None,
) -> DataReport:
    """Build the report of splits and the token counts of their texts before truncation."""
    keys: dict[str, list[Hashable]] = {
        name: [hash_normalised(text, preprocessing.cleaning) for text in split.inputs] for name, split in splits.items()
    }
    edges = edges_of([length for values in lengths.values() for length in values])
    qualities, earlier, earlier_keys = {}, set[Text](), set[Hashable]()
    seen_aspects = set[str]()
    for name, split in splits.items():
        texts, own = set(split.inputs), set(keys[name])
        qualities[name] = SplitQuality(
            rows=len(split),
            labels=label_counts(split),
            sha256=split.fingerprint(),
            duplicates=Count(len(split) - len(texts), len(split) - len(own)),
            leaks=Count(len(texts & earlier), len(own & earlier_keys)),
            dropped=dropped.get(name, Dropped()),
            tokens=measure_lengths(lengths[name], edges, preprocessing.max_length),
            aspects=aspects_of(split, seen_aspects),
            files=(files or {}).get(name, ()),
        )
        seen_aspects.update(split.aspects or ())
        earlier |= texts
        earlier_keys |= own
    overlaps = [overlap(first, second, splits, keys) for first, second in combinations(splits, 2)]
    return DataReport(
        dedupe,
        drop_leaks,
        preprocessing.max_length,
        preprocessing.truncation,
        edges,
        qualities,
        overlaps,
        conflicts(splits, keys),
        tokenizer,
    )


def aspects_of(split: Split, earlier: set[str]) -> Aspects | None:
    if split.aspects is None:
        return None
    counts = Counter(split.aspects)
    return Aspects(len(counts), len(counts.keys() - earlier), dict(counts.most_common(EXAMPLES)))


def edges_of(lengths: Sequence[int]) -> list[int]:
    width = max(1, -(-int(numpy.percentile(lengths, 99)) // BINS))
    last = BINS * width
    return [*range(0, last + 1, width), max(last, *lengths) + 1]


def measure_lengths(lengths: Sequence[int], edges: Sequence[int], max_length: int) -> Lengths:
    values = numpy.asarray(lengths)
    at = numpy.percentile(values, PERCENTILES, method="nearest")
    return Lengths(
        mean=round(float(values.mean()), 1),
        percentiles={str(p): int(value) for p, value in zip(PERCENTILES, at, strict=True)},
        counts=[int(count) for count in numpy.histogram(values, edges)[0]],
        truncated=round(float((values > max_length).mean()), 6),
    )


def overlap(first: str, second: str, splits: Mapping[str, Split], keys: Mapping[str, Sequence[Hashable]]) -> Overlap:
    exact = set(splits[first].inputs) & set(splits[second].inputs)
    shared = set(keys[first]) & set(keys[second])
    rows = zip(splits[second].inputs, keys[second], strict=True)
    examples = list({key: display(text)[:SHOWN] for text, key in rows if key in shared}.values())[:EXAMPLES]
    return Overlap((first, second), Count(len(exact), len(shared)), examples)


def conflicts(splits: Mapping[str, Split], keys: Mapping[str, Sequence[Hashable]]) -> Conflicts:
    labels: dict[Hashable, Counter[Label]] = defaultdict(Counter)
    shown: dict[Hashable, str] = {}
    for name, split in splits.items():
        for text, label, key in zip(split.inputs, split.labels, keys[name], strict=True):
            labels[key][label] += 1
            shown.setdefault(key, display(text))
    found = [key for key, counts in labels.items() if len(counts) > 1]
    rows = {key: {join_labels(label) or NO_LABEL: n for label, n in labels[key].items()} for key in found[:EXAMPLES]}
    examples = [{"text": shown[key][:SHOWN], "labels": counts} for key, counts in rows.items()]
    return Conflicts(len(found), sum(labels[key].total() for key in found), examples)


def label_counts(split: Split) -> dict[str, int]:
    """Count the rows of each label, and those without any."""
    return dict(sorted(Counter(name for label in split.labels for name in names_of(label) or [NO_LABEL]).items()))
