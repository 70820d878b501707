"""Bookings by reference, lists and steps: from the record alone, while Temporal is away."""

import datetime as dt
import uuid
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import event, text

from activities.core.attempts import AttemptLog, Intent
from api.core.named import booking_named
from api.core.record import Record
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import (
    BookingRequest,
    CaseNote,
    RequestKind,
    RequestOutcome,
    Resolution,
)
from models.bookings.problems import Code, Problem
from models.bookings.repository import begin_request, end_requests
from models.core.errors import UnknownOutcome
from models.core.keys import traveler_id
from models.core.supply import Reservation
from settings import Settings
from tests.api.test_reads import reservation
from tests.ledger.bookings import NOON, confirm, request
from tests.ledger.conftest import Books
from tests.ledger.conftest import books as books


async def found(http: httpx.AsyncClient, **query: Any) -> list[str]:
    answer = await http.get("/booking", params=query)
    assert answer.status_code == 200, answer.text
    return [one["bookingId"] for one in answer.json()["bookings"]]


async def test_every_route_takes_the_reference_in_any_spelling(
    operator: httpx.AsyncClient, alone: httpx.AsyncClient, books: Books
) -> None:
    booking = await books.open()
    reference = booking.reference
    spelled = (reference, reference.lower(), reference.replace("-", ""), booking.id.upper())
    for name in (*spelled, booking.id.replace("-", "")):
        for path in ("", "/steps"):
            answer = await operator.get(f"/booking/{name}{path}")
            assert answer.json()["bookingId"] == booking.id, (name, path)
        ledger = await operator.get(f"/operator/ledger/bookings/{name}")
        assert ledger.json()["bookingId"] == booking.id
        calls = await operator.get("/operator/attempts", params={"bookingId": name})
        assert calls.status_code == 200
    for name in spelled[:3]:
        assert (await alone.get(f"/booking/{name}")).status_code == 404, "another caller's"
    asked = {"amount": 1, "currency": "USD", "reason": "x"}
    once = {"Idempotency-Key": reference}
    refund = await operator.post(f"/booking/{reference.lower()}/refund", json=asked, headers=once)
    assert refund.status_code == 409, "found, and nothing has been paid"
    cancel = await alone.post("/booking/cancel", json={"bookingId": reference})
    assert cancel.status_code == 404, "another caller's"


async def test_a_reference_costs_one_statement(operator: httpx.AsyncClient, books: Books) -> None:
    booking = await books.open()
    sent: list[str] = []
    event.listen(
        books.engine.sync_engine, "before_cursor_execute", lambda *args: sent.append(args[2])
    )
    context = cast("Any", SimpleNamespace(record=Record(books.sessions, at_once=1)))
    caller = cast("Any", SimpleNamespace(is_operator=True, id="x"))
    assert await booking_named(context, caller, booking.id.upper()) == booking.id
    assert sent == []
    assert await booking_named(context, caller, booking.reference.lower()) == booking.id
    assert len(sent) == 1


async def test_bookings_are_found_by_what_people_know(
    operator: httpx.AsyncClient, alone: httpx.AsyncClient, books: Books
) -> None:
    booking = confirm(await books.open())
    booking.items[0].reservation = reservation("QX7K2P").model_copy(
        update={"supplier_id": f"order-{booking.id}", "pnr": f"P{booking.id[:5].upper()}"}
    )
    booking.payment.id = f"pi_{booking.id}"
    await books.record(booking, BookingState.CONFIRMED)
    stored = await books.stored(booking)
    item, payment = stored.items[0], stored.payment
    assert item.reservation is not None
    for code in (item.reservation.supplier_id, item.reference):
        assert await found(operator, code=code) == [booking.id], code
    if item.reservation.pnr:
        assert booking.id in await found(operator, code=item.reservation.pnr.lower())
    assert booking.id in await found(operator, code=item.reservation.confirmation_code)
    assert payment.id is not None
    assert await found(operator, payment=payment.id) == [booking.id]
    made, later = stored.created_at, stored.created_at + dt.timedelta(seconds=1)
    assert await found(operator, code=item.reference, since=later.isoformat()) == []
    assert await found(operator, code=item.reference, until=made.isoformat()) == []
    span = {"since": made.isoformat(), "until": later.isoformat()}
    assert booking.id in await found(operator, code=item.reference, state="CONFIRMED", **span)
    assert await found(operator, code=item.reference, state="FAILED") == []
    assert await found(operator, code=item.reference, attention="true") == []
    assert await found(alone, code=item.reference) == [], "another caller's"
    refused = await operator.get("/booking", params={"state": "LOST"})
    assert refused.status_code == 422


