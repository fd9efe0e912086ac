"""Answered and true labels of rows as numbers: an index for each row, or a flag for each of several labels."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from sentiment.data.label_form import LabelForm
from sentiment.data.label_values import finder
from sentiment.data.tables import label_value
from sentiment.errors import DataError
from sentiment.inference.types import JOINT, Label, list_labels

UNKNOWN = -1  # target of a row whose true label is not known
TRUE_LABELS = LabelForm(multi=True, separator=JOINT)  # of several labels in a cell


def answers_of(cells: Sequence[Any], column: str, labels: Sequence[str], probabilities: Any, *, several: bool) -> Any:
    """Return each row's answer (n,), or else the likeliest; of several (n, k). Raises DataError for an unknown one."""
    names = [cell if isinstance(cell, str) else label_value(cell, column) or "" for cell in cells]
    if several:
        return flags([tuple(filter(None, name.split(JOINT))) for name in names], column, labels) == 1
    given = indices(names, column, labels)
    return np.where(given == UNKNOWN, probabilities.argmax(axis=1), given)


def targets_of(cells: Sequence[Any], column: str, labels: Sequence[str], *, several: bool) -> Any:
    """Return the index of each row's true label (n,), or 0 or 1 for each of several (n, k); UNKNOWN for an empty cell.

    Raises:
        DataError: A value is no label of the model.
    """
    key = f"true_column={column}"
    if not several:
        return indices([label_value(cell, column) or "" for cell in cells], key, labels)
    known = [cell is not None and str(cell).strip() != "" for cell in cells]
    names = [TRUE_LABELS.read(cell, column) if own else () for cell, own in zip(cells, known, strict=True)]
    return np.where(np.array(known)[:, None], flags(names, key, labels), UNKNOWN)


def indices(names: Sequence[str], where: str, labels: Sequence[str]) -> Any:
    """Return the index of each name, (n,); UNKNOWN for an empty one."""
    index = places(filter(None, names), where, labels) | {"": UNKNOWN}
    return np.array([index[name] for name in names], dtype=int)


def flags(rows: Sequence[Label | None], where: str, labels: Sequence[str]) -> Any:
    """Return 0 or 1 for each label of each row, (n, k)."""
    index = places((name for row in rows for name in row or ()), where, labels)
    made = np.zeros((len(rows), len(labels)), dtype=int)
    for i, row in enumerate(rows):
        made[i, [index[name] for name in row or ()]] = 1
    return made


def places(names: Iterable[str], where: str, labels: Sequence[str]) -> dict[str, int]:
    """Return the index of each label that the names spell, as 1 and 1.0 do. Raises DataError for another name."""
    find, index, found = finder(labels), {label: i for i, label in enumerate(labels)}, dict[str, int]()
    for name in dict.fromkeys(names):
        if (label := find(name)) is None:
            raise DataError(f"{where}: {name!r} is no label of the model, which knows {list_labels(labels)}")
        found[name] = index[label]
    return found
