"""Readability of a text for a backbone: the share of its word pieces that can mean something to the model.

A piece is unreadable if it is the unknown token, if the vocabulary has letters but no words of its script, or if it is
of a word that falls to pieces and is spelled like none that the vocabulary has. Scripts and spelling are derived from
the vocabulary; the slang that the training texts taught beside it is kept in the export (`readability.json`).
"""

import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from sentiment.files import damaged, read_object
from sentiment.inference.slang import is_slang
from sentiment.inference.spelling import SHORTEST, Spelling, squeeze

READABILITY = "readability.json"
FEWEST_WORDS = 1000  # of a script in the vocabulary, for a model of its spelling
HASH = "#"
TAUGHT = 2  # training texts that teach a word
COMMON = 0.025  # share of the vocabulary that makes a script known which is written without merging characters
STARTS = ("\u2581", "\u0120")  # mark of a word's first piece in SentencePiece and in byte-level BPE
PRINTABLE = (*range(33, 127), *range(161, 173), *range(174, 256))  # bytes that stand for themselves in byte-level BPE
OTHERS = [byte for byte in range(256) if byte not in PRINTABLE]
BYTES = {chr(byte): byte for byte in PRINTABLE} | {chr(256 + i): byte for i, byte in enumerate(OTHERS)}


@lru_cache(maxsize=65536)
def script_of(character: str) -> str:
    """Return the script of a letter, the first word of its Unicode name; "" for other characters.

    Compatibility forms, such as full-width letters, have the script of what they stand for.
    """
    plain = unicodedata.normalize("NFKC", character)[:1]
    return unicodedata.name(plain, "").split(" ")[0].split("-")[0] if plain.isalpha() else ""


@lru_cache(maxsize=65536)
def is_counted(character: str) -> bool:
    """Test for a letter, a number or a symbol: punctuation and marks say nothing of readability."""
    return unicodedata.category(character)[0] in "LNS"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Properties of each piece of a tokenizer's vocabulary, by its id."""

    texts: list[str]  # without the marks of word starts and continuations; "" for special tokens
    unknown: bytes  # 1: the unknown token, or mostly letters of a script that is not known
    counted: bytes  # 1: the unknown token, or a piece with letters, numbers or symbols
    continues: bytes  # 1: goes on with the word of the piece before
    placeholders: frozenset[int]  # one piece for each link and mention that cleaning has replaced
    scripts: frozenset[str]  # known ones

    def words(self) -> dict[str, set[str]]:
        """Return the whole words of each known script, as `squeeze` returns them."""
        found = defaultdict[str, set[str]](set)
        for text, inner in zip(self.texts, self.continues, strict=True):
            if (
                not inner
                and len(text) >= SHORTEST
                and text.isalpha()
                and (script := script_of(text[0])) in self.scripts
            ):
                found[script].add(squeeze(text))
        return found


