"""Gauges of a model by which recording rules correct the shares of its labels and measure drift."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from sentiment.files import read_json_if_any
from sentiment.inference.export_dir import QUANTIFICATION
from sentiment.inference.scales import numbers_of
from sentiment.worker.metrics import (
    CORRECTION,
    ERROR,
    MULTIPLIER,
    REFERENCE_SCORES,
    REFERENCE_TOKENS,
    REFERENCE_UNREADABLE,
    SHRINKAGE,
    TRAINED,
    USUAL,
    VALUE,
    Metric,
    plain,
)

log = logging.getLogger(__name__)

MOST_LABELS = 20  # the correction has a series for each pair
NORMAL = 1.96  # standard deviations of a normal distribution in half a 95 % interval
Gauge = tuple[Metric, float, tuple[str, ...]]


def share_gauges(export: Path, labels: Sequence[str]) -> list[Gauge]:
    """Return the gauges of an export folder; none, with a reason in the log, if its shares cannot be corrected.

    Returns:
        Metric, value and label values of each.
    """
    known = read_json_if_any(export / QUANTIFICATION)
    names = [plain(label) for label in labels]
    if "several" in (known or {}):
        reason = "the model gives several labels a text, whose rules need a whole; sentiment monitor corrects them"
    elif known is None or not known.get("serving"):
        reason = (
            f"{QUANTIFICATION} is missing or older; make it with sentiment export run=RUN and package the run again"
        )
    elif known["labels"] != list(labels):
        reason = f"{QUANTIFICATION} is of a model with other labels"
    elif len(labels) > MOST_LABELS or len(set(names)) < len(names):
        reason = f"there are more than {MOST_LABELS} labels, or two with one name in Prometheus"
    else:
        return [*correction(known, names), *reference(known, names)]
    log.info("shares of labels are counted, not corrected: %s", reason)
    return []


def correction(known: dict[str, Any], names: Sequence[str]) -> Iterator[Gauge]:
    serving = known["serving"]
    for label, row in zip(names, serving["correction"], strict=True):
        for of, value in zip(names, row, strict=True):
            yield CORRECTION, value, (label, of)
    yield SHRINKAGE, serving["tau"] or 1.0, (serving["statistic"],)  # without a correction, whatever is mixed is equal
    spread = serving["interval"] or {}
    yield MULTIPLIER, spread.get("multiplier", NORMAL), ()
    for part in ("text", "group"):
        for label, value in zip(names, spread.get(part, [0.0] * len(names)), strict=True):
            yield ERROR, value, (label, part)
    for label, value in zip(names, known["usual"], strict=True):
        yield USUAL, value, (label,)


def reference(known: dict[str, Any], names: Sequence[str]) -> Iterator[Gauge]:
    for label, value in zip(names, known["prior"], strict=True):
        yield TRAINED, value, (label,)
    own = known["reference"]
    for score, value in own["scores"].items():
        yield REFERENCE_SCORES, value, (score,)
    if own["tokens"]:
        yield REFERENCE_TOKENS, own["tokens"], ()
    yield REFERENCE_UNREADABLE, own["unreadable"], ()
    for label, value in zip(names, numbers_of(names) or (), strict=False):
        yield VALUE, value, (label,)
