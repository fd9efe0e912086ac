"""Prometheus metrics of a worker. TorchServe drops undeclared metrics, so its configuration is made from this table."""

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, get_args

from sentiment.errors import Reason
from sentiment.inference.types import Prediction, Unread, names_of

LABELS = ("model_name", "model_version")  # labels of every metric; TorchServe adds Hostname


@dataclass(frozen=True, slots=True)
class Metric:
    name: str
    kind: Literal["counter", "histogram", "gauge"]  # TorchServe fixes the histogram buckets, 0.005 to 10
    unit: str
    help: str  # one clause for the reference page
    labels: tuple[str, ...] = LABELS


TEXTS = Metric("sentiment_texts_total", "counter", "texts", "texts scored, but for those of `sentiment ready`")
TOKENS = Metric("sentiment_tokens_total", "counter", "tokens", "tokens read by the model")
TRUNCATED = Metric("sentiment_truncated_total", "counter", "texts", "texts of which the model read only a part")
EXPLAINED = Metric("sentiment_explained_total", "counter", "texts", "texts explained")
REJECTED = Metric(
    "sentiment_rejected_total",
    "counter",
    "requests",
    "requests that the handler rejected, by reason",
    (*LABELS, "reason"),
)
LABELLED = Metric("sentiment_labels_total", "counter", "texts", "texts by predicted label", (*LABELS, "label"))
SCORES = Metric(
    "sentiment_scores_total", "counter", "texts", 'texts by score, in bins such as "0.9-1.0"', (*LABELS, "score")
)
PROBABILITIES = Metric(
    "sentiment_probability_total",
    "counter",
    "texts",
    "sum of the predicted probabilities of a label; of labels that exclude each other",
    (*LABELS, "label"),
)
UNREADABLE = Metric(
    "sentiment_unreadable_total",
    "counter",
    "texts",
    "texts of which the model cannot read more than half, by why: script, spelling, language or nothing",
    (*LABELS, "reason"),
)
ABSTAINED = Metric(
    "sentiment_abstained_total", "counter", "texts", "texts left to a person, to keep a promised error rate"
)
BATCH_REQUESTS = Metric("sentiment_batch_requests", "histogram", "requests", "requests in a dynamic batch")
BATCH_SECONDS = Metric(
    "sentiment_batch_seconds", "histogram", "seconds", "time of a batch in the worker, without the queue"
)
BY_LABEL = (*LABELS, "label")
CORRECTION = Metric(
    "sentiment_share_correction",
    "gauge",
    "share",
    "part of the observed share of the label `of` that counts for `label`: the inverse of the mean probabilities for "
    "each true label, or 1 and 0 where nothing is corrected",
    (*BY_LABEL, "of"),
)
SHRINKAGE = Metric(
    "sentiment_share_shrinkage",
    "gauge",
    "variance",
    "variance of shares at which half of a shift is corrected; `statistic`: the observed share is the mean "
    "`probability`, or the `counts` of predicted labels",
    (*LABELS, "statistic"),
)
USUAL = Metric("sentiment_share_usual", "gauge", "share", "mean probability of a label on validation", BY_LABEL)
ERROR = Metric(
    "sentiment_share_error",
    "gauge",
    "variance",
    "error variance of a corrected share: `part` is `text`, to be divided by the texts, or `group`, which stays",
    (*BY_LABEL, "part"),
)
MULTIPLIER = Metric("sentiment_share_multiplier", "gauge", "deviations", "standard deviations in half a 95 % interval")
VALUE = Metric("sentiment_label_value", "gauge", "value", "the number that a label is, such as -2", BY_LABEL)
TRAINED = Metric("sentiment_reference_share", "gauge", "share", "share of a label in the training texts", BY_LABEL)
REFERENCE_SCORES = Metric(
    "sentiment_reference_scores",
    "gauge",
    "share",
    "share of the validation texts with a score in a bin",
    (*LABELS, "score"),
)
REFERENCE_TOKENS = Metric("sentiment_reference_tokens", "gauge", "tokens", "mean tokens read of a validation text")
REFERENCE_UNREADABLE = Metric(
    "sentiment_reference_unreadable", "gauge", "share", "share of the validation texts that the model cannot read"
)
METRICS = (
    TEXTS, TOKENS, TRUNCATED, LABELLED, PROBABILITIES, SCORES, UNREADABLE, ABSTAINED, EXPLAINED, REJECTED,
    BATCH_REQUESTS, BATCH_SECONDS, CORRECTION, SHRINKAGE, USUAL, ERROR, MULTIPLIER, VALUE, TRAINED, REFERENCE_SCORES,
    REFERENCE_TOKENS, REFERENCE_UNREADABLE,
)  # fmt: skip
BINS = 10  # score bins as counters: TorchServe histograms have buckets for seconds and log every observation

SUM_SECONDS = 1.0  # in which a counter of TorchServe sums up


class Series(Protocol):
    def add_or_update(self, value: float, labels: Sequence[str]) -> None:
        """Increase a counter, observe a value of a histogram, or set a gauge."""
        ...


