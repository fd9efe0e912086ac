"""report.html: one self-contained page about a run, and its figures as SVG files."""

from sentiment.evaluation.report.page import write_report

__all__ = ["write_report"]
