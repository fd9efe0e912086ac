"""Detection of a text file's encoding: byte order mark, UTF-8, or a reported guess."""

import codecs
from collections.abc import Iterator

from sentiment.data.tables.content import CHUNK, Content
from sentiment.errors import DataError

MARKS = {  # UTF-32 first, because its little-endian mark starts with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
UNDEFINED = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])  # bytes that cp1252 does not define
LETTERS = bytes([*range(0x41, 0x5B), *range(0x61, 0x7B)])
HIGH = bytes(range(0x80, 0x100))
WESTERN = 0.25  # maximum fraction of non-ASCII letters; no language written in cp1252 exceeds it


def encoding_of(content: Content, wanted: str | None) -> tuple[str, str | None]:
    """Determine the codec of a file, and the name to report if it is neither given nor UTF-8.

    A file that decodes as UTF-8 is UTF-8. Otherwise it is cp1252 if few of its letters are non-ASCII: many of them
    indicate another alphabet, and bytes that cp1252 does not define another encoding.

    Raises:
        DataError: The encoding cannot be guessed and the user has to name it, or the file contains NUL bytes.
    """
    if wanted is not None:
        return ("utf-8-sig" if codecs.lookup(wanted).name == "utf-8" else wanted), None
    for mark, name in MARKS.items():
        if content.head.startswith(mark):
            return name, name.upper()
    if b"\0" in content.head:
        first = content.head.index(b"\0")
        number = content.head[:first].count(b"\n") + 1
        likely = "utf-16-le" if first % 2 else "utf-16-be"  # the low byte of a letter is first, or second
        raise DataError(
            f"{content.name}, line {number}: a NUL byte; this is no text file, or UTF-16 without its mark "
            f"(encoding={likely})"
        )
    if is_utf8(content):
        return "utf-8-sig", None
    return western(content), "cp1252"


def is_utf8(content: Content) -> bool:
    """Return True if the bytes decode as UTF-8, and set `content.plain`; only the head of standard input is checked."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    plain = True
    try:
        for chunk in chunks(content):
            decoder.decode(chunk)
            plain = plain and b"\r" not in chunk and b"\0" not in chunk
        decoder.decode(b"", final=content.repeatable or content.whole)
    except UnicodeDecodeError:
        return False
    content.plain = plain and content.repeatable
    return True


def western(content: Content) -> str:
    """Return "cp1252" if a file that is not UTF-8 is likely in it, else raise DataError."""
    counts = dict.fromkeys(("valid", "invalid", "letters", "high", "undefined"), 0)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for chunk in chunks(content):
        text = decoder.decode(chunk)
        invalid = text.count("�")
        counts["invalid"] += invalid
        counts["valid"] += len(text) - len(text.encode("ascii", "ignore")) - invalid
        counts["letters"] += len(chunk) - len(chunk.translate(None, LETTERS))
        counts["high"] += len(chunk) - len(chunk.translate(None, HIGH))
        counts["undefined"] += len(chunk) - len(chunk.translate(None, UNDEFINED))
    if counts["valid"] > counts["invalid"]:  # UTF-8 with a few broken characters; cp1252 would garble the rest
        raise content.not_decodable("utf-8")
    if counts["undefined"] or counts["high"] > WESTERN * (counts["letters"] + counts["high"]):
        raise DataError(
            f"{content.name} is neither UTF-8 nor cp1252; name its encoding with encoding=..., "
            "for example latin-1, cp1251 (Cyrillic), shift_jis or gb18030"
        )
    return "cp1252"


def chunks(content: Content) -> Iterator[bytes]:
    """Yield all bytes of a file, or only the head of standard input."""
    if not content.repeatable:
        yield content.head
        return
    with content.open() as file:
        while chunk := file.read(CHUNK):
            yield chunk
