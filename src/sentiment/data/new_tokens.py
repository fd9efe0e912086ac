"""Tokens that a backbone's tokenizer lacks: emoji, emoticons and others, added with vectors made of known pieces."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken

from sentiment.config.signatures import nearest
from sentiment.errors import ConfigError, ModelError
from sentiment.inference.preprocessing import Cleaning
from sentiment.inference.symbols import CAPITALS, fold
from sentiment.inference.word_pieces import remove_limits, unknown_token

Wanted = str | Sequence[str] | None  # a set, a file, or a list of sets, files and tokens
FILES = (".txt", ".tsv")
FACES = {  # CLDR names of the emoji that the emoticons stand for
    ")": "slightly smiling face",
    "]": "slightly smiling face",
    "(": "frowning face",
    "[": "frowning face",
    "D": "grinning face with big eyes",
    "P": "face with tongue",
    "p": "face with tongue",
    "/": "confused face",
    "\\": "confused face",
    "|": "neutral face",
    "O": "face with open mouth",
    "o": "face with open mouth",
    "*": "kissing face",
}
EMOTICONS = {
    **{f":{nose}{mouth}": name for mouth, name in FACES.items() for nose in ("", "-")},
    **{f";{nose}{mouth}": "winking face" for mouth in ")]DP" for nose in ("", "-")},
    **{f"={mouth}": FACES[mouth] for mouth in ")(DP"},
    ":'(": "crying face",
    ":')": "face with tears of joy",
    "<3": "red heart",
    "</3": "broken heart",
    "xD": "grinning squinting face",
    "XD": "grinning squinting face",
    "^_^": "smiling face with smiling eyes",
    "-_-": "expressionless face",
}


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to add, with the words whose pieces its vector is the mean of; by default those of the token itself."""

    content: str
    words: str = ""
    whole: bool = True  # matched between characters that are neither letters nor digits only

    @property
    def normalized(self) -> bool:
        """Tell whether it is matched in the normalized text: words are, so that they match lowered; signs are not."""
        return self.content.isalnum()


@cache
def emoji_tokens() -> tuple[NewToken, ...]:
    """List every emoji of Unicode once, without skin tones and variation selectors, with its CLDR short name."""
    from emoji import EMOJI_DATA, STATUS

    names: dict[str, str] = {}
    for character, about in EMOJI_DATA.items():  # an emoji without a tone has the shorter name
        name = about["en"].strip(":").replace("_", " ")
        if about["status"] == STATUS["fully_qualified"] and (key := fold(character)):
            names[key] = min(names.get(key, name), name, key=len)
    return tuple(NewToken(key, name, whole=False) for key, name in names.items())


SETS: dict[str, Callable[[], tuple[NewToken, ...]]] = {
    "emoji": emoji_tokens,
    "emoticons": lambda: tuple(NewToken(token, name) for token, name in EMOTICONS.items()),
    "capitals": lambda: (NewToken(CAPITALS, "shouting loud"),),
}
AUTO = "auto"  # the emoji, for a tokenizer that reads them as unknown


def read_wanted(wanted: Wanted, *, key: str = "model.new_tokens") -> list[NewToken]:
    """Resolve sets, files and tokens to a list of distinct tokens.

    Args:
        wanted: "auto", the name of a set, the path of a .txt or .tsv file, a list of those and of tokens, or None.
        key: The config key, for messages.

    Raises:
        ConfigError: A text alone is neither a set nor a file, a file cannot be read, or a token is blank.
    """
    if wanted is None or wanted == AUTO:
        return list(emoji_tokens()) if wanted else []
    if isinstance(wanted, str) and wanted not in SETS and not wanted.endswith(FILES):
        raise ConfigError(
            f"{key}={wanted}: expected {AUTO}, {', '.join(SETS)}, a .txt file with a token a line, or a list such as "
            f"[emoji,rofl]{nearest(wanted, [AUTO, *SETS])}"
        )
    found: dict[str, NewToken] = {}
    for item in [wanted] if isinstance(wanted, str) else wanted:
        for token in tokens_of(item, key):
            found.setdefault(token.content, token)
    return list(found.values())


def tokens_of(item: str, key: str) -> Iterable[NewToken]:
    if item in SETS:
        return SETS[item]()
    if item.endswith(FILES):
        return read_file(Path(item), key)
    if item == AUTO:
        raise ConfigError(f"{key}: {AUTO} stands alone; in a list name emoji instead")
    return [make_token(item, "", key)]


def read_file(path: Path, key: str) -> list[NewToken]:
    """Read a token a line, each with a tab and the words that describe it, or without."""
    try:
        lines = path.expanduser().read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{key}={path}: the file cannot be read ({reason}); give one with a token a line") from error
    parts = [line.partition("\t") for line in lines if line.strip()]
    if not parts:
        raise ConfigError(f"{key}={path}: the file is empty; write a token into each line")
    return [make_token(token, words, key) for token, _, words in parts]


