"""Readers for text files with one text per line."""

from pathlib import Path

from sentiment.data.tables.columns import list_columns, usual_label, usual_text
from sentiment.data.tables.content import Content
from sentiment.data.tables.delimited import Delimited
from sentiment.data.tables.dialect import CANDIDATES, Dialect, newline_of
from sentiment.data.tables.encodings import encoding_of
from sentiment.data.tables.formats import Format
from sentiment.errors import DataError

TAB = "\t"
NEVER = "\ud800"  # a separator that no line has: half a character is never decoded


def line_table(content: Content, encoding: str, sample: str) -> Delimited:
    """Return a reader of the lines as a table with the one column "text"; blank lines at the end are no rows.

    Args:
        content: The file.
        encoding: Name of its codec.
        sample: Its first characters.

    Raises:
        DataError: The lines look like rows of a table.
    """
    newline = newline_of(sample)
    lines = [line for line in sample.lstrip("\ufeff").split(newline) if line.strip()]
    for separator in CANDIDATES:
        names = [name.strip(' "\r') for name in lines[0].split(separator)] if lines else []
        if usual_text(names) or (len(names) > 1 and usual_label(names)):
            raise DataError(
                f"{content.name} has column names in its first line ({list_columns(names)}), which a text a line "
                f"lacks; name it {'.tsv' if separator == TAB else '.csv'}"
            )
    if lines and all(line[0] == "{" and line.rstrip(" ,\r")[-1] == "}" for line in lines[:-1] or lines):
        raise DataError(f"{content.name} has JSON in every line; name it .jsonl")
    if len(tabs := {line.count(TAB) for line in lines[:-1]}) == 1 and tabs != {0}:
        raise DataError(
            f"{content.name} has tabs in every line, as a table has; name it .tsv, or replace them by blanks"
        )
    return Delimited.open(content, encoding, Dialect(NEVER, "none", newline), ["text"], sample)


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