class Telemetry:
    """Metrics of one model.

    It receives counts and reasons but never a text, because TorchServe passes metrics through the logs.
    """

    def __init__(
        self,
        make: Callable[[Metric], Series],
        *,
        model: str,
        version: str,
        labels: Sequence[str] = (),
        several: bool = False,
    ) -> None:
        """Create all series of events with value 0."""
        self._made = {metric: make(metric) for metric in METRICS}
        self._own = [model, version]
        for metric in (TEXTS, TOKENS, TRUNCATED, ABSTAINED, EXPLAINED):
            self.add(metric, 0)  # a series must exist before its first event, or rate() misses that event
        for reason in get_args(Reason):
            self.add(REJECTED, 0, reason)
        for reason in get_args(Unread):
            self.add(UNREADABLE, 0, reason)
        self._names = {label: plain(label) for label in labels}
        self._several = several
        for name in self._names.values():
            self.add(LABELLED, 0, name)
            if not several:
                self.add(PROBABILITIES, 0, name)
        for number in range(BINS):
            self.add(SCORES, 0, bin_of((number + 0.5) / BINS))

    def add(self, metric: Metric, value: float, *labels: str) -> None:
        """Increase a counter, observe a histogram value or set a gauge; `labels` are the label values after LABELS."""
        self._made[metric].add_or_update(value, [*self._own, *labels])

    def batch(
        self,
        predictions: Sequence[Prediction],
        *,
        rejected: Iterable[Reason],
        explained: int,
        requests: int,
        seconds: float,
    ) -> None:
        """Record one dynamic batch."""
        self.add(BATCH_REQUESTS, requests)
        self.add(BATCH_SECONDS, round(seconds, 6))
        counts = {
            TEXTS: len(predictions),
            TOKENS: sum(prediction.tokens or 0 for prediction in predictions),
            TRUNCATED: sum(bool(prediction.truncated) for prediction in predictions),
            ABSTAINED: sum(bool(prediction.abstained) for prediction in predictions),
            EXPLAINED: explained,
        }
        for metric in (metric for metric, count in counts.items() if count):  # each is a line for the frontend to parse
            self.add(metric, counts[metric])
        for reason, count in Counter(rejected).items():
            self.add(REJECTED, count, reason)
        for why, count in Counter(one.reason or "unknown" for one in predictions if one.readable is False).items():
            self.add(UNREADABLE, count, why)
        read = [prediction for prediction in predictions if prediction.readable is not False]
        for label, count in Counter(name for prediction in read for name in names_of(prediction.answer)).items():
            self.add(LABELLED, count, self._names.get(label, "other"))
        if not self._several:
            for label, name in self._names.items():
                if total := sum(prediction.probabilities.get(label, 0.0) for prediction in read):
                    self.add(PROBABILITIES, round(total, 6), name)
        for score, count in Counter(bin_of(prediction.score) for prediction in read).items():
            self.add(SCORES, count, score)


def bin_of(score: float) -> str:
    """Return the name of a score's bin, e.g. "0.9-1.0"."""
    low = min(int(score * BINS), BINS - 1)
    return f"{low / BINS:.1f}-{(low + 1) / BINS:.1f}"


def plain(label: str) -> str:
    """Sanitize a label for Prometheus: separators of TorchServe's metric lines become spaces."""
    return re.sub(r"[\s,:|#\"\\]+", " ", label).strip()[:80] or "other"


class SummedCounter:
    """A counter of TorchServe that passes on its sum once a second: each time is a line of a log that Java parses."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._lock = threading.Lock()
        self._sums: dict[tuple[str, ...], float] = {}

    def add_or_update(self, value: float, labels: Sequence[str]) -> None:
        """Add to a sum; 0, which makes a series, is passed on at once."""
        if not value:
            self._series.add_or_update(value, labels)
            return
        with self._lock:
            if not self._sums:
                timer = threading.Timer(SUM_SECONDS, self.pass_on)
                timer.daemon = True
                timer.start()
            self._sums[tuple(labels)] = self._sums.get(tuple(labels), 0) + value

    def pass_on(self) -> None:
        with self._lock:
            sums, self._sums = self._sums, {}
        for labels, value in sums.items():
            self._series.add_or_update(round(value, 6), [*labels])


def find_series(cache: Any, metric: Metric) -> Series:
    """Return TorchServe's object for a metric; create it if the server was started without this table."""
    from ts.metrics.metric_cache_errors import MetricsCacheKeyError
    from ts.metrics.metric_type_enum import MetricTypes

    kind = MetricTypes(metric.kind)
    try:
        series: Series = cache.get_metric(metric.name, kind)
    except MetricsCacheKeyError:
        series = cache.add_metric_to_cache(metric.name, metric.unit, list(metric.labels), kind)
    return series


def summed_series(cache: Any, metric: Metric) -> Series:
    """Return TorchServe's object for a metric, as `find_series` does; that of a counter behind a sum."""
    series = find_series(cache, metric)
    return SummedCounter(series) if metric.kind == "counter" else series
