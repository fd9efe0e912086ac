"""Leaderboard of runs: a table of the settings that differ, with means over seeds."""

from sentiment.evaluation.leaderboard.command import sweep_report

__all__ = ["sweep_report"]