async def test_a_traveller_is_found_by_address_without_keeping_it(
    operator: httpx.AsyncClient, alone: httpx.AsyncClient, books: Books
) -> None:
    caller, email = str(uuid.uuid4()), "ada@example.org"
    async with books.sessions.begin() as session:
        values = {"id": caller, "name": f"planner {caller}"}
        made = "INSERT INTO callers (id, name, role) VALUES (:id, :name, 'planner')"
        await session.execute(text(made), values)
    traveler = traveler_id(Settings().traveler_key, caller, email)
    asked = request().model_copy(update={"caller_id": caller, "traveler_id": traveler})
    booking = await books.begin(asked)
    assert await found(operator, email=email.upper()) == [booking.id]
    assert await found(operator, email=f"no.{email}") == []


async def test_pages_follow_each_other_without_gap_or_repeat(
    operator: httpx.AsyncClient, books: Books
) -> None:
    made = [(await books.open()).id for _ in range(5)]  # all at the same moment, as tests have it
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2, "state": "PROCESSING"}
    while True:
        page = (await operator.get("/booking", params=query)).json()
        seen += [one["bookingId"] for one in page["bookings"]]
        if "next" not in page:
            break
        query["after"] = page["next"]
    assert len(seen) == len(set(seen))
    assert set(made) <= set(seen)
    refused = await operator.get("/booking", params={"after": "yesterday"})
    assert (refused.status_code, refused.json()["field"]) == (422, "after")
    place = (await operator.get("/booking", params={"limit": 1, "state": "PROCESSING"})).json()[
        "next"
    ]
    for other in ({}, {"state": "CONFIRMED"}, {"state": ["PROCESSING", "CONFIRMED"]}):
        refused = await operator.get("/booking", params={**other, "after": place})
        assert (refused.status_code, refused.json()["code"]) == (400, "CURSOR_INVALID")


async def test_the_rescue_is_told_as_it_happened(operator: httpx.AsyncClient, books: Books) -> None:
    booking = await books.open()
    log, intent = AttemptLog(books.sessions), _book_hotel(booking)

    async def hang(_: int) -> Reservation:
        raise UnknownOutcome(
            "no answer", provider="booking_com", operation="book", code="no_answer"
        )

    async def look(_: dt.datetime) -> Reservation:
        return reservation("4255515849")

    with pytest.raises(UnknownOutcome):
        await log.once(intent, Reservation, hang, look_up=look, repeat_after=dt.timedelta(0))
    path = f"/booking/{booking.id}/steps"
    before = _told((await operator.get(path)).json())
    assert before[-1] == ("hotel", "unanswered")
    await log.once(intent, Reservation, hang, look_up=look, repeat_after=dt.timedelta(0))
    steps = (await operator.get(path)).json()
    assert _told(steps)[: len(before)] == before, "later calls only add at the end"
    assert _told(steps)[len(before) :] == [("hotel", "found"), ("hotel", "done")]
    (no_answer, once, _) = [one["message"] for one in steps["steps"][-3:]]
    assert no_answer == "Booking.com: no answer after 0 s … looking for our reference."
    assert once == "Booking.com … found: booked once."


def _book_hotel(booking: Booking) -> Intent:
    key = f"{booking.id}:hotel"
    return Intent(booking_id=booking.id, provider="booking_com", operation="book", key=key, item=2)


def _told(answer: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["step"], one["status"]) for one in answer["steps"]]


async def test_a_case_keeps_every_round_of_deciding_it(
    operator: httpx.AsyncClient, books: Books
) -> None:
    note = CaseNote(kind="SAGA", source=f"test:{uuid.uuid4()}", summary="the flight may stand")
    booking = await books.record(confirm(await books.open()), BookingState.CONFIRMED, cases=[note])
    listed = await operator.get("/operator/cases", params={"bookingId": booking.reference})
    (case,) = listed.json()["cases"]
    rounds = [("retry", "The airline is up.", "no answer"), ("resolved", "Done by phone.", None)]
    async with books.sessions.begin() as session:
        for hour, (decision, why, problem) in enumerate(rounds):
            body = Resolution(case_id=case["id"], decision=decision, note=why)
            asked = BookingRequest(
                id=str(uuid.uuid4()),
                kind=RequestKind.RESOLVE,
                requested_at=NOON + dt.timedelta(hours=hour),
                who=f"operator {decision}",
                body=body.model_dump(mode="json", by_alias=True),
            )
            await begin_request(session, booking.id, asked)
            failed = (
                Problem(code=Code.INTERNAL, step="resolve", message=problem) if problem else None
            )
            await end_requests(session, booking.id, [RequestOutcome(request=asked, problem=failed)])
    told = (await operator.get(f"/operator/cases/{case['id']}")).json()["decisions"]
    kept = [(one["decision"], one["note"], one.get("problem"), one["who"]) for one in told]
    assert kept == [(*one, f"operator {one[0]}") for one in rounds]
