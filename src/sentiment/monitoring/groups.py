"""Groups of texts: the values of one column, or of several columns together."""

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import Any

from sentiment.errors import ConfigError

ALL = "all"
EMPTY = "(none)"
LONGEST = 80  # characters of a value
DOT = "·"
BETWEEN = f" {DOT} "  # values of several columns; a dot within a value is doubled, so that names can be split again

DRAWN = re.compile("[\ufe0e\ufe0f]")  # variation selectors: as text, as a picture


def columns_of(by: str | Sequence[str] | None) -> tuple[str, ...]:
    """Return the columns that `by` names, one or several; none for None.

    Raises:
        ConfigError: A name is no text, or stands twice.
    """
    names = (by,) if isinstance(by, str) else tuple(by or ())
    if not all(isinstance(name, str) and name and names.count(name) == 1 for name in names):
        raise ConfigError(f"by=[{','.join(map(str, names))}]: expected the name of a column, or several once each")
    return names


def group_of(row: Mapping[str, Any], by: Sequence[str]) -> str:
    """Return the name of a row's group."""
    if not by:
        return ALL
    values = [EMPTY if (value := row.get(name)) is None else clipped(str(value)) for name in by]
    return values[0] if len(values) == 1 else BETWEEN.join(value.replace(DOT, 2 * DOT) for value in values)


@lru_cache(maxsize=1024)
def clipped(value: str) -> str:
    text = unicodedata.normalize("NFC", " ".join(value.split()))
    if len(text) > LONGEST:  # the hash keeps groups apart that begin alike
        return f"{text[: LONGEST - 10]}… {hashlib.sha256(text.encode()).hexdigest()[:8]}"
    return text or EMPTY


def values_of(group: str, by: Sequence[str]) -> dict[str, str]:
    """Return the value of each of several columns in the name of a group; nothing for one column, or all groups."""
    return dict(zip(by, split(group, len(by)), strict=False))


def split(group: str, count: int) -> list[str]:
    """Return the values of `count` columns in the name of a group; nothing for one column, or all groups."""
    values = group.split(BETWEEN)
    return [value.replace(2 * DOT, DOT) for value in values] if 1 < count == len(values) else []


def cells_of(group: str, by: Sequence[str], taken: Collection[str]) -> dict[str, str | None]:
    """Return the cells of a group in a table: its name and, where several columns make it, the value of each.

    Those of all groups together are empty. A column with a name that is taken is by_<column>.
    """
    cells: dict[str, str | None] = {"group": group}
    for name, value in zip_longest(by if len(by) > 1 else (), split(group, len(by))):
        while name in taken or name in cells:
            name = f"by_{name}"
        cells[name] = value
    return cells


def alike(names: Collection[str]) -> list[list[str]]:
    """Return the names that differ in capitals, or in how an emoji is drawn, alone."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(DRAWN.sub("", name).casefold(), []).append(name)
    return [own for own in found.values() if len(own) > 1]
