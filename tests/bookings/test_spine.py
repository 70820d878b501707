"""What all kinds of bookings share: kinds, keys, references, payments that are not required."""

import datetime as dt
import uuid

import psycopg
import pytest
from psycopg import errors
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.trips.record import BookingActivities
from models.bookings.booking import Booking, PaymentView
from models.bookings.lifecycle import BookingKind, BookingState, PaymentStatus
from models.bookings.repository import NewBooking, insert_booking, load_booking, save_quotes
from models.core.exchange import ExchangeRate
from models.core.keys import REFERENCES, booking_id, booking_reference
from models.trips.messages import OpenBooking
from tests.ledger.bookings import NOON, quote, request
from tests.ledger.conftest import Books

S = BookingState
RATE = ExchangeRate(base="EUR", quote="USD", rate="1.1", as_of=dt.date(2031, 2, 1), source="a test")


def stay(**changes: object) -> NewBooking:
    """A stay for which nothing is to be paid, of which there is a quote alone."""
    identity = str(uuid.uuid4())
    booking = Booking(
        id=identity,
        kind=BookingKind.STAY,
        reference=booking_reference(identity),
        state=S.QUOTED,
        currency="EUR",
        accepted_total=0,
        items=[],
        payments=[
            PaymentView(
                payment_method_id=None, currency="EUR", amount=0, status=PaymentStatus.NOT_REQUIRED
            )
        ],
        created_at=NOON,
        updated_at=NOON,
    ).model_copy(update=changes)
    return NewBooking(
        booking=booking,
        states=(S.QUOTED,),
        caller_id=str(uuid.uuid4()),
        idempotency_key="k",
        fingerprint="f",
        run="r",
        traveler_id="t",
        travelers=[],
        contact={},
        billing_details={},
        offers={},
        columns={"provider_id": str(uuid.uuid4())},
    )


async def written(books: Books, new: NewBooking) -> Booking:
    async with books.sessions.begin() as session:
        await insert_booking(session, new, NOON)
    return await books.stored(new.booking)


async def test_a_booking_without_trip_option_and_without_anything_to_pay(books: Books) -> None:
    stored = await written(books, stay())
    assert stored.kind is BookingKind.STAY
    assert stored.trip_option_id is None
    assert stored.payment.status is PaymentStatus.NOT_REQUIRED
    assert (stored.payment.amount, stored.payment.payment_method_id) == (0, None)


async def test_a_booking_whose_payment_row_is_missing_is_not_lost(books: Books) -> None:
    stored = await written(books, stay())
    async with books.connection() as connection:
        await connection.execute("DELETE FROM payments WHERE booking_id = %s", [stored.id])
        await connection.commit()
    again = await books.read(lambda session: load_booking(session, stored.id))
    assert again is not None
    assert again.payment.status is PaymentStatus.NOT_REQUIRED


@pytest.mark.parametrize(
    ("kind", "option"), [("TRIP", None), ("STAY", "t-1"), ("SOMETHING_ELSE", None)]
)
async def test_only_a_trip_has_a_trip_option(
    database_url: str, kind: str, option: str | None
) -> None:
    with psycopg.connect(database_url) as connection, pytest.raises(errors.CheckViolation):
        connection.execute(
            "INSERT INTO bookings (id, kind, reference, caller_id, idempotency_key, fingerprint,"
            " run_id, trip_option_id, traveler_id, state, version, currency, accepted_total,"
            " captured, refunded, paid_by_hand, goodwill, grants, travelers, contact, warnings,"
            " created_at, updated_at) VALUES"
            " (gen_random_uuid(), %s, gen_random_uuid()::text, gen_random_uuid(), 'k', 'f', 'r',"
            " %s, 't', 'QUOTED', 1, 'EUR', 0, 0, 0, 0, 0, '[]', '[]', '{}', '[]', now(), now())",
            [kind, option],
        )


async def test_a_kind_never_changes(books: Books) -> None:
    stored = await written(books, stay())
    async with books.connection() as connection:
        with pytest.raises(errors.CheckViolation):
            await connection.execute(
                "UPDATE bookings SET kind = 'TRIP', trip_option_id = 't', version = 2"
                " WHERE id = %s",
                [stored.id],
            )


async def test_the_database_knows_the_transitions_of_a_kind(books: Books) -> None:
    stored = await written(books, stay())
    async with books.connection() as connection:
        with pytest.raises(errors.CheckViolation, match="cannot become PENDING"):
            await connection.execute(
                "UPDATE bookings SET state = 'PENDING', version = 2 WHERE id = %s", [stored.id]
            )


