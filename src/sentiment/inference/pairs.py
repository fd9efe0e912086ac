"""Texts with an aspect: a second segment that a model reads beside each text, such as the thing an opinion is about.

A text without one is a plain string. Clients read this module too, so it imports no tokenizer.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sentiment.errors import DataError, TextError

NEEDED = (
    "this model reads each text with an aspect, the thing it is about, and none is given; give one "
    '("aspect", of a table aspect_column), or set default_aspect'
)
UNKNOWN = "this model reads texts without an aspect (it was trained without data.aspect_column); leave it out"


class Pair(NamedTuple):
    """A text and its aspect; for inference of any kind on two texts, the first and the second."""

    text: str
    aspect: str


Text = str | Pair
Aspects = str | Sequence[str | None] | None  # one for all texts, or one for each


def pair_texts(texts: Iterable[Any], aspects: Aspects) -> list[Any]:
    """Combine texts with their aspects; a text whose aspect is None stays alone, or with the one that it came with.

    Raises:
        DataError: There are not as many aspects as texts, what is given is no list, or one of either is no text.
    """
    own = as_list(texts)
    if isinstance(aspects, Mapping) or not isinstance(aspects, str | Iterable | None):
        raise DataError(f"aspect: expected a text for all, or a list with one for each, got {type(aspects).__name__}")
    given: list[Any] = [aspects] * len(own) if isinstance(aspects, str) or aspects is None else list(aspects)
    if len(given) != len(own):
        raise DataError(f"{len(given)} aspects for {len(own)} texts; give one for each, or one text for all")
    for i, (text, aspect) in enumerate(zip(own, given, strict=True)):
        for name, value in {"aspects": aspect or "", "texts": text if aspect else ""}.items():
            if not isinstance(value, str):
                raise DataError(f"{name}[{i}]: expected a text, got {type(value).__name__}")
    return [
        (Pair(*text) if is_pair(text) else text) if aspect is None else Pair(text, aspect)
        for text, aspect in zip(own, given, strict=True)
    ]


def as_list(texts: Iterable[Any]) -> Sequence[Any]:
    """Return texts as a list. Raises DataError for a bare text, which would be read letter by letter, or no texts."""
    if isinstance(texts, str | Pair):
        raise DataError("expected a list of texts, got one text; put it in a list, or call the predictor with it")
    if isinstance(texts, Mapping) or not isinstance(texts, Iterable):
        raise DataError(f"expected a list of texts, got {type(texts).__name__}")
    return texts if isinstance(texts, list | tuple) else list(texts)  # a column of pandas too


def as_inputs(texts: Iterable[Any], *, aspects: bool = False, default_aspect: str = "") -> Sequence[Text]:
    """Return what a model reads: texts as a list, each with an aspect if the model wants one.

    Args:
        texts: Texts, or pairs of a text and its aspect.
        aspects: The model reads aspects.
        default_aspect: Aspect of a text without one; "" refuses such a text.

    Raises:
        DataError: `texts` is a bare text, which would be read letter by letter, or holds what is no text.
        TextError: A text lacks its aspect, or has one that the model does not read.
    """
    listed = as_list(texts)
    if not aspects:
        for i, text in enumerate(listed):
            if not isinstance(text, str):
                raise_for(text, i)
        return listed
    return [with_aspect(text, i, default_aspect) for i, text in enumerate(listed)]


def with_aspect(text: Any, index: int, default: str) -> Pair:
    if isinstance(text, str):
        if not default:
            raise TextError(NEEDED, index=index, reason="aspect")
        return Pair(text, default)
    if not is_pair(text):
        raise_for(text, index)
    if not text[1].strip():
        raise TextError("the aspect is empty", index=index, reason="aspect")
    return text if isinstance(text, Pair) else Pair(*text)


def raise_for(text: Any, index: int) -> None:
    """Raise the error of an item that is no text, or a pair where a text alone is expected."""
    if is_pair(text):
        raise TextError(UNKNOWN, index=index, reason="aspect")
    raise DataError(f"texts[{index}]: expected a text, got {type(text).__name__}")


def is_pair(text: Any) -> bool:
    return isinstance(text, tuple) and len(text) == 2 and all(isinstance(part, str) for part in text)


def text_of(text: Text) -> str:
    """Return the text of a pair, or the text itself."""
    return text if isinstance(text, str) else text.text


def aspect_of(text: Text) -> str | None:
    return None if isinstance(text, str) else text.aspect


def characters(text: Text) -> int:
    """Return the characters of a text and its aspect."""
    return len(text) if isinstance(text, str) else len(text.text) + len(text.aspect)


def aspects_of(texts: Iterable[Text]) -> Iterator[str | None]:
    return map(aspect_of, texts)


def display(text: Text) -> str:
    """Return a text for people, with its aspect behind it."""
    return text if isinstance(text, str) else f"{text.text} [{text.aspect}]"
