"""Readability of a text for a backbone: the share of its word pieces that can mean something to the model.

A piece is unreadable if it is the unknown token, if the vocabulary has letters but no words of its script, or if it is
of a word that falls to pieces and is spelled like none that the vocabulary has; all pieces are if the text is in a
language that the training texts do not have. Scripts and spelling are derived from the vocabulary; the slang and the
languages that the training texts taught are kept in the export (`readability.json`).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from sentiment.files import damaged, read_object
from sentiment.inference.languages import Languages, fold
from sentiment.inference.slang import is_slang
from sentiment.inference.spelling import Spelling, squeeze
from sentiment.inference.types import LIMIT, Unread
from sentiment.inference.vocabulary import Vocabulary, script_of, vocabulary_of

READABILITY = "readability.json"
FEWEST_WORDS = 1000  # of a script in the vocabulary, for a model of its spelling
HASH, AT, LINK = "#", "@", "http"
TAUGHT = 2  # training texts that teach a word
WORDS_CACHED = 16384  # whose spelling was judged
UNKNOWN, COUNTED, CONTINUES, PLACEHOLDER, OWN, HINT = 1, 2, 4, 8, 16, 32  # bits of what is known of a piece
CODES = range(64)
LACKING = {bit: bytes(code for code in CODES if not code & bit) for bit in (UNKNOWN, COUNTED, PLACEHOLDER, OWN, HINT)}
FACE = re.compile(  # of punctuation alone, from left to right, from right to left, and upright
    r"[:;=]['^-]?[()\[\]{}|/\\*$@<>]|[()\[\]{}]['^-]?[:;=]|\^_*\^|-_+-|=_+=|\*_+\*|;_+;|>[._]*<|\._+\.|[<>][:;][()]"
)
INNER = bytes(code & CONTINUES for code in CODES).ljust(256, b"\0")  # table: CONTINUES or 0


@dataclass(frozen=True, slots=True)
class Readability:
    """Measure of how much of a text a model can read."""

    vocabulary: Vocabulary
    spellings: Mapping[str, Spelling]  # by script; without one, no word of that script is nonsense
    taught: frozenset[str]  # words spelled like nonsense that the training texts taught
    languages: Languages | None  # of the training texts; without them, no text is refused for its language
    codes: bytes  # bits of each piece, by its id
    judge: Callable[[tuple[int, ...]], tuple[bool, bool]]  # tests if a split word is nonsense, and a foreign one

    @classmethod
    def made_of(
        cls,
        vocabulary: Vocabulary,
        spellings: Mapping[str, Spelling],
        taught: Iterable[str] = (),
        languages: Languages | None = None,
    ) -> "Readability":
        taught, texts = frozenset(taught), vocabulary.texts

        @lru_cache(WORDS_CACHED)
        def judge(word: tuple[int, ...]) -> tuple[bool, bool]:
            text = "".join([texts[i] for i in word])
            hint = languages is not None and fold(text) in languages.foreign
            return is_nonsense(text, spellings, taught), hint

        return cls(vocabulary, spellings, taught, languages, codes_of(vocabulary, languages), judge)

    @classmethod
    def fit(cls, tokenizer: Tokenizer, rows: Iterable[Sequence[int]]) -> "Readability":
        """Learn the spelling of the vocabulary's words, and the slang and languages of the training texts."""
        serialized = tokenizer.to_str()
        bare = cls.made_of(vocabulary_of(serialized), spellings_of(serialized))
        counts = Counter[str]()

        def texts() -> Iterator[frozenset[str]]:
            for ids in rows:
                words = {tuple(ids[start:end]) for start, end in bare.split_words(ids, bare.coded(ids))}
                counts.update({bare.text(word) for word in words if bare.judge(word)[0]})
                yield bare.spelled(ids)

        languages = Languages.fit(texts())
        taught = (word for word, count in counts.items() if count >= TAUGHT)
        return cls.made_of(bare.vocabulary, bare.spellings, taught, languages)

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "Readability":
        """Know the scripts of a vocabulary, no spelling and no language."""
        return cls.made_of(vocabulary_of(tokenizer.to_str()), {})

    @classmethod
    def read(cls, export: Path, tokenizer: Tokenizer) -> "Readability":
        """Open that of an export folder; an earlier one knows no spelling, or no language.

        Raises:
            DamagedFileError: The file is no such description.
        """
        path, bare = export / READABILITY, cls.of(tokenizer)
        if not path.is_file():
            return bare
        value = read_object(path)
        try:
            spellings = {script: Spelling.from_json(one) for script, one in value["spelling"].items()}
            languages = Languages.from_json(value["languages"]) if "languages" in value else None
            return cls.made_of(bare.vocabulary, spellings, map(str, value["taught"]), languages)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise damaged(path, f"it is no description of words ({error})") from error

    def to_json(self) -> dict[str, Any]:
        value = {
            "scripts": sorted(self.vocabulary.scripts),  # for people; it follows from the vocabulary
            "taught": sorted(self.taught),
            "spelling": {script: spelling.to_json() for script, spelling in self.spellings.items()},
        }
        return value if self.languages is None else value | {"languages": self.languages.to_json()}

    def unreadable(self, ids: Sequence[int], aspect: Sequence[int] = ()) -> float:
        """Return the share of a text's pieces that the model cannot read; see `measure`."""
        return self.measure(ids, aspect)[0]

    def measure(self, ids: Sequence[int], aspect: Sequence[int] = ()) -> tuple[float, Unread | None]:
        """Return the share of a text's pieces that the model cannot read, punctuation aside, and why if it is too much.

        Args:
            ids: The text's token ids without special ones. What stands for a link or a mention does not count; of a
                text of those and of punctuation alone, but for emoticons, and of one without any, nothing can be read.
            aspect: Those of its aspect, if it has one: where more of that is of unknown scripts, its share. Names are
                spelled like nonsense, so that the spelling of an aspect says nothing.
        """
        share, reason = self._text(ids)
        if aspect and (other := self._aspect(aspect)) > share:
            share, reason = other, "script"
        return share, reason if share > LIMIT else None

    def _aspect(self, ids: Sequence[int]) -> float:
        own = self.vocabulary
        return sum(map(own.unknown.__getitem__, ids)) / max(sum(map(own.counted.__getitem__, ids)), 1)

    def _text(self, ids: Sequence[int]) -> tuple[float, Unread]:
        codes = self.coded(ids)
        counted = number(codes, COUNTED) - number(codes, PLACEHOLDER)
        if counted <= 0 and not (number(codes, UNKNOWN) or self.has_face(ids)):  # no piece at all too
            return 1.0, "nothing"
        lost = unknown = number(codes, UNKNOWN)
        hints = number(codes, HINT)
        for start, end in self.split_words(ids, codes):
            nonsense, hint = self.judge(tuple(ids[start:end]))
            hints += hint
            if nonsense:
                lost += sum(code & (COUNTED | UNKNOWN) == COUNTED for code in codes[start:end])
        share = min(1.0, lost / max(counted, 1))
        if share <= LIMIT and 2 * hints > number(codes, OWN) and self.is_foreign(ids):
            return 1.0, "language"
        return share, "script" if 2 * unknown > lost else "spelling"

    def has_face(self, ids: Sequence[int]) -> bool:
        """Test if there is an emoticon among signs without a letter, digit or emoji."""
        return FACE.search("".join([self.vocabulary.texts[i] for i in ids])) is not None

    def is_foreign(self, ids: Sequence[int]) -> bool:
        """Test if a text is in a language that the training texts do not have."""
        return self.languages is not None and self.languages.other(self.spelled(ids)) is not None

    def coded(self, ids: Sequence[int]) -> bytes:
        """Return the bits of each piece."""
        return bytes(map(self.codes.__getitem__, ids))

    def split_words(self, ids: Sequence[int], codes: bytes) -> Iterator[tuple[int, int]]:
        """Yield start and end of each word of several pieces, but for hashtags: theirs are several written as one.

        Args:
            ids: The token ids of a text.
            codes: Their bits.
        """
        inner, texts = codes.translate(INNER), self.vocabulary.texts
        at = inner.find(CONTINUES)
        while at >= 0:
            start, end = max(at - 1, 0), inner.find(0, at)
            end = len(inner) if end < 0 else end
            if end - start > 1 and not (start and texts[ids[start - 1]] == HASH):
                yield start, end
            at = inner.find(CONTINUES, end)

    def text(self, word: Sequence[int]) -> str:
        return "".join([self.vocabulary.texts[i] for i in word])

    def spelled(self, ids: Sequence[int]) -> frozenset[str]:
        """Return the different words of letters, as `fold` returns them; hashtags and names after an @ are none."""
        texts, codes = self.vocabulary.texts, self.coded(ids)
        words = list[list[str]]()
        for i, code in zip(ids, codes, strict=True):
            if code & CONTINUES and words:
                words[-1].append(texts[i])
            else:
                words.append([texts[i]])
        whole = ["", *map("".join, words)]
        marks = (HASH, AT)
        return frozenset(
            fold(word)
            for before, word in zip(whole, whole[1:], strict=False)
            if word.isalpha() and before not in marks and word != LINK
        )


