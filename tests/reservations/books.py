"""Reservations on the real record, made as the worker's activities make them."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import text

from activities.reservations.moving import MoveActivities
from activities.reservations.record import ReservationActivities
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import OpenedBooking
from models.core import keys
from models.core.callers import Caller
from models.core.money import Money
from models.core.people import Contact
from models.core.supply import Quote
from models.core.terms import CancellationTerms
from models.core.venues import Price, PriceLine, VenueGuest, VenueSlot, VenueType
from models.reservations.changes import MoveClaim
from models.reservations.messages import BookReservationRequest, OpenReservation
from models.reservations.policy import VenuePolicy
from models.reservations.venues import Venue, put_venue, venue_id
from tests.ledger.conftest import Books

EVENING = dt.datetime(2031, 3, 14, 18, 30, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def slot(
    starts_at: dt.datetime = EVENING,
    *,
    minutes: int = 120,
    party: int = 2,
    table: str | None = None,
) -> VenueSlot:
    """A slot at a venue in Berlin."""
    return VenueSlot(
        title="Kantine, 14 Mar 2031 19:30",
        venue_id="v-9",
        venue_type="RESTAURANT",
        venue_name="Kantine",
        time_zone="Europe/Berlin",
        starts_at=starts_at,
        ends_at=starts_at + dt.timedelta(minutes=minutes),
        duration_minutes=minutes,
        party_size=party,
        resource_id=table,
    )


def quote(wanted: VenueSlot, amount: int = 0) -> Quote:
    """What the two services answer for a slot."""
    line = PriceLine(description="table", quantity=1, unit_amount=amount, amount=amount)
    terms = CancellationTerms.free()
    price = Price(lines=(line,), total=amount, currency="EUR", terms=terms)
    return Quote(
        price=Money(amount=amount, currency="EUR"),
        terms=terms,
        title=wanted.title,
        offer={"slot": wanted.model_dump(mode="json"), "price": price.model_dump(mode="json")},
    )


class Diary:
    """A caller's venue, and the reservations at it."""

    type: VenueType = "RESTAURANT"
    time_zone = "Europe/Berlin"

    def __init__(self, books: Books, caller: str | None = None) -> None:
        self.books = books
        self.external_id = f"v-{uuid.uuid4().hex[:12]}"
        self.caller = caller or str(uuid.uuid4())
        self.venue = venue_id(self.caller, self.external_id)

    async def open_venue(self, **policy: Any) -> None:
        """Put the venue on record, or change its policy."""
        async with self.books.sessions.begin() as session:
            if await session.get(Caller, self.caller) is None:
                session.add(Caller(id=self.caller, name=self.caller, created_at=EVENING))
                await session.flush()
            venue = Venue(
                id=self.venue,
                external_id=self.external_id,
                type=self.type,
                name="Kantine",
                time_zone=self.time_zone,
                policy=VenuePolicy(**policy),
                version=1,
            )
            await put_venue(session, self.caller, venue, expected=None)

    def request(
        self,
        wanted: VenueSlot | None = None,
        *,
        guest: str | None = None,
        amount: int = 0,
        hold_seconds: int = 900,
        allow_duplicate: bool = False,
    ) -> BookReservationRequest:
        """Return a request for a slot, by a guest of its own unless one is named."""
        wanted = wanted or slot()
        key = str(uuid.uuid4())
        booking_id = keys.booking_id(self.caller, key, route="POST /api/v1/bookings")
        return BookReservationRequest(
            booking_id=booking_id,
            booking_reference=keys.booking_reference(booking_id),
            caller_id=self.caller,
            idempotency_key=key,
            fingerprint="test",
            venue_id=self.venue,
            slot=wanted,
            guest_id=guest or str(uuid.uuid4()),
            guest=VenueGuest(name="Ada Okafor"),
            contact=Contact(email="ada@example.org"),
            allow_duplicate=allow_duplicate,
            quote=quote(wanted, amount),
            payment_method_id="pm_card_visa" if amount else None,
            hold_seconds=hold_seconds,
        )

    async def open(self, request: BookReservationRequest, *, run: str = "test") -> OpenedBooking:
        """Write a reservation down and claim its place."""
        opening = OpenReservation(request=request, run=run)
        return await ReservationActivities(self.books.sessions).open_reservation(opening)

    async def reserve(self, wanted: VenueSlot | None = None, **options: Any) -> Booking | None:
        """Open a reservation; None when its place is taken."""
        request = self.request(wanted, **options)
        opened = await self.open(request)
        if opened.refusal is not None:
            return None
        booking = request.new_booking(dt.datetime.now(dt.UTC))
        booking.state, booking.version = BookingState.VALIDATING, opened.version
        return booking

    async def confirmed(self, wanted: VenueSlot | None = None, **options: Any) -> Booking:
        """Open a reservation and confirm it."""
        booking = await self.reserve(wanted, **options)
        assert booking is not None, "the place is taken"
        return await self.books.record(booking, BookingState.CONFIRMED)

    async def move(
        self, booking: Booking, to: VenueSlot, *, version: int = 2, back: bool = False
    ) -> str | None:
        """Move a reservation's claim; returns what stands in the way."""
        asked = MoveClaim(
            booking_id=booking.id, version=version, slot=to, back=back, fence=[1, version, 0]
        )
        moved = await MoveActivities(self.books.sessions).move_claim(asked)
        return None if moved.refused is None else moved.refused.details["conflict"]

    async def claims(self) -> list[str]:
        """Return the states of the venue's claims, in order."""
        return await self._column(
            "SELECT state FROM inventory_claims WHERE venue_id = :venue ORDER BY state, id"
        )

    async def taken(self) -> list[tuple[int, int, int]]:
        """Return covers, parties and guests that arrive of each counter with any."""
        return await self._rows(
            "SELECT covers_taken, starts_taken, arrivals_taken FROM venue_slots"
            " WHERE venue_id = :venue AND covers_taken + starts_taken + arrivals_taken > 0"
            " ORDER BY bucket"
        )

    async def adds_up(self) -> bool:
        """Tell whether the counters are what the claims of the venue that are there make."""
        rows = await self._rows("""
            SELECT 1 FROM (
                WITH claims AS (SELECT * FROM inventory_claims WHERE venue_id = :venue
                    AND counted AND state IN ('HELD', 'SOLD', 'USED'))
                SELECT bucket, sum(covers) AS covers, sum(starts) AS starts,
                    sum(arrivals) AS arrivals
                FROM (SELECT generate_series(
                        date_bin('15 minutes', lower(during), timestamptz 'epoch'),
                        upper(during) - interval '1 microsecond', interval '15 minutes') AS bucket,
                        units AS covers, 0 AS starts, 0 AS arrivals FROM claims
                    UNION ALL SELECT slot_at, 0, 1, units FROM claims) AS each
                GROUP BY bucket) AS claimed
            FULL JOIN (SELECT * FROM venue_slots WHERE venue_id = :venue) AS s USING (bucket)
            WHERE (coalesce(covers_taken, 0), coalesce(starts_taken, 0),
                   coalesce(arrivals_taken, 0)) IS DISTINCT FROM
                  (coalesce(claimed.covers, 0), coalesce(claimed.starts, 0),
                   coalesce(claimed.arrivals, 0))""")
        return not rows

    async def _column(self, statement: str) -> list[Any]:
        return [row[0] for row in await self._rows(statement)]

    async def _rows(self, statement: str) -> list[Any]:
        async with self.books.sessions() as session:
            found = await session.execute(text(statement), {"venue": self.venue})
            return [tuple(row) for row in found]
