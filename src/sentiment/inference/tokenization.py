"""Tokenization of raw texts: clean, tokenize, truncate. Shared by training, evaluation and serving.

An aspect is a second segment behind the text, `[CLS] text [SEP] aspect [SEP]`: a longer ending of each of its rows.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from tokenizers import Tokenizer
from tokenizers.models import Unigram

from sentiment.errors import ModelError, TextError
from sentiment.inference.batching import PairRow
from sentiment.inference.pairs import Pair, Text, aspects_of, text_of
from sentiment.inference.preprocessing import Cleaning, Preprocessing, Truncation
from sentiment.inference.readability import Readability

Item = TypeVar("Item")
Value = TypeVar("Value")
CHARACTERS_PER_TOKEN = 8  # assumed when only the ends of a long text are tokenized; real text has 4 to 5
MARGIN = 128  # tokens; exceeds the word pieces of one word (100 characters), which a cut may split


@dataclass(frozen=True, slots=True)
class Encoded:
    """Model input for one text: rows of token ids with special tokens, each at most `max_length` long."""

    windows: list[list[int]]
    tokens: int  # distinct tokens over all windows, including special tokens
    truncated: bool  # the text has tokens that no window covers
    unreadable: float = 0.0  # share of the pieces that the model cannot read


def encode(texts: Sequence[Text], tokenizer: Tokenizer, preprocessing: Preprocessing) -> list[list[int]]:
    """Encode each text as one row of token ids without windows, as in training."""
    return [ids for ids, _ in encode_counting(texts, tokenizer, preprocessing, exact=False)]


def encode_counting(
    texts: Sequence[Text], tokenizer: Tokenizer, preprocessing: Preprocessing, *, exact: bool = True
) -> list[tuple[list[int], int]]:
    """Encode like `encode` and count the tokens of each whole text.

    Args:
        texts: Raw texts, all with an aspect or all without.
        tokenizer: The tokenizer.
        preprocessing: Cleaning and truncation.
        exact: False counts only the tokenized ends of a very long text, which saves time.

    Returns:
        For each text its row, and the number of tokens of the untruncated text with special tokens.
    """
    if not texts:
        return []
    frames = frames_of(texts, tokenizer, preprocessing)
    plain, how = [*map(text_of, texts)], preprocessing.truncation
    rows, cut = _tokenize(plain, tokenizer, preprocessing, max(frame.room for frame in frames))
    lengths = [len(row) + frame.specials for row, frame in zip(rows, frames, strict=True)]
    for i in (i for i, was_cut in enumerate(cut) if was_cut and exact):
        lengths[i] = frames[i].specials + len(_ids([preprocessing.cleaning(plain[i])], tokenizer, [i])[0])
    return [
        (frame.around(truncate(row, frame.room, how)), length)
        for row, frame, length in zip(rows, frames, lengths, strict=True)
    ]


def encode_windows(
    texts: Sequence[Text], tokenizer: Tokenizer, preprocessing: Preprocessing, readability: Readability | None = None
) -> list[Encoded]:
    """Encode each text for inference: one row, or overlapping windows if `window_step` is set.

    For a text longer than `max_windows` windows, `truncation` selects the part they cover. `readability` measures what
    of that part the model can read. An aspect is whole in every window.
    """
    if not texts:
        return []
    frames = frames_of(texts, tokenizer, preprocessing)
    step, most = preprocessing.window_step, preprocessing.max_windows
    capacities = {room: room + (most - 1) * min(step, room) for room in {frame.room for frame in frames}}
    rows, cut = _tokenize([*map(text_of, texts)], tokenizer, preprocessing, max(capacities.values()))
    encoded = []
    for row, was_cut, frame in zip(rows, cut, frames, strict=True):
        read = truncate(row, capacities[frame.room], preprocessing.truncation)
        stride = min(step, frame.room)  # a longer stride would skip tokens
        parts = [frame.around(part) for part in windows(read, frame.room, stride)]
        unreadable = (readability.unreadable(read) if read else 1.0) if readability else 0.0
        encoded.append(Encoded(parts, len(read) + frame.specials, was_cut or len(read) < len(row), unreadable))
    return encoded


@dataclass(frozen=True, slots=True)
class Frame:
    """Token ids around the ids of a text: special tokens, and in `ending` its aspect."""

    prefix: list[int]
    ending: list[int]
    room: int  # most ids of the text between them
    specials: int  # ids around the text
    pair: bool = False
    types: int = 0  # ids of `ending` with the token type 1, at its end

    def around(self, ids: list[int]) -> list[int]:
        row = self.prefix + ids + self.ending
        return PairRow(row, self.types) if self.pair else row


def frames_of(texts: Sequence[Text], tokenizer: Tokenizer, preprocessing: Preprocessing) -> list[Frame]:
    """Return the frame of each text, equal ones for texts without an aspect.

    Raises:
        TextError: An aspect cannot be tokenized, or leaves less than half of the tokens for its text.
    """
    if not isinstance(texts[0], Pair):
        prefix, suffix = special_tokens(tokenizer)
        specials = len(prefix) + len(suffix)
        return [Frame(prefix, suffix, preprocessing.max_length - specials, specials)] * len(texts)
    form = pair_form(tokenizer)
    most = preprocessing.max_length - len(form.prefix) - len(form.middle) - len(form.suffix)
    aspects = clean([aspect or "" for aspect in aspects_of(texts)], preprocessing.cleaning)
    distinct = list(dict.fromkeys(aspects))  # often few, such as names of products
    ids = dict(zip(distinct, _ids(distinct, tokenizer, [aspects.index(one) for one in distinct]), strict=True))
    for i, aspect in enumerate(aspects):
        if not 0 < len(ids[aspect]) <= most // 2:
            problem = (
                f"the aspect has {len(ids[aspect])} tokens, of which the model reads {most // 2} at most beside a text "
                f"(half of max_length={preprocessing.max_length}); shorten it"
                if ids[aspect]
                else "the aspect has no word"
            )
            raise TextError(problem, index=i, reason="aspect")
    frames = {
        aspect: Frame(
            form.prefix,
            form.middle + own + form.suffix,
            most - len(own),
            preprocessing.max_length - most + len(own),
            pair=True,
            types=(len(own) + len(form.suffix)) * form.typed,
        )
        for aspect, own in ids.items()
    }
    return [frames[aspect] for aspect in aspects]


@dataclass(frozen=True, slots=True)
class PairForm:
    """Special tokens of two segments: [CLS] first [SEP] second [SEP] in BERT."""

    prefix: list[int]
    middle: list[int]
    suffix: list[int]
    typed: bool  # the second segment and `suffix` have the token type 1


@lru_cache(maxsize=8)
def pair_form(tokenizer: Tokenizer) -> PairForm:
    """Return the special tokens that a tokenizer adds around and between two texts.

    Raises:
        ModelError: It puts nothing between them, or gives them token types of another form.
    """
    encoded = unbounded(tokenizer).encode("a", "b")
    ids, owners = encoded.ids, encoded.sequence_ids
    starts = [owners.index(own) for own in (0, 1)]
    ends = [len(owners) - owners[::-1].index(own) for own in (0, 1)]
    types = [0] * starts[1] + [1] * (len(ids) - starts[1])
    typed = any(encoded.type_ids)
    if starts[1] <= ends[0] or (typed and encoded.type_ids != types):
        raise ModelError(
            "the tokenizer has no form for a text with an aspect, two segments with a separator between them; set "
            "model.backbone to one that has, such as BERT or RoBERTa, or leave data.aspect_column out"
        )
    return PairForm(ids[: starts[0]], ids[ends[0] : starts[1]], ids[ends[1] :], typed)


def windows(ids: list[int], room: int, stride: int) -> list[list[int]]:
    """Split ids into windows of `room` that start `stride` apart; the last window is aligned to the end."""
    if len(ids) <= room:
        return [ids]
    return [ids[start : start + room] for start in (*range(0, len(ids) - room, stride), len(ids) - room)]


def truncate(ids: list[Item], room: int, how: Truncation) -> list[Item]:
    """Truncate ids to `room`.

    "head_tail" keeps a quarter of `room` from the head and the rest from the tail, after Sun et al. 2019, "How to
    Fine-Tune BERT for Text Classification?" (128 head tokens of 510).
    """
    if len(ids) <= room:
        return ids
    head = {"head": room, "tail": 0, "head_tail": room // 4}[how]
    return ids[:head] + ids[len(ids) - (room - head) :]


@lru_cache(maxsize=8)
def special_tokens(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Return the special token ids a tokenizer adds before and after a single text, e.g. ([CLS], [SEP])."""
    encoded = unbounded(tokenizer).encode("a")
    ids, special = encoded.ids, encoded.special_tokens_mask
    first, last = special.index(0), len(special) - special[::-1].index(0)
    return ids[:first], ids[last:]


