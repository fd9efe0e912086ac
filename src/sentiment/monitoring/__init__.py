"""Shares, changes and drift of many predictions: `sentiment monitor`."""
