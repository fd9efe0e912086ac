"""Formats of texts, numbers and intervals in the report."""

from sentiment.evaluation.bootstrap import Interval

SHOWN = 400  # characters shown of a text


def shorten(text: str) -> str:
    return text if len(text) <= SHOWN else text[:SHOWN].rstrip() + " …"


def span(interval: Interval | None) -> str:
    return "" if interval is None else "{:.3f} – {:.3f}".format(*interval)


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def percent_span(interval: Interval) -> str:
    low, high = interval
    return f"{100 * low:.1f} to {100 * high:.1f}"