def number(codes: bytes, bit: int) -> int:
    """Return how many codes have a bit."""
    return len(codes.translate(None, LACKING[bit]))


def codes_of(vocabulary: Vocabulary, languages: Languages | None) -> bytes:
    """Return bits for each piece: what the vocabulary says of it, and if it is a known word, or a foreign one."""
    own = vocabulary
    bits = [
        UNKNOWN * unknown + COUNTED * counted + CONTINUES * continues
        for unknown, counted, continues in zip(own.unknown, own.counted, own.continues, strict=True)
    ]
    for i in own.placeholders:
        bits[i] += PLACEHOLDER
    if languages is not None:
        for i, text in enumerate(own.texts):
            if text and not own.continues[i]:
                word = fold(text)
                bits[i] += HINT if word in languages.foreign else OWN if languages.is_plain(word) else 0
    return bytes(bits)


def is_nonsense(text: str, spellings: Mapping[str, Spelling], taught: frozenset[str]) -> bool:
    """Test if a word of several pieces is spelled like none that the backbone knows, and was not taught.

    A code of letters and digits is no spelled word, nor is a hashtag.
    """
    letters = squeeze(text)
    if not letters or text.startswith(HASH) or any(map(str.isdigit, text)) or text in taught or is_slang(letters):
        return False
    spelling = spellings.get(script_of(letters[0]))
    return spelling is not None and spelling.is_nonsense(letters)


@lru_cache(maxsize=4)
def spellings_of(tokenizer_json: str) -> dict[str, Spelling]:
    """Fit the spelling of each known script of which the vocabulary has FEWEST_WORDS."""
    words = vocabulary_of(tokenizer_json).words()
    return {script: Spelling.fit(some) for script, some in sorted(words.items()) if len(some) >= FEWEST_WORDS}
