"""The caller's trace, carried from a request to the events that it causes.

W3C Trace Context, by OpenTelemetry's API: a request's ``traceparent`` is attached to what it does,
the Temporal SDK's interceptor carries it in the headers of workflows, updates and activities, and
an event is written with it. ``tracestate`` and baggage are not carried on: headers are not
encrypted, and what others put there is theirs. Where a tracer provider has been set up for the
processes (by ``opentelemetry-instrument``, say), our own spans stand in between.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import CarrierT, Setter, default_setter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_HEADER = "traceparent"


class TraceparentPropagator(TraceContextTextMapPropagator):
    """Carries ``traceparent`` on and nothing else."""

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Put the current trace of ``context`` into a carrier."""
        whole: dict[str, str] = {}
        super().inject(whole, context)
        if _HEADER in whole:
            setter.set(carrier, _HEADER, whole[_HEADER])


PROPAGATOR = TraceparentPropagator()


@contextmanager
def continued(traceparent: str) -> Iterator[None]:
    """Go on with the trace that a request names; with none, where it is malformed.

    Where a server span of ours has been begun (by ``opentelemetry-instrument``), that goes on.
    """
    if trace.get_current_span().get_span_context().is_valid:
        yield
        return
    token = context.attach(PROPAGATOR.extract({_HEADER: traceparent}))
    try:
        yield
    finally:
        context.detach(token)


def current_trace() -> str | None:
    """Return the ``traceparent`` of what is being done; None where nobody traces it."""
    carrier: dict[str, str] = {}
    PROPAGATOR.inject(carrier)
    return carrier.get(_HEADER)
