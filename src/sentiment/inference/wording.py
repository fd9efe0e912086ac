"""Counts in words, and why texts cannot be read, as files and messages tell it."""

from collections.abc import Mapping

REASON = "unreadable_reason"  # column of a batch job, and counts in its summary
REASONS = {  # after their number
    "script": "in another script or unknown signs",
    "spelling": "spelled like no known word",
    "language": "in another language",
    "nothing": "without words",
}


def count(number: int, noun: str) -> str:
    """Return a number with what it counts: "1 row", "1,200 rows"."""
    return f"{number:,} {noun}{'s' * (number != 1)}"


def list_reasons(counts: Mapping[str, int]) -> str:
    """Return why texts cannot be read, the most frequent reason first: "3 in another language, 1 without words".

    The key "" counts texts of an unknown reason, which are named beside known ones.
    """
    known = sorted((why for why in REASONS if counts.get(why)), key=lambda why: -counts[why])
    rest = [f"{counts['']:,} for a reason that is not recorded"] if known and counts.get("") else []
    return ", ".join([*(f"{counts[why]:,} {REASONS[why]}" for why in known), *rest])
