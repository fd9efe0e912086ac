"""Raw texts to token ids: clean, tokenize, truncate. Training, evaluation and serving all call `encode`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from tokenizers import Tokenizer

from sentiment.errors import TextError
from sentiment.inference.preprocessing import Cleaning, Preprocessing, Truncation

Item = TypeVar("Item")
Value = TypeVar("Value")
CHARACTERS_PER_TOKEN = 8  # of a long text, tokenized before the whole of it is; real text has four or five
MARGIN = 128  # tokens: more than the word pieces of one word (100 characters), which a cut may go through


@dataclass(frozen=True, slots=True)
class Encoded:
    """What the model reads of one text: rows of token ids, special ones included, each at most `max_length` long."""

    windows: list[list[int]]
    tokens: int  # in all windows together, each counted once, special ones included
    truncated: bool  # the text had more
    readable: bool = True  # it has a word piece that the tokenizer knows


def encode(texts: Sequence[str], tokenizer: Tokenizer, preprocessing: Preprocessing) -> list[list[int]]:
    """Token ids of each text in one row, as the model is trained on: without windows."""
    return [ids for ids, _ in encode_counting(texts, tokenizer, preprocessing, exact=False)]


def encode_counting(
    texts: Sequence[str], tokenizer: Tokenizer, preprocessing: Preprocessing, *, exact: bool = True
) -> list[tuple[list[int], int]]:
    """As `encode`, with each row the tokens of the whole text, special ones included.

    Not `exact`, a huge text is counted only as far as it is read.
    """
    if not texts:
        return []
    prefix, suffix = special_tokens(tokenizer)
    specials = len(prefix) + len(suffix)
    room, how = preprocessing.max_length - specials, preprocessing.truncation
    rows, cut = _tokenize(texts, tokenizer, preprocessing, room)
    lengths = [len(row) + specials for row in rows]
    for i in (i for i, was_cut in enumerate(cut) if was_cut and exact):
        lengths[i] = specials + len(_ids([preprocessing.cleaning(texts[i])], tokenizer, [i])[0])
    return [(prefix + truncate(row, room, how) + suffix, length) for row, length in zip(rows, lengths, strict=True)]


def encode_windows(texts: Sequence[str], tokenizer: Tokenizer, preprocessing: Preprocessing) -> list[Encoded]:
    """All that is read of each text at inference: one row, or overlapping windows where `window_stride` is set.

    Where `max_windows` of them do not hold the text, `truncation` says which part they cover.
    """
    if not texts:
        return []
    prefix, suffix = special_tokens(tokenizer)
    specials = len(prefix) + len(suffix)
    room = preprocessing.max_length - specials
    stride = min(preprocessing.window_stride, room)  # a longer one would leave tokens out
    capacity = room + (preprocessing.max_windows - 1) * stride
    rows, cut = _tokenize(texts, tokenizer, preprocessing, capacity)
    unknown = unknown_token(tokenizer)
    encoded = []
    for row, was_cut in zip(rows, cut, strict=True):
        read = truncate(row, capacity, preprocessing.truncation)
        parts = [prefix + part + suffix for part in windows(read, room, stride)]
        encoded.append(
            Encoded(parts, len(read) + specials, was_cut or len(read) < len(row), row.count(unknown) < len(row))
        )
    return encoded


def windows(ids: list[int], room: int, stride: int) -> list[list[int]]:
    """Parts of `room` ids that start `stride` apart; the last one ends with the ids."""
    if len(ids) <= room:
        return [ids]
    return [ids[start : start + room] for start in (*range(0, len(ids) - room, stride), len(ids) - room)]


def truncate(ids: list[Item], room: int, how: Truncation) -> list[Item]:
    """Keep `room` ids: the first ones, the last ones, or a quarter of the head and the rest of the tail.

    The last follows Sun et al. 2019, "How to Fine-Tune BERT for Text Classification?" (128 of 510 head tokens).
    """
    if len(ids) <= room:
        return ids
    head = {"head": room, "tail": 0, "head_tail": room // 4}[how]
    return ids[:head] + ids[len(ids) - (room - head) :]


@lru_cache(maxsize=8)
def special_tokens(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The ids a tokenizer puts before and after one text, e.g. ([CLS], [SEP])."""
    encoded = unbounded(tokenizer).encode("a")
    ids, special = encoded.ids, encoded.special_tokens_mask
    first, last = special.index(0), len(special) - special[::-1].index(0)
    return ids[:first], ids[last:]


@lru_cache(maxsize=8)
def unknown_token(tokenizer: Tokenizer) -> int:
    """Return the id of what stands for a word that the tokenizer does not know; -1 where it knows all."""
    name = getattr(tokenizer.model, "unk_token", None)
    found = tokenizer.token_to_id(name) if name else None
    return -1 if found is None else found


def clean(texts: Sequence[str], cleaning: Cleaning) -> list[str]:
    """Clean each text; TextError tells which one cannot be."""
    return [_attempt(cleaning, text, index, "cleaned") for index, text in enumerate(texts)]


def _tokenize(
    texts: Sequence[str], tokenizer: Tokenizer, preprocessing: Preprocessing, capacity: int
) -> tuple[list[list[int]], list[bool]]:
    """Ids of each cleaned text without special tokens, and which texts have more; `capacity` ids are wanted.

    Of a long text only its ends are tokenized where they hold enough ids: those are the ids of the whole, in less time.
    """
    cleaned = clean(texts, preprocessing.cleaning)
    rows = [_ends(text, capacity, preprocessing.truncation) for text in cleaned]
    places = [i for i, ends in enumerate(rows) for _ in ends]
    ids = iter(_ids([end for ends in rows for end in ends], tokenizer, places))
    found = [[next(ids) for _ in ends] for ends in rows]
    cut = [ends[0] is not text for ends, text in zip(rows, cleaned, strict=True)]
    few = [i for i, was_cut in enumerate(cut) if was_cut and min(map(len, found[i])) < capacity + MARGIN]
    for i, whole in zip(few, _ids([cleaned[i] for i in few], tokenizer, few), strict=True):
        found[i], cut[i] = [whole], False
    return [[one for end in ends for one in end] for ends in found], cut


def _ids(texts: Sequence[str], tokenizer: Tokenizer, rows: Sequence[int]) -> list[list[int]]:
    """Ids of each text without special tokens; TextError names the one of `rows` that cannot be tokenized."""
    tokenizer = unbounded(tokenizer)
    try:
        return [encoded.ids for encoded in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
    except BaseException as error:  # a panic of the tokenizer's Rust code is no Exception
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
    """Tell a fault of one text, whatever its kind, from what ends the process or stands for all texts."""
    return type(error).__name__ == "PanicException" or (
        isinstance(error, Exception) and not isinstance(error, MemoryError)
    )


def unbounded(tokenizer: Tokenizer) -> Tokenizer:
    """Without the length limit and the padding that it may have been saved with: those are the saver's."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _ends(text: str, capacity: int, how: Truncation) -> tuple[str, ...]:
    """Return the parts of a long text that hold all tokens which `how` keeps; else the text itself."""
    keep = (capacity + MARGIN) * CHARACTERS_PER_TOKEN
    if len(text) <= 2 * keep:
        return (text,)
    return {"head": (text[:keep],), "tail": (text[-keep:],), "head_tail": (text[:keep], text[-keep:])}[how]
