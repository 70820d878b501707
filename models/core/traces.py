"""The caller's trace, carried from a request to the events that it causes.

W3C Trace Context, by OpenTelemetry's API: a request's ``traceparent`` is attached to what it does,
the Temporal SDK's interceptor carries it in the headers of workflows, updates and activities, and
an event is written with it. ``tracestate`` and baggage are not carried on: headers are not
encrypted, and what others put there is theirs. Where a tracer provider has been set up for the
processes (by ``opentelemetry-instrument``, say), our own spans stand in between.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()
_HEADER = "traceparent"


@contextmanager
def continued(traceparent: str) -> Iterator[None]:
    """Go on with the trace that a request names; with none, where it is malformed."""
    token = context.attach(_PROPAGATOR.extract({_HEADER: traceparent}))
    try:
        yield
    finally:
        context.detach(token)


def current_trace() -> str | None:
    """Return the ``traceparent`` of what is being done; None where nobody traces it."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    return carrier.get(_HEADER)
