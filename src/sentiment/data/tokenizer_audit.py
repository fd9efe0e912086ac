"""Audit of a tokenizer on the texts: words, emoji, hashtags and letters that it reads as [UNK] or in single pieces."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from tokenizers import Tokenizer

from sentiment.data.splits import Split
from sentiment.data.tokenizer_items import LATIN, Item, listed_emoji, read_chunks
from sentiment.inference.preprocessing import Cleaning
from sentiment.inference.symbols import fold
from sentiment.inference.types import Label, names_of
from sentiment.inference.word_pieces import clean

TEXTS = 10_000  # most texts of a split that are read, evenly spaced
COMMONEST = 10
MOST_LOST = 0.01  # share of words, unknown or in single letters, above which the report warns


@dataclass(frozen=True, slots=True)
class Reading:
    """Occurrences of one kind of item, and how the tokenizer reads them."""

    count: int = 0
    unknown: int = 0  # read as [UNK], alone or with what they touch
    single: int = 0  # read in at least as many pieces as they have characters, and more than one
    pieces: float = 0.0  # mean number of pieces
    commonest: dict[str, int] = field(default_factory=dict)  # of the unknown and the single ones


@dataclass(frozen=True, slots=True)
class Audit:
    words: Reading
    emoji: Reading
    hashtags: Reading
    letters: dict[str, Reading]  # by script, as Unicode names it


@dataclass(frozen=True, slots=True)
class SplitAudit:
    texts: int  # texts that were read
    whole: Audit
    labels: dict[str, Audit]


@dataclass(frozen=True, slots=True)
class TokenizerAudit:
    splits: dict[str, SplitAudit]
    warnings: list[str]


class Tally:
    """Running counts of the items of one kind."""

    def __init__(self) -> None:
        self.count = self.unknown = self.single = self.pieces = 0
        self.lost: Counter[str] = Counter()
        self.split: Counter[str] = Counter()

    def add(self, item: Item, times: int) -> None:
        times *= item.length
        self.count += times
        self.pieces += item.pieces * times
        if item.unknown:
            self.unknown += times
            self.lost[item.text] += times
        elif item.single:
            self.single += times
            self.split[item.text] += times

    def update(self, other: "Tally") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    def reading(self) -> Reading:
        commonest = dict((self.lost + self.split).most_common(COMMONEST))
        return Reading(self.count, self.unknown, self.single, round(self.pieces / max(1, self.count), 3), commonest)


def audit(splits: Mapping[str, Split], tokenizer: Tokenizer, cleaning: Cleaning) -> TokenizerAudit:
    """Read up to TEXTS texts of each split as the model does, and count what its tokenizer loses."""
    counts = {name: chunks_by_label(split, cleaning) for name, split in splits.items()}
    distinct = dict.fromkeys(chunk for labels in counts.values() for chunks in labels.values() for chunk in chunks)
    items = dict(read_chunks(list(distinct), tokenizer))
    audits = {}
    for name, labels in counts.items():
        tallies = {label: tally(chunks, items) for label, chunks in sorted(labels.items())}
        whole = audit_of(merge_tallies(tallies.values()))
        names = sorted({one for label in tallies for one in names_of(label)})
        own = {name: [tally for label, tally in tallies.items() if name in names_of(label)] for name in names}
        shares = {name: audit_of(merge_tallies(some)) for name, some in own.items()}
        audits[name] = SplitAudit(min(len(splits[name]), TEXTS), whole, shares)
    return TokenizerAudit(audits, [*warn_of_words(audits, cleaning), *warn_of_emoji(audits, cleaning)])


def chunks_by_label(split: Split, cleaning: Cleaning) -> dict[Label, Counter[str]]:
    """Count what white space parts, which no tokenizer reads across, by label, or by all labels of a text."""
    rows = range(len(split)) if len(split) <= TEXTS else [i * len(split) // TEXTS for i in range(TEXTS)]
    counts: dict[Label, Counter[str]] = {}
    for row, text in zip(rows, clean([split.texts[i] for i in rows], cleaning), strict=True):
        counts.setdefault(split.labels[row], Counter()).update(text.split())
    if split.aspects is not None:  # each counts once for every text beside it
        for row, aspect in zip(rows, clean([split.aspects[i] for i in rows], cleaning), strict=True):
            counts[split.labels[row]].update(aspect.split())
    return counts


def tally(chunks: Mapping[str, int], items: Mapping[str, Sequence[Item]]) -> dict[str, Tally]:
    tallies: dict[str, Tally] = defaultdict(Tally)
    for chunk, times in chunks.items():
        for item in items[chunk]:
            tallies[item.kind].add(item, times)
    return tallies


def merge_tallies(parts: Iterable[Mapping[str, Tally]]) -> dict[str, Tally]:
    whole: dict[str, Tally] = defaultdict(Tally)
    for part in parts:
        for kind, one in part.items():
            whole[kind].update(one)
    return whole


def audit_of(tallies: Mapping[str, Tally]) -> Audit:
    read = {kind: one.reading() for kind, one in tallies.items()}
    words, emoji, hashtags = (read.pop(kind, Reading()) for kind in ("words", "emoji", "hashtags"))
    return Audit(words, emoji, hashtags, dict(sorted(read.items(), key=lambda pair: -pair[1].count)))


def warn_of_words(audits: Mapping[str, SplitAudit], cleaning: Cleaning) -> Iterator[str]:
    """Warn where more than MOST_LOST of a split's words are lost, with the key that repairs most of them."""
    lost = {name: one.whole for name, one in audits.items() if share_lost(one.whole.words) > MOST_LOST}
    if not lost:
        return
    shares = ", ".join(f"{100 * share_lost(one.words):.1f} % of {name}" for name, one in lost.items())
    scripts: Counter[str] = Counter()
    for one in lost.values():
        scripts.update({name: letters.unknown + letters.single for name, letters in one.letters.items()})
    [(most, _)] = scripts.most_common(1)
    words = commonest(one.words for one in lost.values())
    if most != LATIN:
        repair = f"most are {most.title()}: set model.backbone to one that knows it, such as a multilingual one"
    elif not cleaning.emoji and any(one.emoji.count for one in lost.values()):
        repair = "set data.cleaning.emoji=true, which parts them from emoji"
    else:
        repair = f"model.new_tokens=[emoji,{','.join(words[:3])},...] adds them"
    yield f"words that the tokenizer knows nothing of: {shares}, such as {' '.join(words[:5])}; {repair}"


def share_lost(words: Reading) -> float:
    return (words.unknown + words.single) / max(1, words.count)


def warn_of_emoji(audits: Mapping[str, SplitAudit], cleaning: Cleaning) -> Iterator[str]:
    """Warn of emoji that are unknown, with the key that repairs them."""
    lost = {name: one.whole.emoji for name, one in audits.items() if one.whole.emoji.unknown}
    if not lost:
        return
    shares = ", ".join(f"{one.unknown} of {one.count} in {name}" for name, one in lost.items())
    emoji = commonest(lost.values())
    if not cleaning.emoji:
        repair = "set data.cleaning.emoji=true model.new_tokens=emoji"
    elif any(fold(one) in listed_emoji() for one in emoji):
        repair = "set model.new_tokens=emoji"
    else:
        repair = f"set model.new_tokens=[emoji,{','.join(emoji)}]"
    yield f"emoji that the tokenizer reads as unknown: {shares}, such as {' '.join(emoji[:5])}; {repair}"


def commonest(readings: Iterable[Reading]) -> list[str]:
    counts: Counter[str] = Counter()
    for one in readings:
        counts.update(one.commonest)
    return [text for text, _ in counts.most_common(COMMONEST)]
