"""Propagation of the caller's OpenTelemetry trace context with each request."""

import sys


def trace_headers() -> dict[str, str]:
    """Return the current span's headers, in the formats of OTEL_PROPAGATORS; empty unless OpenTelemetry is loaded."""
    if "opentelemetry.trace" not in sys.modules:
        return {}
    from opentelemetry.propagate import inject

    headers: dict[str, str] = {}
    inject(headers)
    return headers
