"""Moving a reservation on record: how it stands, and its claim. Callers own the transaction."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from models.core.people import Contact
from models.core.supply import Quote
from models.core.venues import VenueGuest, VenueSlot
from models.inventory.claims import Claim, Limits, PlaceTakenError, Taken
from models.inventory.moves import move_place
from models.reservations.changes import Details, MoveClaim
from models.reservations.messages import SLOT
from models.reservations.repository import guest_of_all, place_of

_STANDING = text("""
SELECT b.travelers, b.contact, i.offer, i.quote,
    (SELECT max(version) FROM inventory_claims c WHERE c.booking_id = b.id) AS claim
FROM bookings b JOIN booking_items i ON i.booking_id = b.id AND i.number = 1
WHERE b.id = :booking
""")

_WITH_TABLE = text("""
SELECT resource_no IS NOT DISTINCT FROM CAST(:table AS bigint) FROM inventory_claims
WHERE booking_id = :booking AND item = :item AND version = :version
""")

_OF_ALL = text("""
SELECT r.caller_id::text, r.guest_id, r.venue_id::text, c.duplicate_ok
FROM reservations r JOIN inventory_claims c ON c.booking_id = r.booking_id AND c.version = 1
WHERE r.booking_id = :booking
""")


@dataclass(frozen=True)
class Standing:
    """A reservation on record."""

    details: Details
    """All of them."""
    claim: int
    """The version of its newest claim."""


async def load_standing(session: AsyncSession, booking_id: str) -> Standing | None:
    """Return what would be changed of a reservation; None for a booking that is none."""
    row = (await session.execute(_STANDING, {"booking": booking_id})).one_or_none()
    if row is None or row.claim is None:
        return None
    details = Details(
        guest=VenueGuest.model_validate(row.travelers[0]),
        contact=Contact.model_validate(row.contact),
        slot=VenueSlot.model_validate(row.offer),
        quote=Quote.model_validate(row.quote),
    )
    return Standing(details, row.claim)


async def claim_at(session: AsyncSession, asked: MoveClaim) -> Claim:
    """Return the claim that a reservation is to have in place of its own.

    On the way back no limit of the venue counts, nor that the guest has something else there by
    now: it was the reservation's own place a moment ago.
    """
    found = (await session.execute(_OF_ALL, {"booking": asked.booking_id})).one()
    place: dict[str, Any] = await place_of(session, found.venue_id, asked.slot)
    if asked.back and place["limits"] is not None:
        place["limits"] = Limits(slot=place["limits"].slot)
    return Claim(
        booking_id=asked.booking_id,
        item=SLOT,
        version=asked.version,
        venue_id=found.venue_id,
        guest=guest_of_all(found.caller_id, found.guest_id, found.venue_id),
        expires_at=None,
        duplicate_ok=found.duplicate_ok or asked.back,
        **place,
    )


async def put_back(session: AsyncSession, claim: Claim) -> Taken | None:
    """Let a reservation have its place again; returns what another party has of it by now.

    Without the table, where that is taken: its venue's inventory has the last word. A repeat
    changes nothing and is answered alike.
    """
    try:
        await move_place(session, claim)
    except PlaceTakenError as taken:
        await move_place(session, replace(claim, resource_no=None))
        return taken.what
    made = {"booking": claim.booking_id, "item": claim.item, "version": claim.version}
    with_table = await session.scalar(_WITH_TABLE, {**made, "table": claim.resource_no})
    return None if with_table else Taken.RESOURCE
