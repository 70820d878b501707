"""What was bought, beside its booking: when it takes place, and what is due about it by time."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import func, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.booking import Booking, Bought
from models.bookings.deadlines import Action, Due
from models.bookings.hooks import Hook, Step
from models.bookings.lifecycle import BookingState
from models.bookings.tables import BOOKING_ITEMS
from models.core.supply import Quote
from models.marketplace.stock.gate import Offer
from models.marketplace.stock.tables import PURCHASES
from models.marketplace.stock.wanted import CLAIMS, Wanted

HAS_DUE = frozenset({BookingState.HELD, BookingState.CONFIRMED, BookingState.CHECKED_IN})
"""States in which something becomes of a booking by time alone; in others a workflow runs for it,
or nothing is left to come."""

_HELD = text("""
SELECT b.kind, i.quote -> 'offer' AS offer
FROM bookings b JOIN booking_items i ON i.booking_id = b.id AND i.number = 1
JOIN purchases p ON p.booking_id = b.id WHERE b.id = :booking
""")


class PurchaseDetails(BaseModel):
    """What a transition changes of what was bought (``Transition.details``)."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    check_in: dt.date | None = None
    check_out: dt.date | None = None
    departure_id: str | None = None
    guests: int
    quote: Quote
    """Its price and terms from now on."""

    @classmethod
    def of(cls, offer: Offer, guests: int, quote: Quote, departure_id: str | None = None) -> Any:
        """Return them for an offer that has passed the gate."""
        return cls(
            starts_at=offer.starts_at,
            ends_at=offer.ends_at,
            check_in=offer.check_in,
            check_out=offer.check_out,
            departure_id=departure_id,
            guests=guests,
            quote=quote,
        )


class PurchaseHook(Hook):
    """Writes other dates, guests and prices where a transition changes them."""

    async def before(self, session: AsyncSession, step: Step) -> None:
        """Write what has changed, in every table that has it."""
        if step.details is None:
            return
        details = PurchaseDetails.model_validate(step.details)
        await session.execute(
            update(PURCHASES)
            .where(PURCHASES.c.booking_id == step.booking.id)
            .values(details.model_dump(exclude={"quote"}))
        )
        await session.execute(
            update(BOOKING_ITEMS)
            .where(BOOKING_ITEMS.c.booking_id == step.booking.id, BOOKING_ITEMS.c.number == 1)
            .values(quote=details.quote.model_dump(mode="json"), updated_at=func.now())
        )


def due_after(
    state: BookingState, hold_expires_at: dt.datetime | None, ends_at: dt.datetime, zone: str
) -> Mapping[Action, Due]:
    """Return what is due, and when, for what has come to ``state``.

    Nobody is taken for missing by time alone: no listing says that it keeps a list of who has come.
    """
    match state:
        case BookingState.HELD if hold_expires_at is not None:
            rule = f"not paid by {_local(hold_expires_at, zone)}"
            return {Action.EXPIRE_HOLD: Due(hold_expires_at, rule)}
        case BookingState.CONFIRMED | BookingState.CHECKED_IN:
            return {Action.COMPLETE: Due(ends_at, f"it ended at {_local(ends_at, zone)}")}
    return {}


class Held(NamedTuple):
    """What a booking holds or has bought, or did."""

    kind: str
    product_id: str
    """Of the listing, the hotel package, or the departure."""
    wanted: Wanted


async def load_held(session: AsyncSession, booking_id: str) -> Held | None:
    """Return what a booking was made of, as its last change left it; None for no such booking."""
    row = (await session.execute(_HELD, {"booking": booking_id})).one_or_none()
    if row is None:
        return None
    return Held(row.kind, row.offer["product"], Wanted.model_validate(row.offer[CLAIMS]))


async def due_of(session: AsyncSession, booking: Booking) -> Mapping[Action, Due]:
    """Return what is due about what was bought, and is on record."""
    table = PURCHASES.c
    row = (
        await session.execute(
            select(table.ends_at, table.time_zone).where(table.booking_id == booking.id)
        )
    ).one()
    return due_after(booking.state, booking.hold_expires_at, row.ends_at, row.time_zone)


def bought(offer: Offer, guests: int) -> Bought:
    """Return what events tell of an offer that was bought."""
    return Bought(
        provider_id=offer.provider_id,
        starts_at=offer.starts_at,
        ends_at=offer.ends_at,
        time_zone=offer.time_zone,
        party_size=guests,
    )


def _local(moment: dt.datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"
