"""reference/metrics.md: the scores of evaluation and the Prometheus metrics of a server, from their records."""

from typing import get_args

from sentiment.errors import Reason
from sentiment.evaluation.metrics import METRICS
from sentiment.worker import metrics as worker

PAGE = """\
# Metrics

Made from the records in `sentiment.evaluation.metrics` and `sentiment.worker.metrics`.

## Scores of a run

In `metrics.json`, for validation and test, with a 95 % interval each in `intervals.json`. `optimized_metric=` takes a
name of the first column. Precision and recall are one number
for each label, as in `recall/negative`.

| name | title | meaning | better |
|---|---|---|---|
{scores}

## Prometheus metrics of a server

`GET :8082/metrics` answers without a token in Prometheus' format. Beside TorchServe's own metrics it has these of each
model and version, with the labels {labels}:

| metric | type | meaning | further labels |
|---|---|---|---|
{served}

`reason` is one of {reasons}.
`busy` is the 503 of a worker. `unreadable` means that cleaning or tokenizing failed on the text, `internal` that the
model did.

TorchServe fixes the buckets of the histograms, 0.005 to 10. The wait before a batch is in its
`ts_queue_latency_microseconds`. Requests that find its queue full never reach a worker and are
counted in `Requests5XX` alone. `ts_inference_requests_total` and its latencies have `model_version="default"` if a
request names no version.

The gauges are set once, as a worker starts, from the export's `quantification.json`; a model with several labels for a
text, more than 20 labels or an older export has none. `deploy/prometheus` has a configuration with alerts and the rules
that make [corrected shares](../how-to/monitor.md#shares-of-a-running-server) of them, `deploy/grafana` a dashboard with
its provisioning; the tests send each of their queries to the real server.
"""


def render() -> str:
    scores = [
        f"| `{metric.name}` | {metric.title} | {metric.meaning} | {'higher' if metric.higher_is_better else 'lower'} |"
        for metric in METRICS
    ]
    served = [
        f"| `{metric.name}` | {metric.kind} | {metric.help} | {names(metric.labels[len(worker.LABELS) :])} |"
        for metric in worker.METRICS
    ]
    return PAGE.format(
        scores="\n".join(scores),
        served="\n".join(served),
        labels=names(worker.LABELS),
        reasons=names(get_args(Reason)),
    )


def names(values: tuple[str, ...]) -> str:
    return ", ".join(f"`{value}`" for value in values)
