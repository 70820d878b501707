"""The venue that a request names, and what its policy lets be reserved."""

import datetime as dt
from dataclasses import replace

from api.core.context import AppContext
from api.core.principals import Principal
from api.reservations.requests import SlotBody, VenueBody
from models.core.venues import DAY_MINUTES, SlotWish, VenueSlot
from models.reservations.errors import SlotRefused
from models.reservations.policy import VenuePolicy
from models.reservations.slots import utc_of
from models.reservations.venues import Venue, add_venue, find_venue, venue_id

FIRST_YEAR, LAST_YEAR = 1970, 2199
"""Of days that are asked for."""


async def venue_of(context: AppContext, caller: Principal, body: VenueBody) -> Venue | None:
    """Return the venue on record; None: nobody has said anything of it yet.

    Raises:
        SlotRefused: it is of another type.
    """
    found = await context.record.read(lambda session: find_venue(session, caller.id, body.id))
    if found is not None and found.type != body.type:
        raise SlotRefused("venue.type", f"This venue is a {found.type}, not a {body.type}.")
    return found


def unregistered(caller: Principal, body: VenueBody) -> Venue:
    """Return a venue that the record does not know: its policy leaves all to its inventory."""
    return Venue(
        id=venue_id(caller.id, body.id),
        external_id=body.id,
        type=body.type,
        name=body.name,
        time_zone="",
        policy=VenuePolicy(),
        version=1,
    )


async def keep_venue(
    context: AppContext, caller: Principal, body: VenueBody, slot: VenueSlot
) -> Venue:
    """Keep a venue that the record does not know, with the zone its inventory tells."""
    name = body.name or slot.venue_name
    venue = replace(unregistered(caller, body), name=name, time_zone=slot.time_zone)
    await context.record.write(lambda session: add_venue(session, caller.id, venue))
    return venue


def wish_of(body: SlotBody, venue_body: VenueBody, venue: Venue | None) -> SlotWish:
    """Return what is asked for by the venue's policy.

    Raises:
        SlotRefused: the policy does not let it be reserved.
        TimeDoesNotExist, OffsetDoesNotFit: the venue's clock never shows this time.
    """
    if venue is None:
        _expect_usual(body, venue_body)
        return body.wish(venue_body)
    return wish_by(venue.policy, venue.time_zone, body, venue_body)


def wish_by(policy: VenuePolicy, zone: str, body: SlotBody, venue_body: VenueBody) -> SlotWish:
    """Return what is asked for by a policy, at a venue in ``zone``. Raises as :func:`wish_of`."""
    _expect_usual(body, venue_body)
    if not policy.min_party <= body.party_size <= policy.max_party:
        words = f"This venue takes parties of {policy.min_party} to {policy.max_party}."
        raise SlotRefused("party_size", words)
    if (body.time.hour * 60 + body.time.minute) % policy.slot_minutes:
        words = f"Reservations begin every {policy.slot_minutes} minutes, counted from midnight."
        raise SlotRefused("time", words)
    offset = None if body.utc_offset is None else dt.timedelta(minutes=body.utc_offset)
    utc_of(body.date, body.time, zone, offset)
    return wished(policy, zone, body, venue_body)


def expect_day(date: dt.date) -> None:
    """Make sure that it is a day whose moments can be told in every zone. Raises SlotRefused."""
    if not FIRST_YEAR <= date.year <= LAST_YEAR:
        words = f"The date must be in the years {FIRST_YEAR} to {LAST_YEAR}."
        raise SlotRefused("date", words)


def _expect_usual(body: SlotBody, venue_body: VenueBody) -> None:
    """Make sure of the day, and that only a stay lasts for days. Raises SlotRefused."""
    expect_day(body.date)
    if venue_body.type != "HOTEL" and (body.duration_minutes or 0) > DAY_MINUTES:
        words = f"Only at a HOTEL a reservation may last longer than {DAY_MINUTES} minutes."
        raise SlotRefused("duration_minutes", words)


def wished(policy: VenuePolicy, zone: str, body: SlotBody, venue_body: VenueBody) -> SlotWish:
    """Return what is asked for, whether or not the policy lets it be reserved."""
    wish = body.wish(venue_body).model_copy(update={"time_zone": zone or None})
    if body.duration_minutes is None:
        wish = wish.model_copy(update={"duration_minutes": policy.turn(body.party_size)})
    return wish


def expect_zone(venue: Venue, slot: VenueSlot) -> None:
    """Make sure that the venue is where its inventory has it. Raises SlotRefused."""
    if venue.time_zone != slot.time_zone:
        words = (
            f"The venue is registered in {venue.time_zone}, and its inventory says"
            f" {slot.time_zone}: register it again."
        )
        raise SlotRefused("venue.id", words)


def expect_bookable(policy: VenuePolicy, slot: VenueSlot, now: dt.datetime) -> None:
    """Make sure that a slot is neither over nor too far ahead.

    Raises:
        SlotRefused: it is.
    """
    why = policy.out_of_time(slot.starts_at, now)
    if why == "too_soon":
        words = "This time is over, or so soon that it cannot be reserved any more."
        raise SlotRefused("time", words)
    if why == "too_far_ahead":
        words = f"Reservations can be made {policy.book_ahead_max_days} days ahead."
        raise SlotRefused("date", words)
