"""Numbers that the labels of a scale spell."""

import re
from collections.abc import Iterable, Sequence
from math import isfinite

NUMBER = re.compile(  # and its unit, which is no further part of a number: 0,5 or 1,000, 1-2, 2024-01-31
    r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?![.,:'_-]?\s*\d)\s*(.*?)\s*", re.DOTALL
)


def ends_of_scale(labels: Sequence[str]) -> tuple[float, float]:
    """Return the lowest and the highest number of a scale: those of its labels, or the places of words from 0."""
    numbers = numbers_of(labels) or range(len(labels))
    return float(numbers[0]), float(numbers[-1])


def numbers_of(labels: Iterable[str]) -> list[float] | None:
    """Return the numbers that labels spell, as in -2 and 2, or 1 star and 5 stars; None unless all do, in one unit."""
    spelled = [NUMBER.fullmatch(label) for label in labels]
    found = [(float(match[1]), match[2].casefold().removesuffix("s")) for match in spelled if match]
    same = len(found) == len(spelled) and len({unit for _, unit in found}) == 1
    return [number for number, _ in found] if same and all(isfinite(number) for number, _ in found) else None
