"""Forms of labels in a row: one label, or several as a list, a separated string or a column for each."""

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sentiment.data.tables import label_value
from sentiment.errors import ConfigError, DataError
from sentiment.inference.types import Label

LIKELY = ("|", ";", ",")  # between labels, where no separator is set
FLAGS = {"0": False, "1": True, "0.0": False, "1.0": True} | {"false": False, "true": True, "no": False, "yes": True}


@dataclass(frozen=True, slots=True)
class LabelForm:
    """Form of the labels in a table.

    Args:
        multi: A text has any number of labels (task=multi); else one.
        separator: Between the labels of a cell that is a string; None: it holds one label, or a list.
        columns: A column for each label, with 0 or 1; empty: one column holds the labels.
    """

    multi: bool = False
    separator: str | None = None
    columns: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        multi: bool,
        separator: str | None,
        columns: Sequence[str] | None,
        label_column: str | None,
        *,
        prefix: str = "data.",
    ) -> "LabelForm":
        """Build the form that a config asks for; `prefix` stands before its keys in messages.

        Raises:
            ConfigError: A key that does nothing beside the others, or is no separator.
        """
        for key, value in (("label_separator", separator), ("label_columns", columns)):
            if value is not None and not multi:
                told = "each text has one label here; leave it out, or train with task=multi"
                hint = " (other commands: data.multi_label=true)" if prefix else ""
                raise ConfigError(f"{prefix}{key}={value}: {told}{hint}")
        if columns is not None:
            if separator is not None or label_column is not None:
                key = "label_separator" if separator is not None else "label_column"
                raise ConfigError(f"data.{key} and data.label_columns name two places for the labels; leave one out")
            if isinstance(columns, str) or len(columns) < 2 or len(set(columns)) < len(columns):
                raise ConfigError(f"data.label_columns={columns}: expected two columns or more, each once")
        if separator is not None and (not separator.strip() or separator.isalnum()):
            raise ConfigError(f"{prefix}label_separator={separator!r}: expected signs, such as '|'")
        return cls(multi, separator, tuple(map(str, columns or ())))

    def read(self, cell: Any, column: str) -> Label | None:
        """Convert a cell to a text's label, or to all of its labels; None if it is missing.

        Raises:
            DataError: The cell holds no labels.
        """
        if not self.multi:
            return label_value(cell, column)
        if isinstance(cell, Mapping) and self.columns:
            return self._flags(cell)
        values = self._values(cell, column)
        if values is None:
            return None
        if any(isinstance(value, list | tuple) for value in values):
            raise DataError(f"column {column!r} holds {str(cell)[:40]}, a list in a list; write one list of labels")
        names = [label_value(value, column) for value in values]
        if None in names:
            raise DataError(f"column {column!r} holds an empty label in {str(cell)[:40]}; leave it out of the list")
        return tuple(dict.fromkeys(name for name in names if name))

    def _values(self, cell: Any, column: str) -> Sequence[Any] | None:
        if isinstance(cell, list | tuple):
            return cell
        if not isinstance(cell, str):
            return None if label_value(cell, column) is None else [cell]
        text = cell.strip()
        if text.startswith("[") and text.endswith("]"):  # a list that pandas or a spreadsheet wrote as text
            return list_of(text, column)
        if (values := collection_of(text)) is not None:
            return values
        if self.separator is not None:
            return [part for part in map(str.strip, text.split(self.separator)) if part]
        if sign := next((sign for sign in LIKELY if sign in text), None):
            told = f"set data.label_separator={sign!r} if that is several labels, or another sign if it is one"
            raise DataError(f"column {column!r} holds {text[:40]!r}; {told}")
        return [text] if text else []

    def _flags(self, row: Mapping[str, Any]) -> Label | None:
        given = []
        for column in self.columns:
            value = label_value(row.get(column), column)
            if value is None:
                return None
            if value.lower() not in FLAGS:
                raise DataError(f"column {column!r} holds {value[:40]!r}; a column for each label holds 0 or 1")
            given += [column] if FLAGS[value.lower()] else []
        return tuple(given)


def collection_of(text: str) -> list[Any] | None:
    """Read a tuple or a set that Python wrote as text, "('joy', 'fear')" or "{'joy'}"; None for another text."""
    if not text.startswith(("(", "{", "set(", "frozenset(")) or not text.endswith((")", "}")):
        return None
    try:
        values = ast.literal_eval(text.removeprefix("frozenset").removeprefix("set"))
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    return list(values) if isinstance(values, tuple | set | list) else None


def list_of(text: str, column: str) -> list[Any]:
    """Read a list written as text, of JSON, Python or numpy: '["joy"]', "['joy']", "[ 2 17]"."""
    for read in (json.loads, ast.literal_eval, lambda text: text[1:-1].split()):
        try:
            values = read(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        if isinstance(values, list):
            return values
    raise DataError(f'column {column!r} holds {text[:40]!r}, no list of labels; write ["a", "b"]')


ONE = LabelForm()
