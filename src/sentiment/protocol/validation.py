"""Limits and checks shared by all request formats."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sentiment.errors import RequestError
from sentiment.files import SURROGATE
from sentiment.inference.multilabel import check_threshold
from sentiment.inference.pairs import Pair, Text
from sentiment.inference.preprocessing import is_readable
from sentiment.inference.types import Threshold
from sentiment.protocol.bodies import loads

MAX_TEXTS = 1024  # per request
MAX_CHARACTERS = 100_000  # per text
MAX_ASPECT_CHARACTERS = 10_000  # per aspect
MAX_EXPLAINED = 8  # texts per explanation request
MAX_EXPLAINED_CHARACTERS = 10_000  # per text to explain
CANARY = "a first text to see that the model answers"  # of checks; a worker's metrics leave it out
MODEL_HEADER = "X-Model-SHA256"  # response header: hash of the export that produced the predictions


def check_text(text: Any, name: str = "text", *, longest: int = MAX_CHARACTERS) -> str:
    """Return `text` if it can be scored; `name` is that of the value in messages.

    Raises:
        RequestError: The value is not a string, is too long, has lone surrogates, or has no visible character.
    """
    if not isinstance(text, str):
        raise RequestError(f"{name} must be a string, got {kind(text)}")
    if not text.strip():
        raise RequestError(f"{name} is empty", reason="empty_text")
    if len(text) > longest:
        told = f"{name} has {len(text):,} characters; send at most {longest:,}"
        raise RequestError(told, status=413, reason="too_long")
    if SURROGATE.search(text):
        raise RequestError(f"{name} holds half of a surrogate pair, which is no character", reason="not_unicode")
    if not is_readable(text):
        raise RequestError(f"{name} is empty but for markup or invisible characters", reason="empty_text")
    return text


def items_of(body: dict[str, Any], key: str) -> list[Any]:
    """Return the list at `key`. Raises RequestError for no list, an empty one, or more than MAX_TEXTS items."""
    items = body.get(key)
    if not isinstance(items, list):
        raise RequestError(f'"{key}" must be a list of strings, got {kind(items)}')
    if not items:
        raise RequestError(f'"{key}" is an empty list; send at least one text', reason="no_text")
    if len(items) > MAX_TEXTS:
        told = f"{len(items)} texts in one request; send at most {MAX_TEXTS}"
        raise RequestError(told, status=413, reason="too_many")
    return items


def check_texts(items: Sequence[Any], key: str) -> tuple[Text, ...]:
    """Return the texts if all can be scored; an item that is a `Pair` is checked with its aspect."""
    return tuple(check_input(item, f"{key}[{i}]") for i, item in enumerate(items))


def check_input(item: Any, name: str = "text") -> Text:
    """Return a text, or a pair of a text and an aspect, if it can be scored; a pair without an aspect is a text."""
    if not isinstance(item, Pair):
        return check_text(item, name)
    text = check_text(item.text, name)
    return text if item.aspect is None else Pair(text, check_aspect(item.aspect, f"the aspect of {name}"))


def check_aspect(aspect: Any, name: str = "aspect") -> str:
    return check_text(aspect, name, longest=MAX_ASPECT_CHARACTERS)


def check_keys(
    owner: dict[str, Any], known: Sequence[str], place: str, uses: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Refuse a key that nothing reads, so that none is ignored.

    Args:
        owner: A JSON object of the request.
        known: The keys that are read.
        place: The object in error messages, as in "in the input".
        uses: Keys of other requests or formats, and what to use instead.
    """
    unknown = next((key for key in owner if key not in known), None)
    if unknown is not None and unknown in uses:
        raise RequestError(f'"{unknown}" says nothing here; {uses[unknown]}')
    if unknown is not None:
        raise RequestError(f'unknown key "{unknown[:40]}" {place}; known are {", ".join(known)}')


def flag(owner: dict[str, Any], key: str) -> bool:
    value = owner.get(key, False)
    if not isinstance(value, bool):
        raise RequestError(f'"{key}" must be true or false, got {kind(value)}')
    return value


def error_rate(owner: dict[str, Any]) -> float | None:
    """Read `max_error`, a number above 0 and at most 1; None if it is not given."""
    value = owner.get("max_error")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise RequestError(f'"max_error" must be a number above 0 and at most 1, got {repr(value)[:40]}')
    return float(value)


def threshold(owner: dict[str, Any]) -> Threshold | None:
    """Read `threshold`, a number between 0 and 1 or an object with one for each of some labels; None without it.

    In KServe V2, whose parameters cannot be objects, the object is a string of JSON.
    """
    value = owner.get("threshold")
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = loads(value)
        except (ValueError, RecursionError) as error:
            raise RequestError(f'"threshold" is not valid JSON: {str(error)[:80]}') from error
    return None if value is None else check_threshold(value)


def kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", tuple: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
