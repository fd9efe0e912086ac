"""Columns and records of a file that was predicted before."""

from typing import Any

from sentiment.batch.source import Source
from sentiment.data.tables import MANIFEST
from sentiment.files import read_json_if_any
from sentiment.inference.wording import REASON
from sentiment.remote import as_path


def reason_of(source: Source, prefix: str) -> str | None:
    """Return the column that says why a text cannot be read; None in a file of an earlier version."""
    return name if (name := f"{prefix}{REASON}") in source.columns else None


def summary_of(source: Source, part: str) -> dict[str, Any]:
    """Return a part of the summary beside a predicted file; empty if there is none."""
    path = source.paths[0]
    found = read_json_if_any(path.with_name(f"{path.name}.summary.json")) or read_json_if_any(path.parent / MANIFEST)
    return dict((found or {}).get(part) or {})


def aspect_of(source: Source) -> str | None:
    """Return the aspect column that a file was predicted with."""
    return summary_of(source, "settings").get("aspect_column")


def run_of(source: Source) -> str:
    """Return the run that the summary beside a predicted file names, if it is still there; else an empty string."""
    found = summary_of(source, "model").get("run")
    return str(found) if found and as_path(found).is_dir() else ""
