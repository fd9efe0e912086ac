"""Labelled texts from files, folders or the hub to padded batches."""

from sentiment.data.module import SentimentData

__all__ = ["SentimentData"]
