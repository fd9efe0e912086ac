"""Properties of a tokenizer's vocabulary: the text and script of each piece, and whether it continues a word."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tokenizers import Tokenizer

from sentiment.inference.spelling import SHORTEST, squeeze
from sentiment.inference.word_pieces import unknown_token

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
    """Test for a letter, a number or a pictorial sign: punctuation, +, $ and marks say nothing of readability."""
    return unicodedata.category(character)[0] in ("LN" if character.isascii() else "LNS")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Properties of each piece of a tokenizer's vocabulary, by its id."""

    texts: list[str]  # without the marks of word starts and continuations; "" for special tokens
    unknown: bytes  # 1: the unknown token, or mostly letters of a script that is not known
    counted: bytes  # 1: the unknown token, or a piece with letters, numbers or pictorial signs
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
    unread = {unknown_token(tokenizer)}
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
