"""Raw labelled texts to cleaned CSV files of train, validation and test, with a short report."""

import csv
import logging
from collections import Counter
from pathlib import Path
from typing import Any

from sentiment.data import SentimentData
from sentiment.data.splits import Split
from sentiment.files import replacing, write_json

log = logging.getLogger(__name__)


def preprocess(*, data: SentimentData, into: Path) -> dict[str, Any]:
    """Write `into`/{train,validation,test}.csv and `into`/report.json; returns the report."""
    clean = data.preprocessing.cleaning
    splits = {name: Split([*map(clean, split.texts)], split.labels) for name, split in data.read().items()}
    report = {name: describe(split) for name, split in splits.items()}
    for name, split in splits.items():
        write_split(split, Path(into) / f"{name}.csv")
        counts = ", ".join(f"{count} {label}" for label, count in report[name]["labels"].items())
        log.info("%-10s %6d rows (%s) to %s", name, len(split), counts, Path(into) / f"{name}.csv")
    write_json(Path(into) / "report.json", report)
    return report


def describe(split: Split) -> dict[str, Any]:
    lengths = sorted(len(text.split()) for text in split.texts)
    return {
        "rows": len(split),
        "labels": dict(sorted(Counter(split.labels).items())),
        "duplicates": len(split) - len(set(split.texts)),
        "words": {"shortest": lengths[0], "median": lengths[len(lengths) // 2], "longest": lengths[-1]},
        "sha256": split.fingerprint(),
    }


def write_split(split: Split, target: Path) -> None:
    with replacing(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "label"])
        writer.writerows(zip(split.texts, split.labels, strict=True))
