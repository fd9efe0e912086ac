"""What the worker counts, through TorchServe's own metrics cache and the lines it writes."""

import re
import threading
from collections import defaultdict
from functools import partial
from typing import get_args

import pytest
import yaml
from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl

from sentiment.inference.types import Prediction, Unread
from sentiment.serving.settings import metrics_text
from sentiment.worker import metrics
from sentiment.worker.metrics import METRICS, SummedCounter, Telemetry, find_series

LINE = re.compile(
    r"\[METRICS\](\w+)\.\w+:([0-9.e-]+)\|#model_name:(\w+),model_version:1\.0(?:,(?:reason|label|score):([^,|]+))?\|"
)


def metrics_cache(folder):
    """The cache of a worker that was started with our table."""
    (folder / "metrics.yaml").write_text(metrics_text())
    made = MetricsCacheYamlImpl(str(folder / "metrics.yaml"))
    made.initialize_cache()
    return made


def told(caplog):
    """What this thread added to each metric, by name and reason; sums of an earlier test's handler come from timers."""
    sums = defaultdict(float)
    for record in caplog.records:
        if record.thread == threading.get_ident() and (found := LINE.search(record.message)):
            sums[found[1], found[4] or ""] += float(found[2])
    return {key: value for key, value in sums.items() if value}


def test_each_metric_is_declared_beside_torchserves_own():
    declared = yaml.safe_load(metrics_text())
    own = {(m["name"], kind) for kind, listed in declared["model_metrics"].items() for m in listed}
    assert {(metric.name, metric.kind) for metric in METRICS} <= own
    assert {"Requests5XX", "ts_inference_requests_total"} <= {m["name"] for m in declared["ts_metrics"]["counter"]}


def test_a_counter_of_torchserve_passes_on_sums_by_label_and_zeros_at_once(monkeypatch):
    passed, timers = [], []

    class Passed:
        def add_or_update(self, value, labels):
            passed.append((value, labels))

    def timer(seconds, work):
        timers.append(work)
        return threading.Thread(target=lambda: None)  # which the test runs in its place

    monkeypatch.setattr(metrics.threading, "Timer", timer)
    counter = SummedCounter(Passed())
    for label, value in (("good", 0), ("good", 1), ("bad", 2), ("good", 0.5)):
        counter.add_or_update(value, [label])
    assert (passed, len(timers)) == ([(0, ["good"])], 1)
    timers[0]()
    assert passed[1:] == [(1.5, ["good"]), (2, ["bad"])]
    counter.add_or_update(1, ["good"])
    assert len(timers) == 2


def test_every_series_is_there_before_its_first_event(tmp_path, caplog):
    with caplog.at_level("INFO"):
        Telemetry(partial(find_series, metrics_cache(tmp_path)), model="mood", version="1.0")
    zeros = {(found[1], found[3], found[4]) for message in caplog.messages if (found := LINE.search(message))}
    assert {("sentiment_texts_total", "mood", None), ("sentiment_rejected_total", "mood", "too_long")} <= zeros
    assert told(caplog) == {}


LEFT = ("sentiment_unreadable_total", "sentiment_abstained_total")


def test_labels_and_scores_are_counted_by_bounded_names(tmp_path, caplog):
    labels = ["good", "so: so, | #1", "bad"]
    made = Telemetry(partial(find_series, metrics_cache(tmp_path)), model="mood", version="1.0", labels=labels)
    zeros = {(found[1], found[4]) for message in caplog.messages if (found := LINE.search(message))}
    scores = [1.0, 0.95, 0.6, 0.3499]
    predictions = [
        Prediction(
            label,
            score,
            {},
            tokens=3,
            truncated=False,
            readable=score < 1,
            abstained=score < 0.5,
            reason=None if score < 1 else "language",
        )
        for label, score in zip([*labels, "of another model"], scores, strict=True)
    ]
    with caplog.at_level("INFO"):
        made.batch(predictions, rejected=[], explained=0, requests=1, seconds=0.5)
    counted = {key: value for key, value in told(caplog).items() if key[1] or key[0] in LEFT}
    assert counted == {
        ("sentiment_labels_total", "so so 1"): 1,
        ("sentiment_labels_total", "bad"): 1,
        ("sentiment_labels_total", "other"): 1,
        ("sentiment_scores_total", "0.9-1.0"): 1,
        ("sentiment_scores_total", "0.6-0.7"): 1,
        ("sentiment_scores_total", "0.3-0.4"): 1,
        ("sentiment_unreadable_total", "language"): 1,  # counted under no label
        ("sentiment_abstained_total", ""): 1,
    }
    assert not zeros or {("sentiment_unreadable_total", why) for why in get_args(Unread)} <= zeros
    assert not zeros or ("sentiment_scores_total", "0.0-0.1") in zeros


@pytest.mark.parametrize("texts", [0, 3])
def test_a_batch_adds_its_sums(tmp_path, caplog, texts):
    made = Telemetry(partial(find_series, metrics_cache(tmp_path)), model="mood", version="1.0")
    predictions = [Prediction("good", 1.0, {"good": 1.0}, tokens=5, truncated=i == 1) for i in range(texts)]
    with caplog.at_level("INFO"):
        made.batch(predictions, rejected=["busy", "not_json", "busy"], explained=2, requests=7, seconds=1e-5)
    expected = {
        ("sentiment_batch_requests", ""): 7,
        ("sentiment_batch_seconds", ""): 1e-5,
        ("sentiment_explained_total", ""): 2,
        ("sentiment_rejected_total", "busy"): 2,
        ("sentiment_rejected_total", "not_json"): 1,
    }
    if texts:
        expected |= {
            ("sentiment_texts_total", ""): 3,
            ("sentiment_tokens_total", ""): 15,
            ("sentiment_truncated_total", ""): 1,
            ("sentiment_labels_total", "other"): 3,
            ("sentiment_scores_total", "0.9-1.0"): 3,
        }
    assert told(caplog) == expected
