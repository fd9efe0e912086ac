"""Reader for text files with one text per line."""

from pathlib import Path

from sentiment.data.tables.content import Content
from sentiment.data.tables.encodings import encoding_of
from sentiment.data.tables.formats import Format
from sentiment.errors import DataError


def read_lines(path: Path, encoding: str | None = None) -> tuple[list[str], str | None]:
    """Read the lines of a text file, split only at line feeds, and a note for the user if the encoding was guessed.

    Raises:
        DataError: The file cannot be decoded, or contains a NUL byte.
    """
    content = Content(path, Format("lines"))
    codec, guess = encoding_of(content, encoding)
    with content.text(codec) as file:
        lines = [line.removesuffix("\n").removesuffix("\r") for line in file]
    if nul := next((number for number, line in enumerate(lines, 1) if "\0" in line), None):
        raise DataError(f"{path}, line {nul}: a NUL byte; this is no text file")
    return lines, f"{path}: read as {guess}" if guess else None
