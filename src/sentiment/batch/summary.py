"""Files beside an output: <output>.summary.json (provenance and counts) and <output>.rejects.csv (unscored rows)."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from sentiment.batch.cells import Changes, guard, to_json
from sentiment.batch.identity import versions
from sentiment.batch.inputs import Inputs
from sentiment.batch.part import LEFT, Part
from sentiment.data.csv_output import write_csv
from sentiment.files import read_json
from sentiment.inference.types import Identity
from sentiment.inference.wording import REASON
from sentiment.remote import as_path, remove_files

RUN_SUMMARY = "run_summary.json"


@dataclass(frozen=True, slots=True)
class Clock:
    """Start time of a job, as wall-clock time and on the monotonic clock."""

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    at: float = field(default_factory=time.monotonic)

    def counts(self, rows: int, before: int) -> dict[str, Any]:
        """Return the times and the throughput of this run; `before` rows were finished by earlier runs of the job."""
        seconds = time.monotonic() - self.at
        return {
            "rows_done_before": before,
            "started": self.started.isoformat(timespec="seconds"),
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            "seconds": round(seconds, 1),
            "rows_per_second": round((rows - before) / max(seconds, 1e-9), 1),
        }


def summary(
    output: Mapping[str, Any],
    inputs: Inputs,
    settings: Mapping[str, Any],
    model: Identity,
    labels: Sequence[str],
    parts: Sequence[Part],
    changes: Changes,
) -> dict[str, Any]:
    several = settings.get("several", False)
    rows, rejected, counts = sum(p.rows for p in parts), sum(p.rejected for p in parts), Counter[str]()
    left = {name: sum(getattr(part, name) for part in parts) for name in LEFT}
    layers, unread = Counter[str](), Counter[str]()
    for part in parts:
        counts.update(part.labels)
        unread.update(part.unread)
        layers.update(part.layers)
    whole = rows - rejected - sum(left.values()) if several else counts.total()  # a text may have several, or none
    return {
        "output": dict(output),
        "input": inputs.to_json(),
        "model": {**model.deciding, **model.details, "backbone": backbone_of(model)},
        "settings": dict(settings),
        "versions": versions(),
        "rows": rows,
        "predicted": rows - rejected,
        "rejected": rejected,
        **left,
        **({REASON: dict(unread)} if unread else {}),
        **({"layers": dict(sorted(layers.items(), key=lambda item: int(item[0])))} if layers else {}),
        "labels": {label: counts[label] for label in labels},
        "shares": {label: round(counts[label] / max(1, whole), 6) for label in labels},
        "changed_values": to_json(changes),
    }


def backbone_of(model: Identity) -> str | None:
    """Return the pretrained model that the run started from; None if its run folder is not available."""
    run = as_path(str(model.details.get("run") or "-"))
    for path in (run / RUN_SUMMARY, run.parent / RUN_SUMMARY):  # `run` is a run folder or its export folder
        if path.is_file():
            found = read_json(path).get("backbone")
            return None if found is None else str(found)
    return None


def write_rejects(rejects: Iterable[tuple[int, str]], path: Path, *, safe: bool = False) -> None:
    """Write row number and reason of each reject, `safe` for spreadsheets; without any, delete an earlier file."""
    listed = iter(rejects)
    first = next(listed, None)
    if first is None:
        remove_files([path])
        return
    write_csv(path, chain([("row", "reason")], guarded(chain([first], listed), safe=safe)))


def guarded(rejects: Iterable[tuple[int, str]], *, safe: bool) -> Iterator[tuple[int, str]]:
    for row, reason in rejects:
        yield row, guard(reason) if safe else reason
