"""Readability of a text for a backbone: the share of its word pieces that can mean something to the model.

A piece is unreadable if it is the unknown token, if the vocabulary has letters but no words of its script, or if it is
of a word that falls to pieces and is spelled like none that the vocabulary has. Scripts and spelling are derived from
the vocabulary; the slang that the training texts taught beside it is kept in the export (`readability.json`).
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from sentiment.files import damaged, read_object
from sentiment.inference.slang import is_slang
from sentiment.inference.spelling import Spelling, squeeze
from sentiment.inference.vocabulary import Vocabulary, script_of, vocabulary_of

READABILITY = "readability.json"
FEWEST_WORDS = 1000  # of a script in the vocabulary, for a model of its spelling
HASH = "#"
TAUGHT = 2  # training texts that teach a word


@dataclass(frozen=True, slots=True)
class Readability:
    """Measure of how much of a text a model can read."""

    vocabulary: Vocabulary
    spellings: Mapping[str, Spelling]  # by script; without one, no word of that script is nonsense
    taught: frozenset[str] = frozenset()  # words spelled like nonsense that the training texts taught

    @classmethod
    def fit(cls, tokenizer: Tokenizer, rows: Iterable[Sequence[int]]) -> "Readability":
        """Learn the spelling of the vocabulary's words, and the slang of the training texts."""
        serialized = tokenizer.to_str()
        bare = cls(vocabulary_of(serialized), spellings_of(serialized))
        counts = Counter[str]()
        for ids in rows:
            counts.update({bare.text(word) for word in bare.words(ids) if bare.is_nonsense(word)})
        return cls(
            bare.vocabulary, bare.spellings, frozenset(word for word, count in counts.items() if count >= TAUGHT)
        )

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> "Readability":
        """Know the scripts of a vocabulary and no spelling."""
        return cls(vocabulary_of(tokenizer.to_str()), {})

    @classmethod
    def read(cls, export: Path, tokenizer: Tokenizer) -> "Readability":
        """Open that of an export folder; an earlier one knows no spelling. Raises DamagedFileError for a wrong file."""
        path, bare = export / READABILITY, cls.of(tokenizer)
        if not path.is_file():
            return bare
        value = read_object(path)
        try:
            spellings = {script: Spelling.from_json(one) for script, one in value["spelling"].items()}
            return cls(bare.vocabulary, spellings, frozenset(map(str, value["taught"])))
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise damaged(path, f"it is no description of words ({error})") from error

    def to_json(self) -> dict[str, Any]:
        return {
            "scripts": sorted(self.vocabulary.scripts),  # for people; it follows from the vocabulary
            "taught": sorted(self.taught),
            "spelling": {script: spelling.to_json() for script, spelling in self.spellings.items()},
        }

    def unreadable(self, ids: Sequence[int], aspect: Sequence[int] = ()) -> float:
        """Return the share of a text's pieces that the model cannot read, punctuation aside.

        Args:
            ids: The text's token ids without special ones. What stands for a link or a mention does not count; of a
                text of those alone nothing can be read.
            aspect: Those of its aspect, if it has one: where more of that is of unknown scripts, its share. Names are
                spelled like nonsense, so that the spelling of an aspect says nothing.
        """
        return max(self._text(ids), self._aspect(aspect) if aspect else 0.0)

    def _aspect(self, ids: Sequence[int]) -> float:
        own = self.vocabulary
        return sum(map(own.unknown.__getitem__, ids)) / max(sum(map(own.counted.__getitem__, ids)), 1)

    def _text(self, ids: Sequence[int]) -> float:
        own = self.vocabulary
        counted = sum(map(own.counted.__getitem__, ids)) - sum(i in own.placeholders for i in ids)
        if ids and counted <= 0 and all(own.counted[i] or i in own.placeholders for i in ids):
            return 1.0
        lost = sum(map(own.unknown.__getitem__, ids))
        if any(map(own.continues.__getitem__, ids)):
            nonsense = [word for word in self.words(ids) if self.is_nonsense(word)]
            lost += sum(own.counted[i] and not own.unknown[i] for word in nonsense for i in word)
        if not lost:
            return 0.0
        return min(1.0, lost / max(counted, 1))

    def words(self, ids: Sequence[int]) -> Iterator[list[int]]:
        """Yield the words of more than one piece, but for hashtags: theirs are several words written as one."""
        word: list[int] = []
        hashtag = False
        for i in ids:
            if self.vocabulary.continues[i]:
                word.append(i)
                continue
            if len(word) > 1 and not hashtag:
                yield word
            hashtag = bool(word) and self.vocabulary.texts[word[-1]] == HASH
            word = [i]
        if len(word) > 1 and not hashtag:
            yield word

    def text(self, word: Sequence[int]) -> str:
        return "".join(self.vocabulary.texts[i] for i in word)

    def is_nonsense(self, word: Sequence[int]) -> bool:
        """Test if a word of several pieces is spelled like none that the backbone knows, and was not taught.

        A code of letters and digits is no spelled word, nor is a hashtag.
        """
        text = self.text(word)
        letters = squeeze(text)
        if (
            not letters
            or text.startswith(HASH)
            or any(map(str.isdigit, text))
            or text in self.taught
            or is_slang(letters)
        ):
            return False
        spelling = self.spellings.get(script_of(letters[0]))
        return spelling is not None and spelling.is_nonsense(letters)


@lru_cache(maxsize=4)
def spellings_of(tokenizer_json: str) -> dict[str, Spelling]:
    """Fit the spelling of each known script of which the vocabulary has FEWEST_WORDS."""
    words = vocabulary_of(tokenizer_json).words()
    return {script: Spelling.fit(some) for script, some in sorted(words.items()) if len(some) >= FEWEST_WORDS}
