"""Text cleaning before the tokenizer: one pure function shared by training and serving."""

import html
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from sentiment.errors import ConfigError, RequestError
from sentiment.inference.alignment import Alignment, Rewriter
from sentiment.inference.symbols import fold, mark_capitals, part, shorten_punctuation, shorten_words
from sentiment.inference.tasks import decide_by, decoding_of
from sentiment.inference.types import Threshold

Truncation = Literal["head", "tail", "head_tail"]
RUNTIMES = ["torch", "onnx", "onnx-int8", "torch-bf16"]  # names of the classes in `runtimes` and `bf16` beside this
MAX_MARKS = 30  # combining marks in a row, as in the Stream-Safe Text Format of UAX #15; real text has up to four

_TAG = re.compile(r"<(?:/?[a-zA-Z][^<>]{0,200}|!--[^<>]{0,200}--)>")  # does not match "<3" or "a < b"
_URL = re.compile(r"\b(?:https?://|www\.)\S+")
_USER = re.compile(r"(?<![\w.+-])@\w+")  # excludes the @ of an e-mail address
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # control characters, replaced by spaces
_REFERENCE = re.compile(r"&(?:#(?:\d+|[xX][0-9a-fA-F]+)|[^\t\n\f <&#;]{1,32});?")  # those that html.unescape takes
_OVERLONG = 40  # characters of a reference that names no character; int() raises from 4,301 digits on
_MARKS = re.compile(r"[^\w\s\x00-\u02ff]{31,}")  # candidates: contains every run of more than MAX_MARKS marks
_PLAIN = Rewriter()
_UNSEEN = {"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Mn", "Me"}  # Unicode categories without a visible glyph
_BLANK = "\u115f\u1160\u2800\u3164\uffa0"  # letters and symbols drawn as blanks
_INVISIBLE = re.compile(  # soft hyphen, zero-width, direction marks, lone surrogates, private use; U+200D joins emoji
    "[\u00ad\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ue000-\uf8ff\ufeff\ufff9-\ufffb]"
)


@dataclass(frozen=True, slots=True)
class Cleaning:
    """Text cleaner with a switch per kind of noise; emoji and letter case are kept.

    The switches that exports of earlier releases do not record are off by default.
    """

    html: bool = True  # replace tags with spaces and decode entities
    urls: bool = True  # replace links with "http", as in TweetEval
    users: bool = True  # replace mentions with "@user", as in TweetEval
    emoji: bool = False  # part emoji and emoticons from words; fold skin tones, variants, styled letters, drawn faces
    stretched: bool = False  # shorten letters repeated three times or more to two
    punctuation: bool = False  # shorten signs repeated four times or more to three
    capitals: bool = False  # put "xxup" before words in capitals

    def __call__(self, text: str) -> str:
        return self._rewrite(text, _PLAIN)

    def align(self, text: str) -> tuple[str, Alignment]:
        """Clean a text, and return with it which characters of the raw text those of the cleaned one came from."""
        alignment = Alignment(text)
        return self._rewrite(text, alignment), alignment

    def _rewrite(self, text: str, by: Rewriter) -> str:
        if self.html:
            text = unescape(by.sub(_TAG, " ", text), by)
        if self.urls and ("://" in text or "www." in text):  # the substring test is 10x faster than the regex
            text = by.sub(_URL, "http", text)
        if self.users and "@" in text:
            text = by.sub(_USER, "@user", text)
        text = by.sub(_INVISIBLE, "", by.sub(_CONTROL, " ", text))
        if self.emoji and not text.isascii():
            text = fold(text, by)
        text = by.normalize(with_few_marks(text, by))
        if self.stretched:
            text = shorten_words(text, by)
        if self.punctuation:
            text = shorten_punctuation(text, by)
        if self.emoji:
            text = part(text, by)
        text = by.join(text)
        return mark_capitals(text, by) if self.capitals else text


def unescape(text: str, by: Rewriter = _PLAIN) -> str:
    """Decode HTML character references; those with more than 32 digits name no character and are kept verbatim."""
    return by.sub(_REFERENCE, _decoded, text) if "&" in text else text


def _decoded(reference: re.Match[str]) -> str:
    return html.unescape(reference[0]) if len(reference[0]) < _OVERLONG else reference[0]


def with_few_marks(text: str, by: Rewriter = _PLAIN) -> str:
    """Drop combining marks after MAX_MARKS in a row.

    NFC normalization sorts the marks of a run in quadratic time: 100,000 marks take 10 seconds.
    """
    return text if text.isascii() else by.sub(_MARKS, _first_marks, text)