def make_token(token: str, words: str, key: str) -> NewToken:
    content = fold(token.strip())
    if not content or len(content.split()) > 1:
        raise ConfigError(f"{key}: {token!r} is no token; give words or signs without spaces, one a line or item")
    return NewToken(content, words.strip(), whole=content[0].isalnum() and content[-1].isalnum())


def extend(tokenizer: Any, wanted: Wanted, *, key: str = "model.new_tokens") -> dict[int, list[int]]:
    """Add tokens to a fast tokenizer of transformers, in place.

    Returns:
        For the id of each new token, the ids of the pieces whose vectors its own starts as the mean of.

    Raises:
        ConfigError: As for `read_wanted`, or each token that was named is in the vocabulary.
    """
    tokens = read_wanted(wanted, key=key)
    backend = remove_limits(tokenizer.backend_tokenizer)
    unknown = unknown_token(backend)
    pieces = [pieces_of(backend, token.content) for token in tokens]
    new = distinct(
        backend,
        [
            token
            for token, ids in zip(tokens, pieces, strict=True)
            if unknown in ids or (len(ids) != 1 and wanted != AUTO)
        ],
    )
    if not new:
        if isinstance(wanted, str) or wanted is None or set(wanted) & {*SETS}:
            return {}
        raise ConfigError(f"{key}={list(wanted)}: the tokenizer has all of them; set {key}=null")
    size = backend.get_vocab_size()
    known = [[i for i in pieces_of(backend, token.words or token.content) if i != unknown] for token in new]
    takes_space = len(backend.encode("a ", add_special_tokens=False)) > len(
        backend.encode("a", add_special_tokens=False)
    )
    tokenizer.add_tokens(
        [
            AddedToken(
                token.content,
                single_word=token.whole,
                lstrip=takes_space,  # else the space before it would be a piece
                normalized=token.normalized,
            )
            for token in new
        ]
    )
    added = [(backend.token_to_id(token.content), ids) for token, ids in zip(new, known, strict=True)]
    return {i: ids for i, ids in added if i is not None and i >= size}  # below it has a vector already


def distinct(backend: Any, tokens: Sequence[NewToken]) -> list[NewToken]:
    """Keep the first of the tokens that the normalizer makes equal, such as xD and XD: no text tells them apart."""
    normalizer, first = backend.normalizer, dict[tuple[bool, str], NewToken]()
    for token in tokens:
        lowered = normalizer is not None and token.normalized
        content = normalizer.normalize_str(token.content) if lowered else token.content
        first.setdefault((token.normalized, content), token)
    return list(first.values())


def check_capitals(cleaning: Cleaning, tokenizer: Any, wanted: Wanted) -> None:
    """Check that `cleaning.capitals` puts its mark into texts where the tokenizer has it, and only there.

    Raises:
        ConfigError: The mark would be read as some pieces of a word, or its token be in no text.
    """
    if not cleaning.capitals and "capitals" in ([wanted] if isinstance(wanted, str) else wanted or ()):
        raise ConfigError("model.new_tokens=[capitals] is for texts with data.cleaning.capitals=true; set that too")
    if cleaning.capitals and tokenizer.backend_tokenizer.token_to_id(CAPITALS) is None:
        raise ConfigError(
            f"data.cleaning.capitals=true puts {CAPITALS} into texts, which the tokenizer does not have; "
            "set model.new_tokens=[emoji,capitals]"
        )


def pieces_of(backend: Any, text: str) -> list[int]:
    """Return the ids of a text within a sentence, without those of a lone space."""
    encoded = backend.encode(f" {text}", add_special_tokens=False)
    return [i for i, piece in zip(encoded.ids, encoded.tokens, strict=True) if piece.strip("\u2581\u0120 ")]


@torch.no_grad()
def grow(network: Any, pieces: dict[int, list[int]], *, backbone: str, key: str = "model.new_tokens") -> None:
    """Give each new token the mean of the vectors of its pieces, or of all vectors where no piece is known.

    Raises:
        ModelError: The architecture keeps no table of token vectors that can grow.
    """
    if not pieces:
        return
    try:
        table = network.get_input_embeddings().weight.detach().clone()
        if max(pieces) >= len(table):
            network.resize_token_embeddings(max(pieces) + 1, mean_resizing=False)
        vectors = network.get_input_embeddings().weight
    except (AttributeError, NotImplementedError, TypeError, ValueError) as error:
        raise ModelError(
            f"the backbone {backbone!r} ({network.config.model_type}) takes no new tokens: "
            f"{(str(error).strip() or type(error).__name__).splitlines()[0]}; set {key}=null"
        ) from error
    average = table.mean(0)
    for token, ids in pieces.items():
        vectors[token] = table[ids].mean(0) if ids else average
