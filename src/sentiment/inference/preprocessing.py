"""What happens to a text before the tokenizer: one pure function, the same in training and in serving."""

import html
import math
import re
import unicodedata
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

Truncation = Literal["head", "tail", "head_tail"]
Runtime = Literal["torch", "onnx", "onnx-int8"]  # what computes the logits
MAX_MARKS = 30  # combining marks in a row, as in the Stream-Safe Text Format of UAX #15; real text has up to four

_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,200}|!--[^<>]{0,200}--)>")  # "<3" and "a < b" are no tags
_URL = re.compile(r"\b(?:https?://|www\.)\S+")
_USER = re.compile(r"(?<![\w.+-])@\w+")  # not the @ of an e-mail address
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # these part words
_OVERLONG = re.compile(r"(&#(?:[0-9]{33,}|[xX][0-9a-fA-F]{33,}))")  # int() raises from 4,301 digits on
_MARKS = re.compile(r"[^\w\s\x00-\u02ff]{31,}")  # every run of more than MAX_MARKS marks is in one of these
_UNSEEN = {"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Mn", "Me"}  # categories of Unicode
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols that are drawn as a space
_INVISIBLE = re.compile(  # soft hyphen, zero-width, direction marks, lone surrogates, private use; not U+200D of emoji
    "[\u00ad\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ue000-\uf8ff\ufeff\ufff9-\ufffb]"
)


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Which kinds of noise to remove. Emoji and letter case are never touched."""

    html: bool = True  # tags become spaces, entities are decoded
    urls: bool = True  # a link becomes "http", as in TweetEval
    users: bool = True  # a mention becomes "@user", as in TweetEval

    def __call__(self, text: str) -> str:
        if self.html:
            text = unescape(_TAG.sub(" ", text))
        if self.urls and ("://" in text or "www." in text):  # looking first is ten times faster than the pattern
            text = _URL.sub("http", text)
        if self.users and "@" in text:
            text = _USER.sub("@user", text)
        text = _INVISIBLE.sub("", _CONTROL.sub(" ", text))
        return " ".join(unicodedata.normalize("NFC", with_few_marks(text)).split())


def unescape(text: str) -> str:
    """Decode HTML's character references; one of more than 32 digits names no character and stays as it is."""
    if "&" not in text:
        return text
    return "".join(part if i % 2 else html.unescape(part) for i, part in enumerate(_OVERLONG.split(text)))


def with_few_marks(text: str) -> str:
    """Drop combining marks after MAX_MARKS in a row.

    Normalization sorts the marks of a run, in quadratic time: 100,000 of them take it ten seconds.
    """
    return text if text.isascii() else _MARKS.sub(_first_marks, text)


def _first_marks(run: re.Match[str]) -> str:
    kept, marks = [], 0
    for character in run[0]:
        marks = marks + 1 if is_mark(character) else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


@lru_cache(maxsize=4096)
def is_mark(character: str) -> bool:
    """Tell whether the canonical decomposition of a character holds combining marks alone."""
    return all(unicodedata.combining(part) for part in unicodedata.normalize("NFD", character))


def is_readable(text: str) -> bool:
    """Tell whether anything of a text is left to read without markup, white space and invisible characters.

    It is the same for every model, whatever its cleaning leaves in: tags alone, or zero-width characters, say nothing.
    """
    first = text.lstrip()[:1]
    if first.isalnum() and first not in _BLANK:
        return True
    if "<" in text or "&" in text:
        text = unescape(_TAG.sub(" ", text))
    return any(is_visible(character) for character in text)


@lru_cache(maxsize=4096)
def is_visible(character: str) -> bool:
    """Tell whether a character shows by itself; those of newer Unicode than Python knows do."""
    return character not in _BLANK and unicodedata.category(character) not in _UNSEEN


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Everything between a raw text and the model's input; preprocessing.json of an export folder."""

    max_length: int  # tokens, special ones included
    truncation: Truncation = "head"
    cleaning: Cleaning = field(default_factory=Cleaning)
    temperature: float = 1.0  # divides the logits
    window_stride: int = 0  # tokens between the starts of windows at inference; 0: one window
    max_windows: int = 8  # of one text
    runtime: Runtime = "torch"

    @property
    def most_tokens(self) -> int:
        """Tokens that the model computes for one text at inference, at most."""
        return self.max_length * (self.max_windows if self.window_stride else 1)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Preprocessing":
        return cls(**{**value, "cleaning": Cleaning(**value["cleaning"])})

    def check(self) -> None:
        """Raises TypeError or ValueError for the first value that no training has written."""
        for owner in (self, self.cleaning):
            for name, hint in get_type_hints(type(owner)).items():
                check_type(name, getattr(owner, name), hint)
        if not math.isfinite(self.temperature) or min(self.temperature, self.max_length, self.max_windows) <= 0:
            raise ValueError("temperature, max_length and max_windows must be above 0")
        if self.window_stride < 0:
            raise ValueError(f"window_stride={self.window_stride} is below 0")


def check_type(name: str, value: Any, hint: Any) -> None:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{name}={value!r}: expected one of {', '.join(map(str, get_args(hint)))}")
    elif type(value) is not hint and not (hint is float and type(value) is int):
        raise TypeError(f"{name}={value!r}: expected {hint.__name__}, got {type(value).__name__}")
