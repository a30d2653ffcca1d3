"""Traces, for OpenTelemetry; the one door to its libraries.

FastAPI makes the spans. They are sent where the environment says, in the manner that every program
with OpenTelemetry follows (OTEL_EXPORTER_OTLP_ENDPOINT and the like), and only where it says so and
the extra `otel` is installed. Metrics and logs are not sent: they have ways of their own.

Spec: docs/formats/registry-protocol.md section 10.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_SERVICE = "signkit-registry"
_log = logging.getLogger(__name__)


def configure_tracing() -> TelemetryConfig:
    """Return what FastAPI is to trace, and to where."""
    provider = None
    if any(os.environ.get(name) for name in _ENDPOINTS):
        provider = _make_provider()
    return {
        "tracer_provider": provider,
        "tracing": provider is not None,
        "operation_spans": provider is not None,
        # An exception's message may hold what must not leave; the log blots it out, this would not.
        "logs": False,
        "metrics": False,
        "auto_configure": False,
    }


def trace_of_request() -> str | None:
    """Return the id of the trace that the current request belongs to, 32 hex digits, or None."""
    found = trace.get_current_span().get_span_context()
    return trace.format_trace_id(found.trace_id) if found.is_valid else None


def _make_provider() -> TracerProvider | None:
    try:
        from signkit.registry.tracing_export import make_provider
    except ImportError:
        _log.warning("the environment asks for traces: install the extra, signkit[otel]")
        return None
    return make_provider(_SERVICE)
