"""Texts without labels, of tables and of text files with a text a line."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from sentiment.data.readers import open_and_announce
from sentiment.data.tables import TableOptions, expanded, text_column, text_value
from sentiment.errors import DataError
from sentiment.inference.preprocessing import is_readable
from sentiment.remote import as_path
from sentiment.remote.stores import access

log = logging.getLogger(__name__)


def as_paths(files: Path | str | Sequence[Path | str] | None) -> list[Path]:
    """Return one file or several as a list of paths, of an output in parts the parts."""
    listed = [] if files is None else [files] if isinstance(files, str | Path) else files
    return [file for path in listed for file in expanded(as_path(path))]


def read_unlabelled(paths: Sequence[Path], column: str | None, options: TableOptions) -> tuple[list[str], list[str]]:
    """Read each distinct text of the files once, in order, with an empty text in place of each label.

    Raises:
        DataError: A file is missing, has no text column, or nothing can be read in any of them.
    """
    found: dict[str, None] = {}
    count = 0
    for path in paths:
        with access(path):
            for text in texts_of(path, column, options):
                count += 1
                if text and text.strip() and is_readable(text):
                    found.setdefault(text)
    if not found:
        raise DataError(f"{', '.join(map(str, paths))}: no texts; name a file that has some")
    log.info("%d texts of %d rows in %s; copies and empty ones left out", len(found), count, ", ".join(map(str, paths)))
    return list(found), [""] * len(found)


def texts_of(path: Path, column: str | None, options: TableOptions) -> Iterable[str | None]:
    """Yield the texts of a file: its lines, or the text column of a table."""
    table = open_and_announce(path, options)
    name = (
        table.columns[0]
        if table.kind == "txt"
        else text_column(table.columns, column, table.name, key="data.text_column")
    )
    return (text_value(row.get(name), name) for row in table.rows([name]))