def _first_marks(run: re.Match[str]) -> str:
    kept, marks = [], 0
    for character in run[0]:
        marks = marks + 1 if is_mark(character) else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


@lru_cache(maxsize=4096)
def is_mark(character: str) -> bool:
    """Test if a character's canonical decomposition (NFD) consists of combining marks only."""
    return all(unicodedata.combining(part) for part in unicodedata.normalize("NFD", character))


def is_readable(text: str) -> bool:
    """Test if a text has visible characters besides markup and white space.

    The result does not depend on a model's cleaning settings.
    """
    first = text.lstrip()[:1]
    if first.isalnum() and first not in _BLANK:
        return True
    if "<" in text or "&" in text:
        text = unescape(_TAG.sub(" ", text))
    return any(is_visible(character) for character in text)


@lru_cache(maxsize=4096)
def is_visible(character: str) -> bool:
    """Test if a character has a visible glyph; characters newer than Python's Unicode tables count as visible."""
    return character not in _BLANK and unicodedata.category(character) not in _UNSEEN


RENAMED = {"window_stride": "window_step"}  # field of earlier exports to its current name


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Settings that turn a raw text into model input; stored as preprocessing.json in an export folder."""

    max_length: int  # tokens, including special tokens
    truncation: Truncation = "head"
    cleaning: Cleaning = field(default_factory=Cleaning)
    temperature: float = 1.0  # divisor of the logits
    window_step: int = 0  # tokens between window starts at inference; 0 disables windows
    max_windows: int = 8  # limit per text
    runtime: str = "torch"  # what computes the logits, one of RUNTIMES
    max_error: float = 1.0  # promised error rate of the answers given; 1 promises nothing, and answers every text
    task: Mapping[str, Any] | None = None  # kind of label and its decoding (`sentiment.inference.tasks`); None: single
    aspects: bool = False  # each text is read with an aspect, as a second segment
    default_aspect: str = ""  # of a text without one; "" refuses such a text
    exits: bool = True  # a text leaves early where the export has exits

    @property
    def most_tokens(self) -> int:
        """Return the upper bound on tokens computed for one text at inference."""
        return self.max_length * (self.max_windows if self.window_step else 1)

    def to_json(self) -> dict[str, Any]:
        left_out = {"task"} if self.task is None else set[str]()
        left_out |= set() if self.aspects else {"aspects", "default_aspect"}
        left_out |= {"exits"} if self.exits else set()
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Preprocessing":
        return cls(**{**current_fields(value), "cleaning": Cleaning(**value["cleaning"])})

    def check(self) -> None:
        """Validate the types and ranges of all fields.

        Raises:
            TypeError: A value has the wrong type.
            ValueError: A value is out of range or not one of the choices.
        """
        for owner in (self, self.cleaning):
            for name, hint in get_type_hints(type(owner)).items():
                if name != "task":
                    check_type(name, getattr(owner, name), hint)
        if not math.isfinite(self.temperature) or min(self.temperature, self.max_length, self.max_windows) <= 0:
            raise ValueError("temperature, max_length and max_windows must be above 0")
        if not 0 < self.max_error <= 1:
            raise ValueError(f"max_error={self.max_error} is not above 0 and at most 1")
        if self.window_step < 0:
            raise ValueError(f"window_step={self.window_step} is below 0")
        if self.default_aspect and not self.aspects:
            raise ValueError(f"default_aspect={self.default_aspect!r} does nothing without aspects")
        if self.runtime not in RUNTIMES:
            raise ValueError(f"runtime={self.runtime!r}: expected one of {', '.join(RUNTIMES)}")
        if self.task is not None and not isinstance(self.task, Mapping):
            raise TypeError(f"task={self.task!r}: expected an object, got {type(self.task).__name__}")
        decoding_of(self.task)


def current_fields(value: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of an export or a batch summary with the current name of each field."""
    return {RENAMED.get(name, name): setting for name, setting in value.items()}


def check_type(name: str, value: Any, hint: Any) -> None:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ValueError(f"{name}={value!r}: expected one of {', '.join(map(str, get_args(hint)))}")
    elif type(value) is not hint and not (hint is float and type(value) is int):
        raise TypeError(f"{name}={value!r}: expected {hint.__name__}, got {type(value).__name__}")


def with_threshold(preprocessing: Preprocessing, labels: Sequence[str], threshold: Threshold) -> Preprocessing:
    """Return preprocessing with other thresholds. Raises ConfigError for a model that has none, or not those."""
    try:
        decoding = decide_by(decoding_of(preprocessing.task), labels, threshold)
    except RequestError as error:
        raise ConfigError(str(error)) from error
    return replace(preprocessing, task=decoding.to_json())
