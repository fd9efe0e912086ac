"""Reader for TweetEval's layout: texts in <split>_text.txt, their label indices in <split>_labels.txt."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from sentiment.data.labelled import Labelled, labelled
from sentiment.data.tables import read_lines
from sentiment.errors import DataError
from sentiment.inference.types import join_labels, list_labels

TEXTS, LABELS, MAPPING = "_text.txt", "_labels.txt", "mapping.txt"

log = logging.getLogger(__name__)


def text_files(folder: Path, stems: Iterable[str]) -> list[Path]:
    """Find the text files of a split under any of its names."""
    return [path for stem in stems if (path := folder / f"{stem}{TEXTS}").is_file()]


def is_text_file(path: Path) -> bool:
    return path.name.endswith(TEXTS)


def read_pair(texts: Path, *, encoding: str | None = None) -> Labelled:
    """Read <split>_text.txt and its label file, naming the labels by mapping.txt if that exists.

    Returns:
        The rows; all labels are None if there is no label file.

    Raises:
        DataError: The files differ in length, or mapping.txt lacks a label.
    """
    labels = texts.with_name(texts.name.removesuffix(TEXTS) + LABELS)
    lines, said = read_lines(texts, encoding)
    if said:
        log.info("%s (where that is wrong, set encoding)", said)
    if not labels.is_file():
        return Labelled([*lines], [None] * len(lines))
    numbers, _ = read_lines(labels, encoding)
    if len(lines) != len(numbers):
        lines, numbers = without_blank_end(lines), without_blank_end(numbers)
    if len(lines) != len(numbers):
        raise DataError(f"{texts} has {len(lines)} lines, {labels.name} {len(numbers)}; each text needs one label")
    names = read_mapping(texts.with_name(MAPPING))
    rows = labelled(zip(lines, numbers, strict=True), columns=("text", "label"), source=str(labels))
    if not names:
        return rows
    own = [None if label is None else join_labels(label) for label in rows.labels]
    return Labelled(rows.texts, [name_of(label, names, labels) for label in own])


def without_blank_end(lines: list[str]) -> list[str]:
    while lines and not lines[-1].strip():
        lines = lines[:-1]
    return lines


def name_of(label: str | None, names: Mapping[str, str], source: Path) -> str | None:
    if label is not None and label not in names:
        raise DataError(f"{source} has the label {label!r}, which {MAPPING} does not name: {list_labels(names)}")
    return None if label is None else names[label]


def read_mapping(path: Path) -> dict[str, str]:
    """Read the label names by index; empty if there is no such file.

    Raises:
        DataError: A line is not an index and a name, or an index occurs twice.
    """
    if not path.is_file():
        return {}
    names: dict[str, str] = {}
    for number, line in enumerate(read_lines(path)[0], 1):
        if not line.strip():
            continue
        label, *name = line.split("\t") if "\t" in line else line.split(maxsplit=1)
        if len(name) != 1 or not name[0].strip():
            raise DataError(f"{path}, line {number}: expected a number and a name, got {line!r}")
        if label.strip() in names:
            raise DataError(f"{path}, line {number}: the number {label.strip()} has a name already")
        names[label.strip()] = name[0].strip()
    return names
