"""Self-contained HTML report of a run (report.html), with its figures as SVG files."""

from sentiment.evaluation.report.page import write_report

__all__ = ["write_report"]
