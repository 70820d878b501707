"""Examples for the description: cases and events, as operators see them."""

from typing import Any

CASE: dict[str, Any] = {
    "id": 17,
    "kind": "DISPUTE",
    "source": "dispute:du_1PZ4k8",
    "bookingId": "5f0c8f1e-2f0b-5c55-a1f2-b7f0b6f9d3aa",
    "summary": (
        "The card holder of TS-4K7QP-9XW2M disputes 2000.00 USD (fraudulent). Answer it, or let"
        " it go, in the gateway's dashboard before its deadline."
    ),
    "details": {"disputeId": "du_1PZ4k8", "paymentId": "pi_3PZ1x2", "amount": 200000},
    "openedAt": "2031-02-11T08:14:02Z",
}
DECIDED_CASE: dict[str, Any] = {
    **CASE,
    "kind": "SAGA",
    "decisions": [
        {
            "who": "operator night shift",
            "at": "2031-02-11T09:02:11Z",
            "decision": "retry",
            "note": "The airline is up again.",
            "problem": "Amadeus does not answer",
            "endedAt": "2031-02-11T09:03:40Z",
        }
    ],
}
CASES: dict[str, Any] = {"cases": [CASE], "next": 17}
SETTLED_CASE: dict[str, Any] = {
    **CASE,
    "resolvedAt": "2031-02-12T09:30:00Z",
    "resolvedBy": "operator back office",
    "resolution": "Evidence sent; the bank has decided for us.",
}

_EVENT: dict[str, Any] = {
    "id": 4711,
    "gateway": "stripe",
    "eventId": "evt_3PZ1x2",
    "type": "charge.refunded",
    "livemode": False,
    "paymentId": "pi_3PZ1x2",
    "bookingId": "5f0c8f1e-2f0b-5c55-a1f2-b7f0b6f9d3aa",
    "status": "done",
    "outcome": "the record and the gateway agree",
    "deliveries": 2,
    "attempts": 1,
    "createdAt": "2031-02-11T08:14:00Z",
    "receivedAt": "2031-02-11T08:14:01Z",
    "handledAt": "2031-02-11T08:14:02Z",
}
EVENTS_TAKEN: dict[str, Any] = {"events": [_EVENT], "next": 4711}
EVENT_KEPT: dict[str, Any] = {
    **_EVENT,
    "status": "kept",
    "outcome": "no booking is known for it",
    "payload": {"id": "evt_3PZ1x2", "object": "event", "type": "charge.refunded"},
}
EVENT_AGAIN: dict[str, Any] = {
    **{name: value for name, value in EVENT_KEPT.items() if name != "handledAt"},
    "status": "received",
    "attempts": 0,
    "dueAt": "2031-02-11T09:00:00Z",
}