@lru_cache(maxsize=8)
def unknown_token(tokenizer: Tokenizer) -> int:
    """Return the id of the unknown token; -1 if the tokenizer has none."""
    name = getattr(tokenizer.model, "unk_token", None)
    if isinstance(tokenizer.model, Unigram):  # its binding does not expose the number
        found = json.loads(tokenizer.to_str())["model"]["unk_id"]
    else:
        found = tokenizer.token_to_id(name) if name else None
    return -1 if found is None else found


def clean(texts: Sequence[str], cleaning: Cleaning) -> list[str]:
    """Clean each text.

    Raises:
        TextError: A text cannot be cleaned; the error has its index.
    """
    return [_attempt(cleaning, text, index, "cleaned") for index, text in enumerate(texts)]


def _tokenize(
    texts: Sequence[str], tokenizer: Tokenizer, preprocessing: Preprocessing, capacity: int
) -> tuple[list[list[int]], list[bool]]:
    """Clean and tokenize texts without special tokens.

    Only the ends of a long text are tokenized, provided that they yield `capacity` ids plus a margin: the ids that
    truncation keeps are then the same as from the whole text.

    Returns:
        The ids of each text, and whether only its ends were tokenized.
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
    """Tokenize texts without special tokens.

    Args:
        texts: Cleaned texts.
        tokenizer: The tokenizer.
        rows: Index of each text in the caller's list, for error messages.

    Raises:
        TextError: A text cannot be tokenized.
    """
    tokenizer = unbounded(tokenizer)
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


def unbounded(tokenizer: Tokenizer) -> Tokenizer:
    """Remove the length limit and the padding that it may have been saved with: those are the saver's.

    It is changed only where it has one, since threads share it.
    """
    if tokenizer.truncation is not None:
        tokenizer.no_truncation()
    if tokenizer.padding is not None:
        tokenizer.no_padding()
    return tokenizer


def _ends(text: str, capacity: int, how: Truncation) -> tuple[str, ...]:
    """Return the ends of a long text that `how` needs for `capacity` tokens; a short text is returned whole."""
    keep = (capacity + MARGIN) * CHARACTERS_PER_TOKEN
    if len(text) <= 2 * keep:
        return (text,)
    return {"head": (text[:keep],), "tail": (text[-keep:],), "head_tail": (text[:keep], text[-keep:])}[how]
