"""What only reservations add to the record. Callers own the transaction."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from models.bookings.lifecycle import BookingState
from models.bookings.repository import NewBooking, insert_booking, save_quotes
from models.core.database import Executor
from models.core.venues import Price, VenueSlot, VenueType
from models.inventory.claims import Claim, Limits, claim_place
from models.reservations.messages import SLOT, BookReservationRequest, OpenReservation
from models.reservations.policy import VenuePolicy
from models.reservations.slots import blocked, slot_of
from models.reservations.tables import RESERVATIONS
from models.reservations.venues import load_policy, resource_no

_OPENING = (BookingState.PENDING, BookingState.VALIDATING)

OPENED = len(_OPENING)
"""Version of a reservation just opened."""


async def insert_reservation(
    session: AsyncSession, opening: OpenReservation, now: dt.datetime, reference: str
) -> None:
    """Write a new reservation, which is VALIDATING then; ``reference`` is its human one."""
    request, slot = opening.request, opening.request.slot
    booking = request.new_booking(now)
    booking.reference = reference
    new = NewBooking(
        booking=booking,
        states=_OPENING,
        caller_id=request.caller_id,
        idempotency_key=request.idempotency_key,
        fingerprint=request.fingerprint,
        run=opening.run,
        fence=opening.fence,
        traveler_id=request.traveler_id,
        travelers=[request.guest.model_dump(mode="json")],
        contact=request.contact.model_dump(mode="json", by_alias=True),
        billing_details={"name": request.guest.name, "email": request.contact.email},
        offers={SLOT: slot.model_dump(mode="json", by_alias=True)},
    )
    await insert_booking(session, new, now)
    await save_quotes(session, booking.id, {SLOT: request.quote})
    await session.execute(
        insert(RESERVATIONS).values(
            booking_id=request.booking_id,
            caller_id=request.caller_id,
            venue_id=request.venue_id,
            guest_id=request.guest_id,
            guest={"name": request.guest.name, **request.contact.model_dump(mode="json")},
            notes=request.guest.notes,
            **slot_columns(slot),
        )
    )


def slot_columns(slot: VenueSlot) -> dict[str, Any]:
    """Return what of a slot stands in the table ``reservations``."""
    return {
        "party_size": slot.party_size,
        "local_date": slot.local.date(),
        "local_time": slot.local.time().replace(tzinfo=None),
        "time_zone": slot.time_zone,
        "starts_at": slot.starts_at,
        "ends_at": slot.ends_at,
        "resource_id": slot.resource_id,
    }


async def claim_slot(
    session: AsyncSession, request: BookReservationRequest, until: dt.datetime
) -> None:
    """Claim the place of a reservation; a repeat changes nothing.

    Raises:
        PlaceTakenError: there is none any more.
    """
    claim = Claim(
        booking_id=request.booking_id,
        item=SLOT,
        venue_id=request.venue_id,
        guest=guest_of_all(request.caller_id, request.guest_id, request.venue_id),
        expires_at=until,
        duplicate_ok=request.allow_duplicate,
        **await place_of(session, request.venue_id, request.slot),
    )
    await claim_place(session, claim)


def guest_of_all(caller_id: str, guest_id: str, venue_id: str) -> str:
    """Return what names a guest of a caller at a venue, among all of all callers."""
    return f"{caller_id}\n{guest_id}\n{venue_id}"


async def place_of(session: AsyncSession, venue_id: str, slot: VenueSlot) -> dict[str, Any]:
    """Return what of a claim is the place: its time, table and size, and the venue's limits."""
    policy = await load_policy(session, venue_id)
    table = None
    if slot.resource_id is not None:
        table = await resource_no(session, venue_id, slot.resource_id)
    return {
        "units": slot.party_size,
        "visit": (slot.starts_at, slot.ends_at),
        "during": blocked(policy, slot),
        "resource_no": table,
        "limits": _limits(policy, slot) if policy.counted else None,
    }


def _limits(policy: VenuePolicy, slot: VenueSlot) -> Limits:
    covers = policy.covers if policy.capacity_mode == "COVERS" else None
    return Limits(
        slot=slot_of(policy, slot),
        covers=covers,
        starts=policy.pacing.parties,
        arrivals=policy.pacing.covers,
    )


@dataclass(frozen=True)
class StoredReservation:
    """What a reservation is, beside its booking."""

    venue_id: str
    """As the caller knows it."""
    venue_type: VenueType
    venue_name: str
    policy: VenuePolicy
    guest_id: str
    guest: dict[str, Any]
    """``name``, ``email`` and ``phone``."""
    party_size: int
    local_date: dt.date
    local_time: dt.time
    time_zone: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    resource_id: str | None
    notes: str
    price: Price
    """As it was answered when the reservation was made."""
    allow_duplicate: bool
    """Whether the guest may have another one there at that time."""


_DETAILS = text("""
SELECT v.external_id AS venue_id, v.type AS venue_type, v.name AS venue_name, v.policy, r.guest_id,
    r.guest, r.party_size, r.local_date, r.local_time, r.time_zone, r.starts_at, r.ends_at,
    r.resource_id, r.notes, i.quote -> 'offer' -> 'price' AS price,
    EXISTS (SELECT FROM inventory_claims c
        WHERE c.booking_id = r.booking_id AND c.version = 1 AND c.duplicate_ok) AS allow_duplicate
FROM reservations r JOIN venues v ON v.id = r.venue_id
JOIN booking_items i ON i.booking_id = r.booking_id AND i.number = 1
WHERE r.booking_id = :booking
""")


_OVERLAPPING = text("""
SELECT b.reference FROM reservations mine
JOIN reservations r ON r.caller_id = mine.caller_id AND r.guest_id = mine.guest_id
    AND r.venue_id = mine.venue_id AND r.booking_id <> mine.booking_id
    AND r.starts_at < coalesce(CAST(:ends AS timestamptz), mine.ends_at)
    AND r.ends_at > coalesce(CAST(:starts AS timestamptz), mine.starts_at)
JOIN inventory_claims c ON c.booking_id = r.booking_id AND c.state IN ('HELD', 'SOLD')
JOIN bookings b ON b.id = r.booking_id
WHERE mine.booking_id = :booking ORDER BY r.starts_at DESC LIMIT 1
""")


async def find_overlapping(
    session: AsyncSession,
    booking_id: str,
    visit: tuple[dt.datetime | None, dt.datetime | None] = (None, None),
) -> str | None:
    """Return the reference of another reservation of the guest there at that time, if any.

    ``visit``: from when to when; as the reservation has it otherwise.
    """
    starts, ends = visit
    values = {"booking": booking_id, "starts": starts, "ends": ends}
    found: str | None = await session.scalar(_OVERLAPPING, values)
    return found


async def load_details(connection: Executor, booking_id: str) -> StoredReservation | None:
    """Return what a reservation is; None for a booking that is none."""
    found = await connection.execute(_DETAILS, {"booking": booking_id})
    row = found.mappings().one_or_none()
    if row is None:
        return None
    read = {
        "policy": VenuePolicy.model_validate(row["policy"]),
        "price": Price.model_validate(row["price"]),
    }
    return StoredReservation(**{**row, **read})
