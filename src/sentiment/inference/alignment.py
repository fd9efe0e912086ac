"""Rewriting of texts by patterns, and the way back: which characters of the raw text each new character came from."""

import re
import unicodedata
from collections.abc import Callable, Iterator

Replacement = str | Callable[[re.Match[str]], str]


class Rewriter:
    """Apply the steps of cleaning to a text."""

    __slots__ = ()

    def sub(self, pattern: re.Pattern[str], replacement: Replacement, text: str) -> str:
        return pattern.sub(replacement, text)

    def normalize(self, text: str) -> str:
        return unicodedata.normalize("NFC", text)

    def join(self, text: str) -> str:
        """Replace each run of white space by one space, and drop it at both ends."""
        return " ".join(text.split())


class Alignment(Rewriter):
    """A rewriter that follows the characters: each step takes what the step before it returned."""

    __slots__ = ("ends", "starts")
    _SPACE = re.compile(r"\s+")

    def __init__(self, text: str) -> None:
        self.starts, self.ends = list(range(len(text))), list(range(1, len(text) + 1))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return the start and the end in the raw text of some characters of the last step; empty if they are new."""
        if start < end:
            return self.starts[start], self.ends[end - 1]
        at = self.starts[start] if start < len(self.starts) else max(self.ends, default=0)
        return at, at

    def sub(self, pattern: re.Pattern[str], replacement: Replacement, text: str) -> str:
        """Substitute as `re.sub` does; a replacement has the span of the whole match, unless it only goes before it."""
        edits = []
        for match in pattern.finditer(text):
            new = replacement(match) if callable(replacement) else match.expand(replacement)
            if new != match[0]:
                ahead = len(new) - len(match[0])
                before = ahead > 0 and new.endswith(match[0])
                edits.append((match.start(), match.start(), new[:ahead]) if before else (*match.span(), new))
        return self._edit(text, edits)

    def normalize(self, text: str) -> str:
        if unicodedata.is_normalized("NFC", text):
            return text
        parts = ((start, end, unicodedata.normalize("NFC", text[start:end])) for start, end in clusters(text))
        return self._edit(text, [(start, end, new) for start, end, new in parts if new != text[start:end]])

    def join(self, text: str) -> str:
        text = self.sub(self._SPACE, " ", text)
        kept = slice(int(text[:1] == " "), len(text) - int(text[1:][-1:] == " "))
        self.starts, self.ends = self.starts[kept], self.ends[kept]
        return text[kept]

    def _edit(self, text: str, edits: list[tuple[int, int, str]]) -> str:
        if not edits:
            return text
        parts, starts, ends, done = list[str](), list[int](), list[int](), 0
        for start, end, new in edits:
            first = self.starts[start] if start < len(text) else self.ends[-1]
            last = self.ends[end - 1] if end > start else first
            parts += text[done:start], new
            starts += self.starts[done:start] + [first] * len(new)
            ends += self.ends[done:start] + [last] * len(new)
            if ends and not new:  # what is dropped belongs to the character before it, as a skin tone does
                ends[-1] = last
            done = end
        self.starts, self.ends = starts + self.starts[done:], ends + self.ends[done:]
        return "".join([*parts, text[done:]])


def clusters(text: str) -> Iterator[tuple[int, int]]:
    """Yield the start and end of each character with what NFC may join to it: marks, vowels and finals of Hangul."""
    start = 0
    for i, character in enumerate(text[1:], start=1):
        if unicodedata.category(character)[0] != "M" and not "\u1160" <= character <= "\u11ff":
            yield start, i
            start = i
    if text:
        yield start, len(text)
