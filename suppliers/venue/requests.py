"""What the inventory and pricing services are asked, as docs/inventory-and-pricing.md writes it."""

from typing import Any, Final

from models.core.venues import VENUE, SlotWish, VenueGuest, VenueSlot

NAME: Final = VENUE

PROBE: Final = "probe"
"""A reference that nothing is ever reserved under; see ``suppliers.venue.proving``."""


def slot(asked: SlotWish | VenueSlot) -> dict[str, Any]:
    """Return a slot on the venue's own clock."""
    wish = asked.wish if isinstance(asked, VenueSlot) else asked
    return {
        "venue": {"id": wish.venue_id, "type": wish.venue_type},
        "date": wish.date.isoformat(),
        "time": f"{wish.time:%H:%M}",
        "utc_offset": None if wish.utc_offset_minutes is None else _offset(wish.utc_offset_minutes),
        "duration_minutes": wish.duration_minutes,
        "party_size": wish.party_size,
        "resource_id": wish.resource_id,
    }


def check(asked: SlotWish | VenueSlot, excluding: str | None) -> dict[str, Any]:
    """Return the body of ``check-availability``."""
    return {"slot": slot(asked), "excluding": excluding}


def priced(asked: SlotWish | VenueSlot) -> dict[str, Any]:
    """Return the body of ``calculate`` and ``estimate``."""
    return {"slot": slot(asked)}


def reserve(asked: VenueSlot, guest: VenueGuest, reference: str) -> dict[str, Any]:
    """Return the body of ``reserve``."""
    return {"reference": reference, "slot": slot(asked), **_guest(guest)}


def change(asked: VenueSlot, guest: VenueGuest, reference: str, key: str) -> dict[str, Any]:
    """Return the body of ``update-reservation`` that moves a reservation."""
    return {"reference": reference, "key": key, "slot": slot(asked), **_guest(guest)}


def _guest(guest: VenueGuest) -> dict[str, Any]:
    return {"guest_name": guest.name, "notes": guest.notes}


def _offset(minutes: int) -> str:
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"
