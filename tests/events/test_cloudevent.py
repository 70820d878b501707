"""An event as it is sent: CloudEvents 1.0, read here by another's library."""

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from models.bookings.lifecycle import BookingState
from models.core.outbox import FedEvent, events_after, sequence
from models.events.cloudevent import MEDIA_TYPE, encode
from models.events.content import CONTENTS
from tests.ledger.bookings import cancel, confirm
from tests.ledger.conftest import Books

S = BookingState

EVENT = FedEvent(
    position=7,
    id="6b0e6a52-1f0c-5d5c-8a3e-6f2b5c1e8a43",
    caller_id="00000000-0000-0000-0000-000000000001",
    booking_id="9c1f5d0e-6a1b-5c59-9d5e-0c9d4e7f2a10",
    booking_version=5,
    previous_version=4,
    type="booking.confirmed",
    occurred_at=dt.datetime(
        2031, 3, 1, 10, 12, 44, 120934, tzinfo=dt.timezone(dt.timedelta(hours=1))
    ),
    data={
        "kind": "TRIP",
        "reference": "TS-4K7QP-9XW2M",
        "status": "CONFIRMED",
        "previous_status": "PENDING",
        "total": 2000,
        "currency": "EUR",
        "changed": ["status"],
    },
    schema_version=1,
    trace=None,
)


def understood(body: bytes) -> BaseCloudEvent:
    message = HTTPMessage(headers={"content-type": MEDIA_TYPE}, body=body)
    return from_structured(message, JSONFormat(), CloudEvent)


async def fed(books: Books) -> list[FedEvent]:
    async with books.sessions.begin() as session:
        while await sequence(session):
            pass
        return list(await events_after(session, 0, 1000))


def test_another_library_understands_it() -> None:
    told = understood(encode(EVENT))
    assert told.get_id() == EVENT.id
    assert told.get_type() == "booking.confirmed"
    assert told.get_source() == "/bookings"
    assert told.get_subject() == EVENT.booking_id
    assert told.get_time() == EVENT.occurred_at
    assert told.get_dataschema() == "/schemas/booking.confirmed/1"
    assert told.get_extension("partitionkey") == EVENT.booking_id
    assert told.get_extension("bookingversion") == 5
    assert told.get_extension("previousversion") == 4
    assert told.get_data() == EVENT.data


def test_what_is_not_there_is_absent() -> None:
    first = dataclasses.replace(
        EVENT,
        type="booking.created",
        previous_version=None,
        data={**EVENT.data, "previous_status": None},
    )
    told = json.loads(encode(first))
    assert "previousversion" not in told
    assert "traceparent" not in told
    assert "previous_status" not in told["data"]
    assert "venue_id" not in told["data"]


def test_a_known_trace_is_told() -> None:
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    told = understood(encode(dataclasses.replace(EVENT, trace=trace)))
    assert told.get_extension("traceparent") == trace


def test_what_a_newer_worker_has_added_is_passed_on() -> None:
    newer = dataclasses.replace(EVENT, data={**EVENT.data, "added": {"later": 1}})
    assert json.loads(encode(newer))["data"]["added"] == {"later": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema_version": 2},
        {"type": "booking.unheard_of"},
        {"data": {**EVENT.data, "total": "much"}},
        {"data": {}},
    ],
)
def test_what_its_schema_refuses_is_not_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="schema"):
        encode(dataclasses.replace(EVENT, **wrong))


async def test_what_the_record_writes_can_be_sent(scratch: Books) -> None:
    booking = await scratch.record(confirm(await scratch.open()), S.CONFIRMED)
    await scratch.record(cancel(booking, {1: 0, 2: 0, 3: 0}), S.CANCELLED)
    failed = await scratch.open()
    await scratch.record(failed, S.FAILED)
    events = await fed(scratch)
    bodies = [encode(event) for event in events]
    told = [understood(body) for body in bodies]
    versions = [
        (event.get_type(), event.get_extension("bookingversion"), before)
        for event in told
        for before in [event.get_extension("previousversion")]
        if event.get_subject() == booking.id
    ]
    assert versions == [
        ("booking.created", 1, None),
        ("booking.status_changed", 4, 1),
        ("booking.confirmed", 4, 1),
        ("booking.status_changed", 5, 4),
        ("booking.cancelled", 5, 4),
    ]
    assert [event.get_type() for event in told if event.get_subject() == failed.id] == [
        "booking.created",
        "booking.status_changed",
        "booking.failed",
    ]
    assert bodies == [encode(event) for event in await fed(scratch)], "the same bytes each time"


def test_every_type_has_a_schema() -> None:
    types = {type_.removeprefix("booking.") for type_, _ in CONTENTS}
    assert types == {
        *("created", "updated", "cancelled", "status_changed", "confirmed", "checked_in"),
        *("completed", "expired", "no_show", "held", "failed", "attention_needed"),
    }
