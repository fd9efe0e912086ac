"""A part of a batch job: what is counted of its rows, and the marker that commits it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sentiment.batch.cells import Changes, from_json, to_json

LEFT = ("unreadable", "abstained")  # counts of rows without a prediction
COPIED = ("rows", "bytes", "sha256", "labels", *LEFT, "layers", "unread", "schema")  # as they are, into the marker
Rejects = Sequence[tuple[int, str]]  # row number from 1, and the reason


@dataclass(frozen=True, slots=True)
class Part:
    rows: int
    rejected: int = 0
    labels: dict[str, int] = field(default_factory=dict)  # rows by predicted label
    unreadable: int = 0  # rows whose text the model cannot read
    abstained: int = 0  # rows left to a person, unreadable ones included
    layers: dict[str, int] = field(default_factory=dict)  # rows by how many layers computed them, with early exits
    unread: dict[str, int] = field(default_factory=dict)  # unreadable rows by reason
    changes: Changes = field(default_factory=Counter)  # values that were changed to fit the format
    bytes: int = 0
    sha256: str = ""
    schema: str = ""  # hash of the types of the columns, for Parquet

    def marker(self, job: str, rejects: Rejects) -> dict[str, Any]:
        """Return the JSON that commits the part for a job, named by its hash."""
        own = {name: getattr(self, name) for name in COPIED}
        return {"job": job, **own, "rejects": rejects, "changes": to_json(self.changes)}

    @classmethod
    def of_marker(cls, marker: Mapping[str, Any]) -> "Part":
        own = {name: marker[name] for name in COPIED}
        return cls(rejected=len(marker["rejects"]), changes=from_json(marker["changes"]), **own)


MARKED = {*COPIED, "rejects", "changes"}  # keys of a marker, beside its job
