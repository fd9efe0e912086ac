"""Suspected label errors of a run's data, by confident learning on out-of-fold probabilities."""
