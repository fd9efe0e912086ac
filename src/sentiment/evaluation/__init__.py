"""Metrics of a classifier on labelled texts, with bootstrap intervals and a baseline."""
