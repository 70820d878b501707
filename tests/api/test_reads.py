"""Reading and waiting: from the record alone, and without keeping anything else waiting."""

import asyncio
import datetime as dt
import itertools
import uuid
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from sqlalchemy import event, text

from activities.core.attempts import AttemptLog, Intent
from api.bookings import starting
from api.bookings import waiting as waits
from api.core import record as records
from api.core.record import Record
from api.core.watch import LOOK_SECONDS, Watch
from api.errors import problem_of
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.repository import Standing
from models.core.cases import close_case, open_case
from models.core.domain_errors import TooManyReads
from models.core.money import Money
from models.core.supply import Reservation
from payments.core.protocol import Payment, PaymentState
from tests.api.conftest import read_events
from tests.api.server import Served
from tests.ledger.bookings import TOTAL, confirm, request
from tests.ledger.conftest import Books
from tests.ledger.conftest import books as books

WAITERS = 200


def reservation(code: str) -> Reservation:
    return Reservation(
        reference="ref",
        supplier_id=f"id-{code}",
        confirmation_code=code,
        provider="Delta",
        price=Money(amount=1, currency="USD"),
    )


def payment(state: PaymentState, **more: Any) -> Payment:
    amount = Money(amount=TOTAL, currency="USD")
    return Payment(id="pi_1", state=state, amount=amount, client_secret="hidden", **more)


async def answered(
    books: Books, booking: Booking, operation: str, answer: Any, item: int | None = None
) -> None:
    """Let a supplier or the gateway have answered, as the attempt log writes it down."""

    async def act(_: int) -> Any:
        return answer

    intent = Intent(
        booking_id=booking.id,
        provider="amadeus" if item else "stripe",
        operation=operation,
        key=f"{booking.id}:{item}:{operation}",
        item=item,
    )
    await AttemptLog(books.sessions).once(
        intent, type(answer), act, look_up=None, repeat_after=dt.timedelta(0)
    )


async def test_a_running_booking_is_told_as_far_as_it_has_got(
    operator: httpx.AsyncClient, books: Books
) -> None:
    booking = await books.open()
    await answered(books, booking, "confirm", payment(PaymentState.AUTHORISED))
    await answered(books, booking, "book", reservation("ABC123"), item=1)

    whole = (await operator.get(f"/booking/{booking.id}")).json()

    assert whole["state"] == "PROCESSING"
    flight, hotel, _ = whole["components"]
    assert (flight["status"], flight["sagaState"]) == ("CONFIRMED", "BOOKED")
    assert flight["vendorConfirmation"] == "ABC123"
    assert hotel["status"] == "PENDING"
    assert whole["confirmations"]["flight"]["confirmationCode"] == "ABC123"
    assert whole["payment"]["paymentIntentId"] == "pi_1"
    assert (whole["payment"]["status"], whole["payment"]["authorised"]) == ("authorised", TOTAL)
    assert "hidden" not in str(whole)


async def test_a_booking_is_watched_to_its_end_while_temporal_is_away(
    operator: httpx.AsyncClient, books: Books
) -> None:
    booking = await books.open()
    watching = asyncio.create_task(read_events(operator, f"/booking/{booking.id}/events"))
    await answered(books, booking, "book", reservation("ABC123"), item=1)
    await asyncio.sleep(0.5)
    await answered(books, booking, "capture", payment(PaymentState.CAPTURED, captured=TOTAL))
    await books.record(confirm(booking), BookingState.CONFIRMED)

    events = await watching

    told = [(data["step"], data["status"]) for kind, _, data in events if kind == "step"]
    assert told == [
        ("booking", "PENDING"),
        ("booking", "VALIDATING"),
        ("booking", "PROCESSING"),
        ("flight", "started"),
        ("flight", "done"),
        ("capture", "done"),
        ("booking", "CONFIRMED"),
    ]
    assert [data["state"] for kind, _, data in events if kind == "state"][-1] == "CONFIRMED"
    assert events[-1][0] == "end"


async def test_those_who_wait_take_turns_with_nobody(
    lonely: Served, operator: httpx.AsyncClient, books: Books
) -> None:
    """Two hundred watchers of running bookings: reads and readiness are answered as ever."""
    bookings = [await books.open() for _ in range(4)]
    urls = itertools.islice(itertools.cycle(bookings), WAITERS)
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=lonely.url, headers=operator.headers, timeout=60, limits=limits
    ) as many:
        watchers = []
        for one in urls:
            watchers.append(
                asyncio.create_task(read_events(many, f"/booking/{one.id}/events", seconds=120))
            )
            await asyncio.sleep(0.02)
        ready = (await operator.get("/readyz")).json()
        assert ready["checks"]["database"]["ok"], ready
        assert (await operator.get(f"/booking/{bookings[0].id}")).status_code == 200
        for booking in bookings:
            await books.record(confirm(booking), BookingState.CONFIRMED)
        for events in await asyncio.gather(*watchers):
            assert events[-1][0] == "end"


