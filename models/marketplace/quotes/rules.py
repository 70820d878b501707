"""What may be sold, when, and to how many. No I/O: what is offered is read before."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from models.marketplace.catalogue.lifecycle import (
    AvailabilityRule,
    DepartureStatus,
    OfferStatus,
    RoomStatus,
)
from models.marketplace.providers.lifecycle import VerificationStatus
from models.marketplace.quotes.errors import (
    CurrencyNotOffered,
    GuestsDoNotFit,
    NotOnSale,
    OfferNotFound,
    QuoteRefused,
    SoldOut,
)
from models.marketplace.quotes.moments import next_moment
from models.marketplace.quotes.offered import Listing, Outing, Package, Plan, Provider, Room
from models.marketplace.stock.wanted import MOST_NIGHTS

WEEKEND: Final = (5, 6, 7)
"""ISO weekdays on which a weekend may begin: Friday to Sunday."""


def expect_on_sale(what: str, status: str, provider: Provider) -> None:
    """Make sure that an offer is published, by a provider that is approved.

    Raises:
        OfferNotFound: it has never been published: nobody but its provider knows of it.
        NotOnSale: it is paused, archived, or its provider may not sell.
    """
    if status == OfferStatus.DRAFT:
        raise OfferNotFound
    if status != OfferStatus.PUBLISHED:
        raise NotOnSale(what, status)
    if provider.verification_status != VerificationStatus.APPROVED:
        raise NotOnSale(what, "PROVIDER_NOT_APPROVED")


def expect_currency(offered: str, asked: str) -> None:
    """Make sure that it is sold in the currency asked for. Raises CurrencyNotOffered."""
    if offered != asked:
        raise CurrencyNotOffered(offered, asked)


def expect_dates(check_in: dt.date, check_out: dt.date) -> None:
    """Make sure that a stay has some nights, and not too many. Raises QuoteRefused."""
    if not 1 <= (check_out - check_in).days <= MOST_NIGHTS:
        words = f"A stay has 1 to {MOST_NIGHTS} nights: check_out is after check_in."
        raise QuoteRefused("check_out", "NIGHTS", words, {"nights_max": MOST_NIGHTS})


def today_at(zone: str, now: dt.datetime) -> dt.date:
    """Return which day it is in a zone."""
    return now.astimezone(ZoneInfo(zone)).date()


def expect_ahead(check_in: dt.date, today: dt.date) -> None:
    """Make sure that a stay does not begin in the past, there. Raises QuoteRefused."""
    if check_in < today:
        words = f"The check-in is over: it is {today} there."
        raise QuoteRefused("check_in", "IN_THE_PAST", words, {"today": f"{today}"})


def expect_fit(room: Room, listing: Listing, counted: tuple[int, int], field: str) -> None:
    """Make sure that a room takes so many adults and children. Raises GuestsDoNotFit."""
    if counted[0] > room.adults_max or counted[1] > room.children_max:
        limits = {
            "adults_max": room.adults_max,
            "children_max": room.children_max,
            "child_age_max": listing.child_age_max,
        }
        raise GuestsDoNotFit(field, room.id, limits)


def plan_refusal(
    plan: Plan, check_in: dt.date, nights: int, today: dt.date
) -> QuoteRefused | NotOnSale | None:
    """Return why a rate plan cannot be had for these nights; None: it can."""
    if plan.status != RoomStatus.ACTIVE:
        return NotOnSale("rate_plan", plan.status)
    if nights < plan.min_stay:
        words = f"At this rate one stays {plan.min_stay} nights or more."
        return QuoteRefused("check_out", "MIN_STAY", words, {"min_stay": plan.min_stay})
    if plan.max_stay is not None and nights > plan.max_stay:
        words = f"At this rate one stays {plan.max_stay} nights at most."
        return QuoteRefused("check_out", "MAX_STAY", words, {"max_stay": plan.max_stay})
    ahead = (check_in - today).days
    if plan.book_ahead_min is not None and ahead < plan.book_ahead_min:
        words = f"This rate is booked {plan.book_ahead_min} days ahead or more."
        return QuoteRefused("check_in", "BOOK_AHEAD", words, {"days_min": plan.book_ahead_min})
    if plan.book_ahead_max is not None and ahead > plan.book_ahead_max:
        words = f"This rate is booked {plan.book_ahead_max} days ahead at most."
        return QuoteRefused("check_in", "BOOK_AHEAD", words, {"days_max": plan.book_ahead_max})
    return None


def sold_out_nights(room: Room, check_in: dt.date, nights: int, units: int) -> list[dt.date]:
    """Return the nights of a stay that so many units of a room cannot be had for."""
    free = {one.night for one in room.nights if not one.closed and one.available >= units}
    days = [check_in + dt.timedelta(days=day) for day in range(nights)]
    return [day for day in days if day not in free]


def units_left(room: Room, check_in: dt.date, check_out: dt.date) -> int:
    """Return how many units can be had for all nights, of which there are some."""
    return min(one.available for one in room.nights if check_in <= one.night < check_out)


def expect_free(
    rooms: Mapping[str, Room], units: Mapping[str, int], check_in: dt.date, nights: int
) -> None:
    """Make sure that all units of all rooms can be had. Raises SoldOut with their nights."""
    missing = {
        day
        for room_id, wanted in units.items()
        for day in sold_out_nights(rooms[room_id], check_in, nights, wanted)
    }
    if missing:
        raise SoldOut(sorted(missing))


def doors_refusal(
    room: Room, check_in: dt.date, check_out: dt.date, *, min_stay: bool = True
) -> QuoteRefused | None:
    """Return why one cannot arrive or leave on these days, or not so soon; None: one can.

    Both are told of by the night that begins on that day. ``min_stay``: whether how long one stays
    is asked about, too; of a package it is the package's.
    """
    nights = (check_out - check_in).days
    for one in room.nights:
        if one.night == check_in and one.closed_to_arrival:
            words = f"Nobody can arrive on {check_in}."
            return QuoteRefused("check_in", "CLOSED_TO_ARRIVAL", words)
        if one.night == check_out and one.closed_to_departure:
            words = f"Nobody can leave on {check_out}."
            return QuoteRefused("check_out", "CLOSED_TO_DEPARTURE", words)
        if min_stay and one.night == check_in and (one.min_stay or 1) > nights:
            words = f"Who arrives on {check_in} stays {one.min_stay} nights or more."
            return QuoteRefused("check_out", "MIN_STAY", words, {"min_stay": one.min_stay})
    return None


def expect_package_day(package: Package, check_in: dt.date) -> None:
    """Make sure that a package may begin on a day. Raises QuoteRefused."""
    days = package_weekdays(package.availability_rule, package.weekdays)
    if check_in.isoweekday() not in days:
        words = "This package does not begin on that day of the week."
        raise QuoteRefused("check_in", package.availability_rule, words, {"weekdays": [*days]})
    check_out = check_in + dt.timedelta(days=package.nights)
    begins, ends = package.season_from, package.season_until
    if (begins is not None and check_in < begins) or (ends is not None and check_out > ends):
        words = "This package is sold for its season only."
        season = {"season_from": begins and f"{begins}", "season_until": ends and f"{ends}"}
        raise QuoteRefused("check_in", AvailabilityRule.SEASONAL, words, season)


def package_weekdays(rule: str, weekdays: Sequence[int] | None) -> Sequence[int]:
    """Return the ISO weekdays on which a package may begin."""
    if weekdays is not None:
        return weekdays
    return WEEKEND if rule == AvailabilityRule.WEEKEND_ONLY else range(1, 8)


def expect_departing(outing: Outing, travelers: int) -> None:
    """Make sure that so many seats of a departure can be had.

    Raises:
        OfferNotFound: the tour has no such departure.
        NotOnSale: it is closed or cancelled, or leaves too soon.
        SoldOut: there are fewer seats.
    """
    departure = outing.departure
    if departure is None:
        raise OfferNotFound
    if departure.status != DepartureStatus.OPEN:
        raise NotOnSale("departure", departure.status)
    if outing.now >= departure.starts_at - dt.timedelta(hours=outing.tour.cutoff_hours):
        raise NotOnSale("departure", "CUTOFF")
    if departure.available < travelers:
        raise SoldOut(seats_left=departure.available)


def stay_moments(
    listing: Listing, check_in: dt.date, check_out: dt.date
) -> tuple[dt.datetime, dt.datetime]:
    """Return when guests can come and have to leave (UTC).

    Raises:
        NotOnSale: the listing does not say where or when; only drafts are like that.
    """
    if not (listing.time_zone and listing.check_in_from and listing.check_out_until):
        raise NotOnSale("listing", "INCOMPLETE")
    begins = dt.datetime.combine(check_in, listing.check_in_from)
    ends = dt.datetime.combine(check_out, listing.check_out_until)
    return next_moment(begins, listing.time_zone), next_moment(ends, listing.time_zone)
