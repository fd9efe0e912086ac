"""An export folder made ready for the runtime that answers fastest and still as the model does."""

from sentiment.export.choose_runtime import Wanted, convert
from sentiment.export.command import export_run

__all__ = ["Wanted", "convert", "export_run"]
