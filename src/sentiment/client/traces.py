"""The caller's trace, sent on with each request where the process traces with OpenTelemetry."""

import sys


def trace_headers() -> dict[str, str]:
    """Return the headers of the current span, as OTEL_PROPAGATORS says; none where nothing has loaded OpenTelemetry."""
    if "opentelemetry.trace" not in sys.modules:
        return {}
    from opentelemetry.propagate import inject

    headers: dict[str, str] = {}
    inject(headers)
    return headers