@lru_cache(maxsize=4)
def vocabulary_of(tokenizer_json: str) -> Vocabulary:
    """Derive from a serialized tokenizer what its vocabulary says of each piece."""
    tokenizer = Tokenizer.from_str(tokenizer_json)
    pieces = [""] * (max(tokenizer.get_vocab().values(), default=-1) + 1)
    for piece, i in tokenizer.get_vocab().items():
        pieces[i] = piece
    special = {i for i, token in tokenizer.get_added_tokens_decoder().items() if token.special}
    added = {i: token.content for i, token in tokenizer.get_added_tokens_decoder().items() if not token.special}
    prefix = getattr(tokenizer.model, "continuing_subword_prefix", None) or ""
    start = next((mark for mark in STARTS if sum(piece.startswith(mark) for piece in pieces) > 1), "")
    bare = [piece.removeprefix(prefix if prefix else start) for piece in pieces]
    texts = ["" if i in special else from_bytes(b) if start == STARTS[1] else b for i, b in enumerate(bare)]
    texts = [added.get(i, text) for i, text in enumerate(texts)]  # they are written as they are
    scripts = [scripts_of(text) for text in texts]
    known = known_scripts(scripts)
    model = json.loads(tokenizer_json)["model"]
    unk = model.get("unk_id")  # of Unigram; the others name a token
    unread = {unk if unk is not None else tokenizer.token_to_id(model.get("unk_token") or "")}
    if start == STARTS[1]:
        unread |= {i for i, piece in enumerate(bare) if not texts[i] and i not in special and is_cut_letter(piece)}
    counted = [text.isalnum() or any(map(is_counted, text)) for text in texts]
    inner = [
        i not in added and (piece.startswith(prefix) if prefix else bool(start) and not piece.startswith(start))
        for i, piece in enumerate(pieces)
    ]
    return Vocabulary(
        texts,
        bytes(
            i in unread or (i not in added and 2 * sum(one not in known for one in some) > len(some))
            for i, some in enumerate(scripts)
        ),
        bytes(i in unread or one for i, one in enumerate(counted)),
        bytes(one and goes_on for one, goes_on in zip(counted, inner, strict=True)),
        frozenset(
            filter(None, (tokenizer.token_to_id(mark + word) for mark in ("", *STARTS) for word in ("@", "http")))
        ),
        known,
    )


def from_bytes(piece: str) -> str:
    """Decode a piece of byte-level BPE; the bytes of a cut character are left out."""
    return bytes(BYTES.get(character, 32) for character in piece).decode("utf-8", "ignore").strip()


def is_cut_letter(piece: str) -> bool:
    """Test if a piece of byte-level BPE begins a letter of two or three bytes; emoji, of four, are learned in parts."""
    return BYTES.get(piece[:1], 0) in range(0xC2, 0xF0)


def scripts_of(text: str) -> list[str]:
    """Return the script of each letter."""
    if text.isascii():
        return ["LATIN"] * sum(map(str.isalpha, text))
    return [script for script in map(script_of, text) if script]


def known_scripts(scripts: Iterable[Sequence[str]]) -> frozenset[str]:
    """Return the scripts that a vocabulary knows, from the script of each letter of each piece.

    A vocabulary that learned a script from texts has merged its letters: more than half as many pieces have several
    letters as have one. BERT's English vocabulary has 26,534 and 229 Latin pieces, 8 and 78 Cyrillic, 0 and 488
    Chinese. A script whose characters are pieces of their own is known if it has COMMON of all pieces with letters.
    """
    several, one = Counter[str](), Counter[str]()
    for some in filter(None, scripts):
        (several if len(some) > 1 else one)[some[0]] += 1
    pieces = several.total() + one.total()
    return frozenset(
        script
        for script in {*several, *one}
        if 2 * several[script] > one[script] or several[script] + one[script] > COMMON * pieces
    )


@dataclass(frozen=True, slots=True)
class Readability:
    """Measure of how much of a text a model can read."""

    vocabulary: Vocabulary
    spellings: Mapping[str, Spelling]  # by script; without one, no word of that script is nonsense
    taught: frozenset[str] = frozenset()  # words spelled like nonsense that the training texts taught

    @classmethod
    def fit(cls, tokenizer: Tokenizer, rows: Iterable[Sequence[int]]) -> "Readability":
        """Learn the spelling of the vocabulary's words, and the slang of the training texts.

        Args:
            tokenizer: The backbone's.
            rows: The token ids of each training text.
        """
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
        """Open that of an export folder; one of an earlier version knows scripts, not spelling.

        Raises:
            DamagedFileError: readability.json is not as `to_json` makes it.
        """
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

    def unreadable(self, ids: Sequence[int]) -> float:
        """Return the share of a text's pieces that the model cannot read, punctuation aside.

        Args:
            ids: The text's token ids without special ones. What stands for a link or a mention does not count; of a
                text of those alone nothing can be read.
        """
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
