"""Sweepers, launcher and pruning for Hydra: trials in the folders of a sweep, none of them run twice."""
