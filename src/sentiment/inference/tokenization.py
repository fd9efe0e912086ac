"""Tokenization of raw texts: clean, tokenize, truncate. Shared by training, evaluation and serving."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from tokenizers import Tokenizer

from sentiment.inference.frames import frames_of
from sentiment.inference.pairs import Text, text_of
from sentiment.inference.preprocessing import Preprocessing, Truncation
from sentiment.inference.readability import Readability
from sentiment.inference.types import Unread
from sentiment.inference.word_pieces import ids_of, tokenize

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Encoded:
    """Model input for one text: rows of token ids with special tokens, each at most `max_length` long."""

    windows: list[list[int]]
    tokens: int  # distinct tokens over all windows, including special tokens
    truncated: bool  # the text has tokens that no window covers
    unreadable: float = 0.0  # share of the pieces that the model cannot read
    reason: Unread | None = None  # of a text that it cannot read


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
    rows, cut = tokenize(plain, tokenizer, preprocessing, max(frame.room for frame in frames))
    lengths = [len(row) + frame.specials for row, frame in zip(rows, frames, strict=True)]
    for i in (i for i, was_cut in enumerate(cut) if was_cut and exact):
        lengths[i] = frames[i].specials + len(ids_of([preprocessing.cleaning(plain[i])], tokenizer, [i])[0])
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
    rows, cut = tokenize([*map(text_of, texts)], tokenizer, preprocessing, max(capacities.values()))
    encoded = []
    for row, was_cut, frame in zip(rows, cut, frames, strict=True):
        read = truncate(row, capacities[frame.room], preprocessing.truncation)
        stride = min(step, frame.room)  # a longer stride would skip tokens
        parts = [frame.around(part) for part in windows(read, frame.room, stride)]
        aspect = frame.ending if frame.pair else ()
        measured = readability.measure(read, aspect) if readability else (0.0, None)
        encoded.append(Encoded(parts, len(read) + frame.specials, was_cut or len(read) < len(row), *measured))
    return encoded


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
