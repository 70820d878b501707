"""What is carried of a trace, and whose span goes on."""

from opentelemetry import baggage, context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from models.core.traces import continued, current_trace
from temporal import _Tracing

CALLERS = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_request_is_continued_while_it_is_served() -> None:
    assert current_trace() is None
    with continued(CALLERS):
        assert current_trace() == CALLERS
    assert current_trace() is None


def test_a_span_of_our_own_goes_on() -> None:
    """Under instrumentation the server's span has been begun by then, as the caller's child."""
    tracer = TracerProvider().get_tracer("api")
    parent = TraceContextTextMapPropagator().extract({"traceparent": CALLERS})
    with tracer.start_as_current_span("POST", context=parent) as span, continued(CALLERS):
        assert trace.get_current_span() is span
        told = current_trace()
    assert told is not None
    assert told.split("-")[1] == CALLERS.split("-")[1]
    assert told != CALLERS


def test_nothing_else_is_carried() -> None:
    """What callers write into baggage and tracestate would be in plain text in Temporal."""
    headers = {"traceparent": CALLERS, "tracestate": "them=ada%40example.com"}
    whole = TraceContextTextMapPropagator().extract(headers)
    token = context.attach(baggage.set_baggage("email", "ada@example.com", whole))
    try:
        carrier: dict[str, str] = {}
        _Tracing().text_map_propagator.inject(carrier)
    finally:
        context.detach(token)
    assert carrier == {"traceparent": CALLERS}
