"""Opening a hold: quote, booking, claims, price, deadline and events in one transaction."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking, Item, PaymentView
from models.bookings.due import replace_due
from models.bookings.lifecycle import BookingKind, BookingState, PaymentStatus, SagaState
from models.bookings.repository import NewBooking, insert_booking, save_quotes
from models.core.keys import item_reference
from models.core.money import Money
from models.core.supply import HOUSE, ItemType, Quote, Reservation, ReservationStatus
from models.marketplace.quotes.errors import QuoteNotFound
from models.marketplace.stock.claims import hold
from models.marketplace.stock.gate import Offer, pass_gate
from models.marketplace.stock.limits import HoldLimits, check_limits
from models.marketplace.stock.messages import ITEM, HoldRequest, OpenHold
from models.marketplace.stock.purchases import bought, due_after
from models.marketplace.stock.refusals import QuoteExpired, QuoteTaken
from models.marketplace.stock.taking import Claims, lines_of
from models.marketplace.stock.wanted import CLAIMS, Wanted

_TYPES = {
    BookingKind.STAY: ItemType.STAY,
    BookingKind.HOTEL_PACKAGE: ItemType.PACKAGE,
    BookingKind.TOUR_PACKAGE: ItemType.TOUR,
}


@dataclass(frozen=True)
class OpenedHold:
    """A hold on record."""

    booking: Booking | None
    """As it was opened; None: it was on record before, and nothing was done."""


@dataclass(frozen=True)
class _Quoted:
    """A quote that was taken."""

    kind: BookingKind
    product_id: str
    wanted: Wanted
    price: Money
    quoted_at: dt.datetime
    now: dt.datetime
    """By the database's clock."""
    times: dict[str, Any]
    """When it takes place, and in which zone, as it was quoted."""


# Whose quote it is stands in the WHERE: another's is an unknown one (S5).
_TAKE_QUOTE = text("""
UPDATE quotes SET booking_id = :booking
WHERE id = :quote AND subject_id = :subject AND user_id IS NOT DISTINCT FROM CAST(:user AS uuid)
    AND booking_id IS NULL AND expires_at > clock_timestamp()
RETURNING product_type, product_id::text, request, total, currency, created_at,
    clock_timestamp() AS now, jsonb_strip_nulls(jsonb_build_object(
        'time_zone', coalesce(snapshot #> '{stay,listing,time_zone}',
            snapshot #> '{departure,time_zone}'),
        'starts_at', coalesce(snapshot #> '{stay,starts_at}', snapshot #> '{departure,starts_at}'),
        'ends_at', coalesce(snapshot #> '{stay,ends_at}', snapshot #> '{departure,ends_at}')
    )) AS times
""")

_BECAME = text("""
SELECT booking_id::text FROM quotes
WHERE id = :quote AND subject_id = :subject AND user_id IS NOT DISTINCT FROM CAST(:user AS uuid)
""")

_PURCHASE = text("""
WITH snapshot AS (
    INSERT INTO price_snapshots (booking_id, version, data, total, currency, sha256)
    SELECT CAST(:booking AS uuid), 1, snapshot, total, currency, sha256
    FROM quotes WHERE id = :quote
)
INSERT INTO purchases (booking_id, listing_id, package_id, departure_id, check_in, check_out,
    time_zone, starts_at, ends_at, guests)
VALUES (:booking, :listing, :package, :departure, :check_in, :check_out, :time_zone, :starts_at,
    :ends_at, :guests)
""")


async def open_hold(
    session: AsyncSession,
    opening: OpenHold,
    *,
    reference: str | None = None,
    limits: HoldLimits | None = None,
) -> OpenedHold:
    """Make a booking of a quote, and hold its stock; the callers' transaction is all of it.

    What it raises is to be rolled back: then nothing is written, and the quote is as usable as
    before. A repeat under the same booking id changes nothing. Before it, in a transaction of its
    own, give back what is overdue of the same stock (``claims.expire_overdue``). ``reference``:
    another human reference than the request's, which belongs to another booking.

    Raises:
        QuoteNotFound: there is no such quote of theirs.
        QuoteExpired: its time is over.
        QuoteTaken: it has become another booking.
        TooManyHolds: they hold too much already.
        NotOnSale: the offer is not on sale at this moment.
        SoldOut: there is not enough left of it.
        IntegrityError: the booking's id, or its reference, is another booking's.
    """
    request = opening.request
    quoted = await _take_quote(session, request)
    if quoted is None:
        return OpenedHold(None)
    wanted, until = quoted.wanted, quoted.now + dt.timedelta(seconds=request.hold_seconds)
    holder = request.user_id or request.caller_id
    lines = lines_of(wanted)
    own = limits or HoldLimits()
    await check_limits(session, holder, lines, own, is_user=request.user_id is not None)
    # What was quoted counts, whatever has become of the listing's clock since.
    offer = replace(
        await pass_gate(session, quoted.kind, quoted.product_id, wanted), **quoted.times
    )
    booking = _booking(request, quoted, offer, until, reference or request.booking_reference)
    quote = _quote(quoted, offer)
    new = NewBooking(
        booking=booking,
        states=(BookingState.QUOTED, BookingState.HELD),
        caller_id=request.caller_id,
        idempotency_key=request.idempotency_key,
        fingerprint=request.fingerprint,
        run=opening.run,
        fence=opening.fence,
        traveler_id=request.traveler_id,
        travelers=request.travelers,
        contact=request.contact.model_dump(mode="json", by_alias=True),
        billing_details={"email": request.contact.email},
        offers={ITEM: quote.offer},
        why=("quoted", "held out of its quote"),
        who=None if request.user_id is None else f"user {request.user_id}",
        first_at=quoted.quoted_at,
        columns={"user_id": request.user_id, "provider_id": offer.provider_id},
    )
    booking.version = await insert_booking(session, new, quoted.now)
    await save_quotes(session, booking.id, {ITEM: quote})
    booking.items[0].quote = quote.model_copy(update={"offer": {}})  # as it is read back
    await session.execute(_PURCHASE, _purchase(request, wanted, offer))
    due = due_after(booking.state, until, offer.ends_at, offer.time_zone)
    await replace_due(session, booking.id, due)
    await hold(session, Claims(booking.id, holder, lines, until))  # last: others wait for it
    return OpenedHold(booking)


