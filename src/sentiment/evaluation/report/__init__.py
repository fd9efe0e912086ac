"""Self-contained HTML report of a run (report.html), with its figures as SVG files."""
