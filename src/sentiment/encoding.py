"""Raw texts to token ids: clean, tokenize, truncate. Training, evaluation and serving all call `encode`."""

from collections.abc import Sequence
from typing import Any

from sentiment.text import Preprocessing, Truncation

CHARACTERS_PER_TOKEN = 64  # more than a word piece ever spans on average in real text


def encode(texts: Sequence[str], tokenizer: Any, preprocessing: Preprocessing) -> list[list[int]]:
    """Token ids of each text, special tokens included, at most `max_length` long.

    `tokenizer` is a fast tokenizer of transformers.
    """
    return [ids for ids, _ in encode_telling(texts, tokenizer, preprocessing)]


def encode_telling(texts: Sequence[str], tokenizer: Any, preprocessing: Preprocessing) -> list[tuple[list[int], bool]]:
    """As `encode`, with each row's ids whether the text had more than they hold."""
    if not texts:
        return []
    prefix, suffix = special_tokens(tokenizer)
    room = preprocessing.max_length - len(prefix) - len(suffix)
    how = preprocessing.truncation
    cleaned = [preprocessing.cleaning(text) for text in texts]
    short = [_shorten(text, room, how) for text in cleaned]
    rows = tokenizer(short, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    return [
        (prefix + truncate(row, room, how) + suffix, len(row) > room or kept is not whole)
        for row, kept, whole in zip(rows, short, cleaned, strict=True)
    ]


def truncate(ids: list[int], room: int, how: Truncation) -> list[int]:
    """Keep `room` ids: the first ones, the last ones, or a quarter of the head and the rest of the tail.

    The last follows Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?" (128 of 510 head tokens).
    """
    if len(ids) <= room:
        return ids
    head = {"head": room, "tail": 0, "head_tail": room // 4}[how]
    return ids[:head] + ids[len(ids) - (room - head) :]


def special_tokens(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids a tokenizer puts before and after one text, e.g. ([CLS], [SEP])."""
    encoded = tokenizer("a", return_special_tokens_mask=True)
    ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
    first, last = special.index(0), len(special) - special[::-1].index(0)
    return ids[:first], ids[last:]


def _shorten(text: str, room: int, how: Truncation) -> str:
    """Drop the characters of a huge text that no truncation would keep, so that 1 MB costs no second."""
    keep = room * CHARACTERS_PER_TOKEN
    if len(text) <= 2 * keep:
        return text
    return {"head": text[:keep], "tail": text[-keep:], "head_tail": f"{text[:keep]} {text[-keep:]}"}[how]
