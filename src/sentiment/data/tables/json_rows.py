"""Reader for JSON Lines and JSON arrays of objects."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TextIO

from sentiment.data.tables.content import CHUNK, Content
from sentiment.data.tables.rows import Broken, BrokenRow, Row
from sentiment.errors import DataError

SPACE = re.compile(r"[\s\ufeff]*")
LONGEST = 1 << 26  # characters, per object in an array


class Objects:
    """JSON decoder that records a duplicate key of the object decoded last."""

    def __init__(self) -> None:
        self.twice: str | None = None
        self.decoder = json.JSONDecoder(object_pairs_hook=self._made)

    def _made(self, pairs: list[tuple[str, Any]]) -> Row:
        row = dict(pairs)  # the hook runs for the outermost object last
        self.twice = None
        if len(row) < len(pairs):
            keys = [key for key, _ in pairs]
            self.twice = next(key for key in keys if keys.count(key) > 1)
        return row

    def fault(self, value: Any) -> str | None:
        if not isinstance(value, dict):
            return "expected one JSON object in a line"
        return f"the key {self.twice!r} stands twice in one object" if self.twice is not None else None


@dataclass(frozen=True, slots=True)
class JsonRows:
    """A file of JSON Lines or with an array of objects; rows may differ in their keys."""

    content: Content
    encoding: str
    array: bool

    @classmethod
    def open(cls, content: Content, encoding: str) -> "JsonRows":
        head = content.head.decode(encoding, "ignore").lstrip("\ufeff \t\r\n")
        return cls(content, encoding, array=head.startswith("["))

    def rows(self, columns: Sequence[str] | None = None, *, broken: Broken = "refuse") -> Iterator[Row]:
        """Yield the rows in file order; see `Table.rows`."""
        with self.content.text(self.encoding) as file:
            for where, value in self._array(file) if self.array else self._lines(file):
                if isinstance(value, str):
                    if broken == "refuse":
                        raise DataError(f"{self.content.name}, {where}: {value}")
                    yield BrokenRow((), f"{where}: {value.partition(':')[0]}")
                else:
                    yield value if columns is None else {name: value[name] for name in columns if name in value}

    def first_rows(self) -> Iterator[Row]:
        """Yield the objects in the complete lines of the head, for input that can be read only once."""
        lines = self.content.head.decode(self.encoding, "ignore").split("\n")
        for _, value in self._lines(lines if self.content.whole else lines[:-1]) if not self.array else ():
            if isinstance(value, dict):
                yield value

    def _lines(self, file: Iterable[str]) -> Iterator[tuple[str, Row | str]]:
        """Yield the location of each non-blank line, and its object or an error message."""
        objects, longest = Objects(), self.content.limits.line
        for number, line in enumerate(file, 1):
            if longest is not None and len(line) > longest:
                raise DataError(
                    f"{self.content.name}, line {number}: more than {longest:,} characters in a line; shorten it"
                )
            text = line.strip(" \t\r\n\ufeff")
            if not text:
                continue
            try:
                value, end = objects.decoder.raw_decode(text)
            except (ValueError, RecursionError) as error:
                yield f"line {number}", f"not valid JSON: {error or 'nested too deeply'}"
                continue
            fault = "more than one JSON value in a line" if end != len(text) else objects.fault(value)
            yield f"line {number}", fault or value

    def _array(self, file: TextIO) -> Iterator[tuple[str, Row | str]]:
        """Yield the location of each array element, and its object or an error message; memory use is constant."""
        objects, text = Objects(), Characters(file)
        mark, expected = text.peek(), "["
        while mark and mark in expected:
            text.at += 1
            if mark == "]":
                if text.peek():
                    raise DataError(f"{self.content.name}, line {text.line}: text after the end of the array")
                return
            if (mark := text.peek()) == "]" and expected == "[":  # an empty array
                expected = "]"
                continue
            where = f"line {text.line}"
            try:
                value = text.value(objects.decoder)
            except (ValueError, RecursionError) as error:
                raise DataError(f"{self.content.name}, {where}: not valid JSON: {error}") from error
            yield where, objects.fault(value) or value
            mark, expected = text.peek(), ",]"
        found = repr(mark) if mark else "the end of the file"
        raise DataError(f"{self.content.name}, line {text.line}: not valid JSON: expected , or ] and got {found}")


class Characters:
    """Incremental buffer over a text file, with the read position `at`."""

    def __init__(self, file: TextIO) -> None:
        self.file, self.text, self.at = file, "", 0
        self.line = 1  # line number of `at`

    def more(self) -> bool:
        """Read more characters into the buffer; return False at the end of the file."""
        rest = self.text[self.at :]
        chunk = self.file.read(max(CHUNK, len(rest)))  # doubling, so an object of n characters is parsed O(log n) times
        self.text, self.at = rest + chunk, 0
        return bool(chunk)

    def peek(self) -> str:
        """Skip white space and return the next character without consuming it; empty at the end of the file."""
        while True:
            end = SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # also matches the empty string
            self._pass(end)
            if end < len(self.text):
                return self.text[end]
            if not self.more():
                return ""

    def value(self, decoder: json.JSONDecoder) -> Any:
        """Decode the JSON value at `at` and advance past it; ValueError if there is none."""
        while True:
            try:
                value, end = decoder.raw_decode(self.text, self.at)
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated") or len(self.text) - error.pos < 16
                if cut and len(self.text) - self.at < LONGEST and self.more():
                    continue
                raise
            self._pass(end)
            return value

    def _pass(self, end: int) -> None:
        self.line += self.text.count("\n", self.at, end)
        self.at = end
