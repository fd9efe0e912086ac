"""Scores of a classifier on labelled texts, with intervals and the baseline beside them."""
