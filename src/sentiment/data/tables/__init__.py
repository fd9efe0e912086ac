"""Strict table reader shared by training, evaluation, prediction, the golden set and the web page."""

from sentiment.data.tables.columns import (
    LABEL_COLUMNS,
    TEXT_COLUMNS,
    find_named,
    label_column,
    text_column,
    usual_label,
    usual_text,
)
from sentiment.data.tables.formats import STDIN, Format, base_name, format_of, is_table, not_a_file
from sentiment.data.tables.lines import read_lines
from sentiment.data.tables.options import Limits, Quoting, TableOptions
from sentiment.data.tables.partitions import MANIFEST, PART, expanded, is_partitioned, is_visible
from sentiment.data.tables.rows import Broken, BrokenRow, Row
from sentiment.data.tables.table import Table, announce, open_table
from sentiment.data.tables.text_guess import likely_text
from sentiment.data.tables.values import aspect_value, label_value, text_value

__all__ = [
    "LABEL_COLUMNS",
    "MANIFEST",
    "PART",
    "STDIN",
    "TEXT_COLUMNS",
    "Broken",
    "BrokenRow",
    "Format",
    "Limits",
    "Quoting",
    "Row",
    "Table",
    "TableOptions",
    "announce",
    "aspect_value",
    "base_name",
    "expanded",
    "format_of",
    "is_partitioned",
    "is_table",
    "is_visible",
    "label_column",
    "label_value",
    "likely_text",
    "find_named",
    "not_a_file",
    "open_table",
    "read_lines",
    "text_column",
    "text_value",
    "usual_label",
    "usual_text",
]
