"""OpenTelemetry traces, where an OTLP endpoint is named; else nothing of it is even imported.

A span is one batch of one agent.  Its context travels in the header `traceparent` of every record that the
batch sends, so a trace leads from a source's record over all stages to the alert and its delivery.  A batch
whose records come from several traces begins one of its own, with links to theirs (OpenTelemetry's
conventions for messaging).  Attributes hold names and counts: no prompt text, and no words of an error.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from app.errors import SettingsError

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PARENT = ("traceparent", "tracestate")
MOST_LINKS = 64


class Carrying(Protocol):
    """The part of a record that is looked at."""

    @property
    def topic(self) -> str:
        """Full name."""
        ...

    @property
    def headers(self) -> dict[str, bytes]:
        """By name."""
        ...


class Tracing:
    """Spans of batches; without a `tracer` every method does nothing."""

    def __init__(self, tracer: Any = None) -> None:  # noqa: ANN401  of opentelemetry, which may not be there
        self._tracer = tracer

    @contextmanager
    def batch(self, agent: str, records: Sequence[Carrying]) -> Iterator[None]:
        """The span of processing some records; an empty batch has none."""
        if self._tracer is None or not records:
            yield
            return
        from opentelemetry.trace import Link, SpanKind, Status, StatusCode

        contexts = _contexts(records)
        alone = len(contexts) == 1
        with self._tracer.start_as_current_span(
            f"{agent} process",
            context=_parent(contexts[0]) if alone else _parent(None),
            kind=SpanKind.CONSUMER,
            links=[] if alone else [Link(each) for each in contexts[:MOST_LINKS]],
            attributes=_attributes(agent, records),
            record_exception=False,  # its words may be somebody's prompt
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                raise

    def carried(self) -> Mapping[str, bytes]:
        """Headers that say which span a record comes from; none outside a batch."""
        if self._tracer is None:
            return {}
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier)
        return {name: value.encode() for name, value in carrier.items()}


OFF = Tracing()
current = OFF  # of this process: set once, at its start


def start(name: str, environment: Mapping[str, str] = os.environ) -> None:
    """Trace this process from now on, if that is wanted."""
    global current
    current = configured(name, environment)


def configured(name: str, environment: Mapping[str, str] = os.environ) -> Tracing:
    """As OpenTelemetry's own variables say; off where they name no endpoint.

    Raises: SettingsError where they do and the extra `otel` is not installed.
    """
    wanted = any(environment.get(each) for each in ENDPOINTS)
    if not wanted or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return OFF
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise SettingsError(
            f"{ENDPOINTS[0]}: traces are asked for and {error.name} is not installed; "
            "install promptdrift with the extra `otel`, or unset it"
        ) from error
    service = environment.get("OTEL_SERVICE_NAME") or f"promptdrift-{name}"
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider.get_tracer("promptdrift"))


def _attributes(agent: str, records: Sequence[Carrying]) -> dict[str, Any]:
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.destination.name": records[0].topic,
        "messaging.batch.message_count": len(records),
        "promptdrift.agent": agent,
    }


def _contexts(records: Sequence[Carrying]) -> list[Any]:
    """The distinct spans that the records come from, in their order."""
    from opentelemetry.context import Context
    from opentelemetry.trace import get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    propagator = TraceContextTextMapPropagator()
    carriers = dict.fromkeys(
        tuple(record.headers.get(name, b"").decode("latin-1") for name in PARENT) for record in records
    )
    found = [
        get_current_span(propagator.extract(dict(zip(PARENT, told, strict=True)), Context()))
        for told in carriers
        if told[0]
    ]
    spans = {(c.trace_id, c.span_id): c for c in (span.get_span_context() for span in found)}
    return [context for context in spans.values() if context.is_valid]


def _parent(context: Any) -> Any:  # noqa: ANN401  opentelemetry's
    """A context whose current span is this one; None: none, so that a trace begins."""
    from opentelemetry.context import Context
    from opentelemetry.trace import NonRecordingSpan, set_span_in_context

    return Context() if context is None else set_span_in_context(NonRecordingSpan(context), Context())