async def test_one_look_serves_all_who_wait(books: Books) -> None:
    booking = await books.open()
    sent: list[str] = []
    event.listen(
        books.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: sent.append(statement),
    )
    watch = Watch(Record(books.sessions, at_once=1))
    now = await watch.changed(booking.id, None, 10)
    assert isinstance(now, Standing)
    assert not now.at_rest
    sent.clear()
    waiting = [asyncio.create_task(watch.changed(booking.id, now, 10)) for _ in range(WAITERS)]
    await asyncio.sleep(0.5)
    assert len(sent) <= 0.5 / LOOK_SECONDS + 1
    assert not any(task.done() for task in waiting)
    await books.record(confirm(booking), BookingState.CONFIRMED)
    assert {standing and standing.at_rest for standing in await asyncio.gather(*waiting)} == {True}
    # Who still waits when time is up gets what was known, and nobody looks any more.
    last = await watch.changed(booking.id, None, 10)
    assert await watch.changed(booking.id, last, 0.1) == last
    await asyncio.sleep(0.2)
    sent.clear()
    await asyncio.sleep(0.2)
    assert sent == []
    await watch.close()


async def test_a_booking_that_does_not_exist_yet_is_waited_for(books: Books) -> None:
    watch = Watch(Record(books.sessions, at_once=1))
    booking_request = request()
    waiting = asyncio.create_task(watch.changed(booking_request.booking_id, None, 10))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    await books.begin(booking_request)
    standing = await waiting
    assert standing is not None
    assert standing.state is BookingState.VALIDATING
    await watch.close()


async def test_more_reads_than_may_run_wait_and_are_then_asked_to_come_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "QUEUE_SECONDS", 0.2)
    record = Record(books.sessions, at_once=2)
    slow = [
        asyncio.create_task(record.read(lambda s: s.execute(text("SELECT pg_sleep(1)"))))
        for _ in range(2)
    ]
    await asyncio.sleep(0.1)
    with pytest.raises(TooManyReads) as refused:
        await record.check()
    problem = problem_of(refused.value)
    assert (problem.status_code, problem.code) == (503, "TOO_MANY_READS")
    assert problem.headers is not None
    assert int(problem.headers["Retry-After"]) >= 1
    await asyncio.gather(*slow)
    await record.check()


async def test_a_booking_that_was_taken_is_told_although_too_many_read(
    monkeypatch: pytest.MonkeyPatch, books: Books
) -> None:
    booking = await books.open()
    standing = Standing(booking.version, BookingState.PROCESSING, False, 0, 0, 0, ())

    async def full(*_: object, **__: object) -> None:
        raise TooManyReads

    async def settled(*_: object, **__: object) -> Standing:
        return standing

    monkeypatch.setattr(waits, "settled", settled)
    context = SimpleNamespace(record=SimpleNamespace(find=full))
    asked = SimpleNamespace(
        booking_id=booking.id, reference=booking.reference, caller=SimpleNamespace(id="ada")
    )
    told = await starting._until_settled(cast("Any", context), cast("Any", asked), 1)
    assert isinstance(told, starting.Taken)
    assert (told.booking_id, told.state) == (booking.id, BookingState.PROCESSING)


async def test_an_answer_given_before_is_not_given_when_anything_has_changed(
    operator: httpx.AsyncClient, alone: httpx.AsyncClient, books: Books
) -> None:
    booking = await books.record(confirm(await books.open()), BookingState.CONFIRMED)
    path, source = f"/booking/{booking.id}", f"supplier:{booking.id}"
    first = await operator.get(path)
    for _ in range(2):  # it is kept when it is asked for again
        assert (await operator.get(path)).content == first.content
    others = await alone.get(path)
    unknown = await alone.get(f"/booking/{uuid.uuid4()}")
    assert others.status_code == unknown.status_code != 200, "another caller's, kept or not"
    async with books.sessions.begin() as session:
        await open_case(
            session, kind="SUPPLIER", source=source, summary="look", booking_id=booking.id
        )
    told = (await operator.get(path)).json()
    assert told["needsAttention"] is True
    async with books.sessions.begin() as session:
        await close_case(session, source=source, by="ada", resolution="done")
    assert (await operator.get(path)).json() == first.json()
    await books.record(booking, BookingState.COMPLETED)
    assert (await operator.get(path)).json()["state"] == "COMPLETED"
