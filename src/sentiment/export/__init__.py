"""Preparation of an export folder for the fastest runtime that is faithful to the model."""

from sentiment.export.choose_runtime import convert
from sentiment.export.command import export_run

__all__ = ["convert", "export_run"]
