"""Texts of other languages, and texts wrongly taken for them: `python -m benchmarks.languages TRAIN.csv OTHER.csv ...`.

The languages are learned from the column `text` of TRAIN.csv, with the tokenizer of the packaged backbone. Of each
other file stands here what share of its texts cannot be read, by reason, and the processor time of the measure; of one
with a column `language` also the share by number of words and by language.
"""

import csv
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from sentiment.backbones import PACKAGED, resolve
from sentiment.inference.preprocessing import Cleaning
from sentiment.inference.readability import Readability
from sentiment.inference.word_pieces import remove_limits

LENGTHS = {"1-3 words": 1, "4": 4, "5-6": 5, "7-9": 7, "10 and more": 10}
ENOUGH = 5  # words of the texts that are counted by language
LONGEST = 254  # tokens
ROUNDS = 5
NO_WORDS = ("@", "#", "http")


def read(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def count_words(text: str) -> int:
    return sum(any(map(str.isalpha, word)) and not word.startswith(NO_WORDS) for word in text.split())


def shares(told: Iterable[tuple[str, bool]]) -> str:
    """Return the share that cannot be read of each group, in the order of the groups' first texts."""
    groups = defaultdict[str, list[bool]](list)
    for group, unread in told:
        groups[group].append(unread)
    return ", ".join(f"{group}: {sum(some) / len(some):.1%} of {len(some)}" for group, some in groups.items())


def microseconds(readability: Readability, rows: Sequence[list[int]]) -> float:
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        for ids in rows:
            readability.unreadable(ids)
        best = min(best, time.process_time() - start)
    return best / len(rows) * 1e6


def main(train: str, *others: str) -> None:
    tokenizer, cleaning = remove_limits(Tokenizer.from_file(f"{resolve(PACKAGED)}/tokenizer.json")), Cleaning()

    def encode(rows: list[dict[str, str]]) -> list[list[int]]:
        found = tokenizer.encode_batch([cleaning(row["text"]) for row in rows], add_special_tokens=False)
        return [one.ids[:LONGEST] for one in found]

    readability = Readability.fit(tokenizer, encode(read(train)))
    known = readability.languages
    print(f"{train}: languages {', '.join(known.read) if known else 'none'}")
    for path in others:
        rows = read(path)
        ids = encode(rows)
        reasons = [readability.measure(one)[1] for one in ids]
        counts = ", ".join(f"{reason} {count}" for reason, count in Counter(filter(None, reasons)).most_common())
        took = microseconds(readability, ids)
        print(f"{path}: {len(rows)} texts, unreadable: {counts or 'none'}; {took:.1f} microseconds a text")
        if "language" in rows[0]:
            told = [
                (count_words(row["text"]), row, reason is not None) for row, reason in zip(rows, reasons, strict=True)
            ]
            lengths = [(max((name for name in LENGTHS if n >= LENGTHS[name]), key=LENGTHS.__getitem__), unread)
                       for n, _, unread in sorted(told, key=lambda one: one[0]) if n]  # fmt: skip
            print(f"  {shares(lengths)}")
            enough = [(row["language"], unread) for n, row, unread in told if n >= ENOUGH]
            print(f"  of {ENOUGH} words and more: {shares(sorted(enough))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
