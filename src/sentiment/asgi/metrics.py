"""Prometheus metrics of the worker, under the names that it has in TorchServe, on a port of their own."""

import ssl
from collections.abc import Sequence
from functools import cache

from prometheus_client import Counter, Gauge, Histogram, disable_created_metrics, start_http_server

from sentiment.worker.metrics import Metric, Series

KINDS: dict[str, type[Counter] | type[Gauge] | type[Histogram]] = {
    "counter": Counter, "gauge": Gauge, "histogram": Histogram,
}  # fmt: skip


class PrometheusSeries:
    def __init__(self, metric: Metric) -> None:
        self.series = KINDS[metric.kind](metric.name, metric.help, metric.labels)

    def add_or_update(self, value: float, labels: Sequence[str]) -> None:
        """Increase a counter, observe a value of a histogram, or set a gauge."""
        series = self.series.labels(*labels)
        if isinstance(series, Counter):
            series.inc(value)
        elif isinstance(series, Gauge):
            series.set(value)
        else:
            series.observe(value)


@cache
def make_series(metric: Metric) -> Series:
    """Return the series of a metric, which all models share."""
    return PrometheusSeries(metric)


SECONDS = 10  # that a client may be silent


def listen(host: str, port: int, *, certificate: str | None, key: str | None) -> None:
    """Serve the metrics, and those of the process, from a thread."""
    disable_created_metrics()  # type: ignore[no-untyped-call]
    server, _ = start_http_server(port, addr=host, certfile=certificate, keyfile=key)
    server.RequestHandlerClass.timeout = SECONDS  # type: ignore[attr-defined]
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a traceback for each client that is let go
    if isinstance(server.socket, ssl.SSLSocket):  # shake hands in each client's thread: one could stop all others
        server.socket.do_handshake_on_connect = False  # type: ignore[attr-defined]
