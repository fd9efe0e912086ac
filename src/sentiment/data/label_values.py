"""Labels by what they spell: file formats write one number or boolean in several ways."""

import re
from collections.abc import Callable, Sequence
from math import isfinite

DECIMALS = re.compile(r"([+-]?\d+)\.(\d*?)0*")  # of a number, the digits that say something apart from zeros


def plain_name(label: str) -> str:
    """Return a label without the zeros that a format of numbers adds: 1 for 1.0, 1.5 for 1.50; others as they are."""
    match = DECIMALS.fullmatch(label)
    if match is None:
        return label
    whole, decimals = match.groups()
    return f"{whole}.{decimals}" if decimals else whole if int(whole) else "0"


def meaning(label: str) -> object:
    """Return the number or the boolean that a label spells, else the label itself."""
    if label.lower() in ("true", "false"):
        return label.lower()
    try:
        number = float(label)
    except ValueError:
        return label
    return number if isfinite(number) and "_" not in label else label


def finder(labels: Sequence[str]) -> Callable[[str], str | None]:
    """Return a function that finds a name among the labels, as it is written or else by its meaning; None without."""
    own, same = set(labels), {meaning(label): label for label in reversed(labels)}
    return lambda name: name if name in own else same.get(meaning(name))
