"""Export of the cleaned splits as CSV files, with a data quality report."""

import logging
from itertools import chain
from pathlib import Path

from sentiment.data.csv_output import write_csv
from sentiment.data.module import SentimentData
from sentiment.data.quality import DataReport
from sentiment.data.splits import Split, row_named
from sentiment.files import write_json
from sentiment.inference.types import join_labels
from sentiment.inference.word_pieces import clean, clean_aspects

log = logging.getLogger(__name__)


def preprocess(*, data: SentimentData, into: Path) -> DataReport:
    """Write `into`/{train,validation,test}.csv and `into`/report.json, and return the report."""
    data.setup()
    for name, split in data.splits.items():
        with row_named(name):
            texts = clean(split.texts, data.preprocessing.cleaning)
            aspects = clean_aspects(split.aspects or [], data.preprocessing.cleaning)
        cleaned = Split(texts, [*map(join_labels, split.labels)], None if split.aspects is None else aspects)
        write_split(cleaned, Path(into) / f"{name}.csv")
        counts = ", ".join(f"{count} {label}" for label, count in data.report.splits[name].labels.items())
        log.info("%-10s %6d rows (%s) to %s", name, len(split), counts, Path(into) / f"{name}.csv")
    write_json(Path(into) / "report.json", data.report.to_json())
    return data.report


def write_split(split: Split, target: Path) -> None:
    names, columns = ["text", "label"], [split.texts, split.labels]
    if split.aspects is not None:
        names, columns = ["text", "aspect", "label"], [split.texts, split.aspects, split.labels]
    write_csv(target, chain([names], zip(*columns, strict=True)))
