"""Loading of labelled texts from files, folders or the hub, up to padded batches."""

from typing import Any

__all__ = ["SentimentData"]


def __getattr__(name: str) -> Any:
    """Import the data module when it is asked for: it takes seconds, and the reader of tables does without."""
    if name == "SentimentData":
        from sentiment.data.module import SentimentData

        return SentimentData
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
