"""Shares, changes and drift of many predictions: `sentiment monitor`."""

from sentiment.monitoring.command import monitor

__all__ = ["monitor"]
