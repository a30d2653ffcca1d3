"""Sends spans, where the extra `otel` is installed; without it this module cannot be imported."""

from __future__ import annotations

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

_QUERY = "url.query"


class _WithoutQuery(SpanProcessor):
    """Takes the query out of every span: that of a presigned URL opens what it names."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:  # noqa: ARG002
        """Look at a span as it begins."""
        if span.attributes and _QUERY in span.attributes:
            span.set_attribute(_QUERY, "[removed]")


def make_provider(service: str) -> TracerProvider:
    """Return what spans are made with, and sent from in a thread of its own.

    Args:
        service: The name under which they are shown, unless OTEL_SERVICE_NAME says another.
    """
    said = OTELResourceDetector().detect().attributes
    provider = TracerProvider(resource=Resource.create({"service.name": service, **said}))
    provider.add_span_processor(_WithoutQuery())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider
