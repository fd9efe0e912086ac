"""Word pieces of raw texts, without special tokens: clean, then tokenize."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from tokenizers import Tokenizer
from tokenizers.models import Unigram

from sentiment.errors import TextError
from sentiment.inference.preprocessing import Cleaning, Preprocessing, Truncation

Value = TypeVar("Value")
CHARACTERS_PER_TOKEN = 8  # assumed when only the ends of a long text are tokenized; real text has 4 to 5
PLACEHOLDERS = ("@user", "http")  # of cleaned mentions and links
MARGIN = 128  # tokens; exceeds the word pieces of one word (100 characters), which a cut may split


def clean(texts: Sequence[str], cleaning: Cleaning) -> list[str]:
    """Clean each text. Raises TextError with the index of one that cannot be cleaned."""
    return [_attempt(cleaning, text, index, "cleaned") for index, text in enumerate(texts)]


def clean_aspects(aspects: Sequence[str], cleaning: Cleaning) -> list[str]:
    """Clean each aspect like a text; a mention or a link alone names the thing, and is kept as it is."""
    naming = replace(cleaning, users=False, urls=False)
    return [
        naming(aspect) if text in PLACEHOLDERS else text
        for aspect, text in zip(aspects, clean(aspects, cleaning), strict=True)
    ]


def tokenize(
    texts: Sequence[str], tokenizer: Tokenizer, preprocessing: Preprocessing, capacity: int
) -> tuple[list[list[int]], list[bool]]:
    """Clean and tokenize texts without special tokens.

    Only the ends of a long text are tokenized, provided that they yield `capacity` ids plus a margin: the ids that
    truncation keeps are then the same as from the whole text.

    Returns:
        The ids of each text, and whether only its ends were tokenized.
    """
    cleaned = clean(texts, preprocessing.cleaning)
    rows = [_cut_ends(text, capacity, preprocessing.truncation) for text in cleaned]
    places = [i for i, ends in enumerate(rows) for _ in ends]
    ids = iter(ids_of([end for ends in rows for end in ends], tokenizer, places))
    found = [[next(ids) for _ in ends] for ends in rows]
    cut = [ends[0] is not text for ends, text in zip(rows, cleaned, strict=True)]
    few = [i for i, was_cut in enumerate(cut) if was_cut and min(map(len, found[i])) < capacity + MARGIN]
    for i, whole in zip(few, ids_of([cleaned[i] for i in few], tokenizer, few), strict=True):
        found[i], cut[i] = [whole], False
    return [[one for end in ends for one in end] for ends in found], cut


def ids_of(texts: Sequence[str], tokenizer: Tokenizer, rows: Sequence[int]) -> list[list[int]]:
    """Tokenize cleaned texts without special tokens; `rows` are their places in the caller's list, for messages.

    Raises:
        TextError: A text cannot be tokenized.
    """
    tokenizer = remove_limits(tokenizer)
    try:
        return [encoded.ids for encoded in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
    except BaseException as error:  # a panic in the tokenizer's Rust code is a BaseException
        if not _is_fault_of_text(error):
            raise

    def ids(text: str) -> list[int]:
        found: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return found

    return [_attempt(ids, text, row, "tokenized") for text, row in zip(texts, rows, strict=True)]


def _attempt(step: Callable[[str], Value], text: str, index: int, done: str) -> Value:
    try:
        return step(text)
    except BaseException as error:
        if not isinstance(text, str) or not _is_fault_of_text(error):
            raise
        raise TextError(f"the text cannot be {done} ({type(error).__name__})", index=index) from error


def _is_fault_of_text(error: BaseException) -> bool:
    """Distinguish a failure caused by one text from MemoryError and from exits and interrupts."""
    return type(error).__name__ == "PanicException" or (
        isinstance(error, Exception) and not isinstance(error, MemoryError)
    )


def _cut_ends(text: str, capacity: int, how: Truncation) -> tuple[str, ...]:
    """Return the ends of a long text that `how` needs for `capacity` tokens; a short text is returned whole."""
    keep = (capacity + MARGIN) * CHARACTERS_PER_TOKEN
    if len(text) <= 2 * keep:
        return (text,)
    return {"head": (text[:keep],), "tail": (text[-keep:],), "head_tail": (text[:keep], text[-keep:])}[how]


def remove_limits(tokenizer: Tokenizer) -> Tokenizer:
    """Remove the length limit and the padding that it may have been saved with: those are the saver's.

    A special token that is written in a text, such as [SEP], becomes pieces like other words: it must end no segment.
    The tokenizer is changed only where it has to be, since threads share it.
    """
    if not tokenizer.encode_special_tokens:
        tokenizer.encode_special_tokens = True
    if tokenizer.truncation is not None:
        tokenizer.no_truncation()
    if tokenizer.padding is not None:
        tokenizer.no_padding()
    return tokenizer


@lru_cache(maxsize=8)
def unknown_token(tokenizer: Tokenizer) -> int:
    """Return the id of the unknown token; -1 if the tokenizer has none."""
    name = getattr(tokenizer.model, "unk_token", None)
    if isinstance(tokenizer.model, Unigram):  # its binding does not expose the number
        found = json.loads(tokenizer.to_str())["model"]["unk_id"]
    else:
        found = tokenizer.token_to_id(name) if name else None
    return -1 if found is None else found
