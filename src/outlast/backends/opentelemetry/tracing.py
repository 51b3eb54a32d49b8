"""The spans of starts, attempts and steps."""

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from typing import Final

from opentelemetry.context import Context, attach
from opentelemetry.trace import (
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_current_span,
    get_tracer,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from outlast.domain.outcome import Failed, Outcome, Postponed
from outlast.domain.session import AnalysisSession

TRACEPARENT: Final = "traceparent"
PROPAGATOR: Final = TraceContextTextMapPropagator()


class OpenTelemetryTracing:
    """`Tracing`. Without a tracer provider in the program, spans cost little and lead nowhere."""

    def __init__(self) -> None:
        self._tracer = get_tracer("outlast", version("outlast"))

    @contextmanager
    def start(self, analysis: str, traceparent: str | None) -> Generator[str | None]:
        parent = None
        if traceparent is not None and not get_current_span().get_span_context().is_valid:
            parent = _context_of(traceparent)
        attributes = {"outlast.analysis": analysis}
        with self._tracer.start_as_current_span(
            f"start {analysis}", parent, SpanKind.PRODUCER, attributes=attributes
        ):
            carrier: dict[str, str] = {}
            PROPAGATOR.inject(carrier)
            yield carrier.get(TRACEPARENT)

    def attempt(self, session: AnalysisSession) -> "OpenTelemetryAttempt":
        return OpenTelemetryAttempt(self._tracer, session)


class OpenTelemetryAttempt:
    """`AttemptTrace`."""

    def __init__(self, tracer: Tracer, session: AnalysisSession) -> None:
        self._tracer = tracer
        attributes: Mapping[str, str | int] = {
            "outlast.analysis": session.analysis,
            "outlast.session": session.id,
            "outlast.queue": session.queue,
            "outlast.attempt": session.attempt,
        }
        # without a trace of its start, an attempt begins one: the worker's own span has nothing to do with it
        parent = Context() if session.traceparent is None else _context_of(session.traceparent)
        self._span = tracer.start_span(
            f"attempt {session.analysis}", parent, SpanKind.CONSUMER, attributes=attributes
        )

    def enter(self) -> None:
        attach(set_span_in_context(self._span))

    def step(self, name: str) -> AbstractContextManager[object]:
        return self._tracer.start_as_current_span(f"step {name}", attributes={"outlast.step": name})

    def end(self, outcome: Outcome) -> None:
        self._span.set_attribute("outlast.outcome", type(outcome).__name__.lower())
        if isinstance(outcome, Failed | Postponed):
            self._span.set_status(Status(StatusCode.ERROR, outcome.code))
            if outcome.reference is not None:
                self._span.set_attribute("outlast.reference", outcome.reference)
        self._span.end()


def _context_of(traceparent: str) -> Context:
    """Read the value as the parent of spans; a malformed one, which any client may send, is ignored."""
    return PROPAGATOR.extract({TRACEPARENT: traceparent}, Context())