async def _take_quote(session: AsyncSession, request: HoldRequest) -> _Quoted | None:
    """Let a quote become the booking, once; None: it has become this very booking before."""
    named = {"quote": request.quote_id, "subject": request.caller_id, "user": request.user_id}
    taken = await session.execute(_TAKE_QUOTE, {**named, "booking": request.booking_id})
    row = taken.one_or_none()
    if row is not None:
        return _Quoted(
            kind=BookingKind(row.product_type),
            product_id=row.product_id,
            wanted=Wanted.model_validate(row.request[CLAIMS]),
            price=Money(amount=row.total, currency=row.currency),
            quoted_at=row.created_at,
            now=row.now,
            times=_times(row.times),
        )
    found = (await session.execute(_BECAME, named)).one_or_none()
    if found is None:
        raise QuoteNotFound
    if found.booking_id is None:
        raise QuoteExpired(f"quote {request.quote_id} does not stand any more")
    if found.booking_id != request.booking_id:
        became = found.booking_id
        raise QuoteTaken(f"quote {request.quote_id} was used before", booking_id=became)
    return None


def _booking(
    request: HoldRequest, quoted: _Quoted, offer: Offer, until: dt.datetime, reference: str
) -> Booking:
    price = quoted.price
    free = price.amount == 0
    item = Item(
        number=ITEM,
        type=_TYPES[quoted.kind],
        supplier=HOUSE,
        component_id=quoted.product_id,
        title=_title(offer),
        currency=price.currency,
        price=price.amount,
        reference=item_reference(request.booking_id, ITEM),
        saga_state=SagaState.HELD,
        reservation=Reservation(
            reference=item_reference(request.booking_id, ITEM),
            supplier_id=reference,
            confirmation_code=reference,
            provider=offer.provider_id,
            price=price,
            status=ReservationStatus.HELD,
            held_until=until,
            starts_at=offer.starts_at,
            ends_at=offer.ends_at,
        ),
    )
    payment = PaymentView(
        gateway=request.gateway,
        payment_method_id=None,
        currency=price.currency,
        amount=price.amount,
        status=PaymentStatus.NOT_REQUIRED if free else PaymentStatus.PENDING,
    )
    return Booking(
        id=request.booking_id,
        kind=quoted.kind,
        reference=reference,
        state=BookingState.HELD,
        currency=price.currency,
        accepted_total=price.amount,
        items=[item],
        payments=[payment],
        visit=bought(offer, quoted.wanted.guests),
        hold_expires_at=until,
        created_at=quoted.now,
        updated_at=quoted.now,
    )


def _times(told: dict[str, str]) -> dict[str, Any]:
    return {
        name: value if name == "time_zone" else dt.datetime.fromisoformat(value)
        for name, value in told.items()
    }


def _title(offer: Offer) -> str:
    """Return what it is called in lists: the offer, and when it begins."""
    begins = offer.check_in or offer.starts_at.date()
    return f"{offer.title}, {begins:%-d %b %Y}"


def _quote(quoted: _Quoted, offer: Offer) -> Quote:
    return Quote(
        price=quoted.price,
        terms=quoted.wanted.terms,
        title=_title(offer),
        offer={"product": quoted.product_id, CLAIMS: quoted.wanted.model_dump(mode="json")},
    )


def _purchase(request: HoldRequest, wanted: Wanted, offer: Offer) -> dict[str, Any]:
    return {
        "booking": request.booking_id,
        "quote": request.quote_id,
        "listing": offer.listing_id,
        "package": offer.package_id,
        "departure": wanted.departure and wanted.departure.departure_id,
        "check_in": offer.check_in,
        "check_out": offer.check_out,
        "time_zone": offer.time_zone,
        "starts_at": offer.starts_at,
        "ends_at": offer.ends_at,
        "guests": wanted.guests,
    }
