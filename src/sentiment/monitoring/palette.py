"""The colours and dashes of labels, the same on all charts."""

from collections.abc import Sequence

USUAL = {"negative": 1, "neutral": 5, "positive": 0}  # colours of usual labels; others in order
DASHES = ("", "6 3", "2 3", "8 3 2 3", "1 2", "10 4")


def colours(labels: Sequence[str]) -> list[int]:
    """Return the number of the page's series colour for each label, the same on all charts."""
    if all(label.lower() in USUAL for label in labels):
        return [USUAL[label.lower()] for label in labels]
    return [i % len(DASHES) for i in range(len(labels))]
