"""Texts, labels and aspects as read, before validation; a missing value is None."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from sentiment.data.label_form import ONE, LabelForm
from sentiment.data.tables import aspect_value, text_value
from sentiment.errors import ConfigError, DataError
from sentiment.inference.types import Label


@dataclass(frozen=True, slots=True)
class FileRows:
    """Rows that a file gives a split."""

    file: str
    rows: int
    relabelled: int = 0  # rows whose label a feedback file replaces
    feedback: bool = False  # written by the page


@dataclass(frozen=True, slots=True)
class Labelled:
    texts: list[str | None] = field(default_factory=list)
    labels: list[Label | None] = field(default_factory=list)
    aspects: list[str | None] | None = None  # None if the rows have none
    files: tuple[FileRows, ...] = ()  # in the order of the rows; empty if they come from no file

    def __len__(self) -> int:
        return len(self.texts)

    @classmethod
    def joined(cls, parts: Iterable["Labelled"]) -> "Labelled":
        kept = list(parts)
        texts = list(chain.from_iterable(part.texts for part in kept))
        labels = list(chain.from_iterable(part.labels for part in kept))
        given = [part.aspects for part in kept if part.aspects is not None]
        aspects = list(chain.from_iterable(given)) if given else None
        files = tuple(chain.from_iterable(part.files for part in kept))
        return cls(texts, labels, aspects, files)


def labelled(
    rows: Iterable[tuple[Any, ...]],
    *,
    columns: tuple[str, ...],
    source: str,
    names: list[str] | None = None,
    form: LabelForm = ONE,
) -> Labelled:
    """Convert rows of cells to texts, labels and aspects.

    Args:
        rows: A text cell, a label cell and, where `columns` names three, an aspect cell.
        columns: Names of the text, the label and, if there is one, the aspect column, for messages.
        source: Origin of the rows, for messages.
        names: Label names, if the rows hold label indices; the index -1 becomes a missing label.
        form: How the labels stand in their cell.

    Raises:
        DataError: A cell is not a text or a label, or an index has no name.
    """
    texts, labels, aspects = list[str | None](), list[Label | None](), list[str | None]()
    text_column, label_column, *aspect_column = columns
    for number, (text, label, *aspect) in enumerate(rows, 1):
        try:
            texts.append(text_value(text, text_column))
            labels.append(form.read(label, label_column))
            aspects += [aspect_value(value, name) for value, name in zip(aspect, aspect_column, strict=True)]
        except DataError as error:
            raise DataError(f"{source}, row {number}: {error}") from error
    if names is not None:
        labels = [class_name(label, names, source) for label in labels]
    return Labelled(texts, labels, aspects if aspect_column else None)


def class_name(label: Label | None, names: list[str], source: str) -> Label | None:
    """Return the name of a label index, or of each; None if the label is missing or withheld (-1)."""
    if label is None or label == "-1":
        return None
    if isinstance(label, tuple):
        return tuple(str(class_name(one, names, source)) for one in label)
    if not label.isdigit() or int(label) >= len(names):
        raise DataError(f"{source} has the label number {label}, but names for {len(names)} labels only")
    return names[int(label)]


def several(rows: Labelled) -> Labelled:
    """Return rows in which a text may have several labels: one label, as a folder's name gives it, is a set of one."""
    labels: list[Label | None] = [(label,) if isinstance(label, str) else label for label in rows.labels]
    return replace(rows, labels=labels)


def have_aspects(splits: Mapping[str, Labelled], default_aspect: str) -> bool:
    """Tell whether rows have aspects, as those of a source of the user's own may.

    Raises:
        DataError: Some splits have aspects, others not.
        ConfigError: No row has an aspect, and `default_aspect` is set.
    """
    kinds = {rows.aspects is not None for rows in splits.values()}
    if len(kinds) > 1:
        raise DataError("some splits have rows of a text, an aspect and a label, others have no aspect; give all one")
    if default_aspect and True not in kinds:
        raise ConfigError(f"data.default_aspect={default_aspect} does nothing: no row has an aspect; leave it out")
    return True in kinds
