"""What a listing offers a party: every room and rate plan that fits, priced. No I/O."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from models.core.terms import CancellationTerms
from models.marketplace.catalogue.lifecycle import RoomStatus
from models.marketplace.quotes import pricing, rules
from models.marketplace.quotes.errors import PriceNotPayable
from models.marketplace.quotes.fees import Beginning, Part, no_show_fee, terms_of
from models.marketplace.quotes.offered import Listing, Lodging, Plan, Room
from models.marketplace.quotes.parties import Party
from models.marketplace.quotes.payable import payable


@dataclass(frozen=True)
class OfferedRoom:
    """A type of room."""

    id: str
    name: str
    room_type: str
    adults_max: int
    children_max: int
    beds: Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Nights:
    """Nights of a room that can be had."""

    check_in: dt.date
    prices: Sequence[int]
    """Of each, before the plan's rule."""
    units: int
    """How many can be had for all of them."""


@dataclass(frozen=True)
class StayOffer:
    """Units of one type of room on one rate plan, for a party."""

    room: OfferedRoom
    plan: Plan
    parties: tuple[Party, ...]
    """Who sleeps in each unit: what a quote is to be asked for."""
    price: pricing.Price
    terms: CancellationTerms
    no_show_fee: int
    units_left: int

    @property
    def per_night(self) -> int:
        """What a night of all units costs on average, taxes included."""
        nights = {line.date for line in self.price.lines if line.date is not None}
        return pricing.average(self.price.total, len(nights))


def stay_offer(
    listing: Listing,
    room: OfferedRoom,
    plan: Plan,
    sold: Nights,
    party: Party,
    rooms: int,
    now: dt.datetime,
) -> StayOffer:
    """Return what a party pays for so many units of a room, which it fits.

    Raises:
        PriceNotPayable: nobody can pay that.
    """
    currency, check_in = listing.currency, sold.check_in
    parties = party.spread(rooms, listing.child_age_max)
    units = [
        pricing.Unit(room.id, *one.counted(listing.child_age_max), sold.prices, plan.price_rule)
        for one in parties
    ]
    price = payable(partial(pricing.stay, units, check_in, listing.taxes, currency), currency)
    each = [pricing.nights_of(unit, currency) for unit in units]
    part = Part(price.total, [*map(sum, zip(*each, strict=True))], plan.terms, plan.no_show)
    assert listing.time_zone, "a listing that is published says where it is"
    assert listing.check_in_from, "and when one can come"
    begins = Beginning(dt.datetime.combine(check_in, listing.check_in_from), listing.time_zone)
    return StayOffer(
        room=room,
        plan=plan,
        parties=tuple(parties),
        price=price,
        terms=terms_of([part], begins, now, currency),
        no_show_fee=no_show_fee([part], currency),
        units_left=sold.units // rooms,
    )


def offers_of(
    read: Lodging, check_in: dt.date, check_out: dt.date, party: Party, rooms: int
) -> list[StayOffer]:
    """Return what of a listing fits and can be had, the cheapest first.

    Raises:
        OfferNotFound, NotOnSale: the listing is not sold.
        QuoteRefused: the days are past, too many or in the wrong order.
    """
    listing = read.listing
    rules.expect_on_sale("listing", listing.status, read.provider)
    rules.expect_dates(check_in, check_out)
    rules.stay_moments(listing, check_in, check_out)
    today = rules.today_at(listing.time_zone or "UTC", read.now)
    rules.expect_ahead(check_in, today)
    found = [
        offer
        for room in read.rooms
        if _fits(room, listing, party, rooms) and _is_free(room, check_in, check_out, rooms)
        for offer in _of_room(read, room, check_in, check_out, today, party, rooms)
    ]
    return sorted(found, key=lambda one: (one.price.total, one.room.id, one.plan.id))


def _fits(room: Room, listing: Listing, party: Party, rooms: int) -> bool:
    adults, children = party.counted(listing.child_age_max)
    return adults <= room.adults_max * rooms and children <= room.children_max * rooms


def _is_free(room: Room, check_in: dt.date, check_out: dt.date, rooms: int) -> bool:
    nights = (check_out - check_in).days
    return (
        room.status == RoomStatus.ACTIVE
        and not rules.sold_out_nights(room, check_in, nights, rooms)
        and rules.doors_refusal(room, check_in, check_out) is None
    )


def _of_room(
    read: Lodging,
    room: Room,
    check_in: dt.date,
    check_out: dt.date,
    today: dt.date,
    party: Party,
    rooms: int,
) -> Iterator[StayOffer]:
    prices = [
        room.base_price if night.price is None else night.price
        for night in room.nights
        if night.night < check_out
    ]
    sold = Nights(check_in, prices, rules.units_left(room, check_in, check_out))
    offered = OfferedRoom(
        room.id, room.name, room.room_type, room.adults_max, room.children_max, room.beds
    )
    for plan in room.plans:
        if rules.plan_refusal(plan, check_in, len(prices), today) is None:
            try:
                yield stay_offer(read.listing, offered, plan, sold, party, rooms, read.now)
            except PriceNotPayable:
                continue