@pytest.mark.parametrize(
    ("provider", "expires", "version"),
    [(None, NOON, 2), (str(uuid.uuid4()), None, 2), (str(uuid.uuid4()), NOON, 1)],
    ids=["of nobody", "for ever", "at once"],
)
async def test_what_is_bought_is_held_of_a_provider_until_a_moment(
    books: Books, provider: str | None, expires: dt.datetime | None, version: int
) -> None:
    new = stay(state=S.HELD, hold_expires_at=expires)
    states = (S.QUOTED, S.HELD)[2 - version :]
    changed = {"states": states, "columns": {"provider_id": provider}}
    with pytest.raises(Exception, match=r"bookings_market|cannot be born HELD"):
        await written(books, NewBooking(**{**new.__dict__, **changed}))


async def test_a_hold_is_written_in_one_transaction(books: Books) -> None:
    """QUOTED in version 1 and HELD in version 2: a trip cannot be born HELD (B11)."""
    booking_request = request()
    quoted = booking_request.new_booking(NOON).model_copy(update={"state": S.QUOTED})
    new = stay()
    async with books.sessions.begin() as session:
        await insert_booking(
            session,
            NewBooking(
                **{
                    **new.__dict__,
                    "booking": quoted,
                    "columns": {},
                    "offers": {item.number: {} for item in quoted.items},
                }
            ),
            NOON,
        )
    held = await books.record(quoted.model_copy(update={"version": 1}), S.HELD)
    assert held.version == 2


@pytest.mark.parametrize(("waits", "rests"), [(False, True), (True, False)])
async def test_a_held_booking_is_at_rest_unless_a_workflow_waits(
    *, waits: bool, rests: bool, books: Books
) -> None:
    booking = await books.begin(request())
    booking.payment.waits_until = NOON if waits else None
    await books.record(booking, S.HELD)
    assert (await books.stored(booking)).at_rest is rests
    async with books.connection() as connection:
        found = await connection.execute("SELECT waits FROM bookings WHERE id = %s", [booking.id])
        assert await found.fetchone() == (waits,)


# -- keys and references -------------------------------------------------------------------------


def test_keys_of_different_routes_are_different_bookings() -> None:
    trips = booking_id("caller", "key")
    ids = {trips, *(booking_id("caller", "key", route=route) for route in ("POST /a", "POST /b"))}
    assert len(ids) == 3
    assert booking_id("caller", "key") == trips


async def test_the_same_key_may_name_a_booking_of_each_kind(books: Books) -> None:
    first = stay()
    await written(books, first)
    second = stay(kind=BookingKind.TOUR_PACKAGE)
    await written(books, NewBooking(**{**second.__dict__, "caller_id": first.caller_id}))
    third = stay()
    with pytest.raises(Exception, match="ux_bookings_caller_kind_key"):
        await written(books, NewBooking(**{**third.__dict__, "caller_id": first.caller_id}))


async def planted(books: Books, *references: str) -> None:
    for reference in references:
        await written(books, stay(reference=reference))


async def test_a_reference_that_another_booking_has_is_made_anew(books: Books) -> None:
    booking_request = request()
    second = booking_reference(booking_request.booking_id, 1)
    await planted(books, booking_request.booking_reference, second)
    activities, environment = BookingActivities(books.sessions), ActivityEnvironment()
    opening = OpenBooking(request=booking_request, run="run")
    opened = await environment.run(activities.open_booking, opening)
    assert opened.reference == booking_reference(booking_request.booking_id, 2)
    assert opened.reference not in (booking_request.booking_reference, second)
    again = await environment.run(activities.open_booking, opening)
    assert again.reference == opened.reference
    assert (await books.stored(booking_request.new_booking(NOON))).reference == opened.reference


async def test_a_booking_without_any_reference_left_is_refused_for_good(books: Books) -> None:
    booking_request = request()
    await planted(
        books,
        booking_request.booking_reference,
        *(booking_reference(booking_request.booking_id, count) for count in range(1, REFERENCES)),
    )
    activities = BookingActivities(books.sessions)
    with pytest.raises(ApplicationError, match="no reference of its own") as caught:
        await ActivityEnvironment().run(
            activities.open_booking, OpenBooking(request=booking_request, run="run")
        )
    assert caught.value.non_retryable


# -- amounts and clocks ----------------------------------------------------------------------------


async def test_what_is_quoted_is_stored_in_the_payments_currency(books: Books) -> None:
    booking_request = request(prices=(10_000,))
    booking = await books.begin(booking_request)
    quoted = quote(10_000, "EUR").payable_by(RATE)
    async with books.sessions.begin() as session:
        await save_quotes(session, booking.id, {1: quoted})
    item = (await books.stored(booking)).items[0]
    assert item.currency == "USD"
    assert item.price == quoted.payable.price.amount != 10_000


async def test_history_has_the_databases_clock_beside_the_workflows(books: Books) -> None:
    booking = await books.open()
    async with books.connection() as connection:
        found = await connection.execute(
            "SELECT recorded_at BETWEEN now() - interval '1 minute' AND clock_timestamp(),"
            " recorded_at >= lag(recorded_at) OVER (ORDER BY version)"
            " FROM booking_history WHERE booking_id = %s ORDER BY version",
            [booking.id],
        )
        assert await found.fetchall() == [(True, None), (True, True), (True, True)]
