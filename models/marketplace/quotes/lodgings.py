"""Stays and hotel packages: the snapshot that a wish for rooms comes to. No I/O."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from models.core.money import smallest_charge
from models.marketplace.catalogue.lifecycle import RoomStatus
from models.marketplace.quotes import pricing, rules
from models.marketplace.quotes.errors import NotOnSale, QuoteRefused
from models.marketplace.quotes.fees import Beginning, Part, no_show_fee, terms_of
from models.marketplace.quotes.messages import RoomWish, StayWish
from models.marketplace.quotes.offered import Listing, Lodging, Package, Plan, Room
from models.marketplace.quotes.payable import payable
from models.marketplace.quotes.snapshot import (
    ListingPart,
    PackagePart,
    ProviderPart,
    RatePlanPart,
    RoomPart,
    Snapshot,
    StayPart,
    TermsPart,
)
from models.marketplace.stock.wanted import RoomNights, Wanted


@dataclass(frozen=True)
class Quoted:
    """A snapshot, what it lets a booking claim, and how many more could be had."""

    snapshot: Snapshot
    wanted: Wanted
    units_left: int


@dataclass(frozen=True)
class _Taken:
    """A unit that is asked for: by whom, and on which plan."""

    wish: RoomWish
    room: Room
    counted: tuple[int, int]
    plan: Plan | None


def quote_stay(wish: StayWish, read: Lodging) -> Quoted:
    """Return what rooms of a listing cost for some nights.

    Raises:
        DomainError: of ``models.marketplace.quotes.errors``; what stands in the way.
    """
    assert wish.check_out is not None, "only packages know themselves how long they are"
    check_in, check_out, listing = wish.check_in, wish.check_out, read.listing
    today = _opened(wish, read, check_in, check_out)
    taken = _placed(wish, read)
    _expect_had(taken, check_in, check_out)
    taken = _on_plans(taken, listing, check_in, check_out, today)
    for one in taken:
        if (refused := rules.doors_refusal(one.room, check_in, check_out)) is not None:
            raise refused
    units = [_unit(one, check_in, check_out) for one in taken]
    price = payable(
        partial(pricing.stay, units, check_in, listing.taxes, listing.currency), listing.currency
    )
    return _quoted(wish, read, taken, price, check_out, _parts(taken, units, price))


def quote_package(wish: StayWish, read: Lodging) -> Quoted:
    """Return what a hotel package costs. Raises as :func:`quote_stay`."""
    package, listing = read.package, read.listing
    assert package is not None, "it was read with its package"
    rules.expect_on_sale("package", package.status, read.provider)
    check_in = wish.check_in
    check_out = check_in + dt.timedelta(days=package.nights)
    if wish.check_out not in (None, check_out):
        words = f"This package is of {package.nights} nights."
        raise QuoteRefused("check_out", "NIGHTS", words, {"nights": package.nights})
    _opened(wish, read, check_in, check_out)
    rules.expect_package_day(package, check_in)
    taken = _placed(wish, read)
    _expect_in_package(wish, package)
    _expect_had(taken, check_in, check_out)
    for one in taken:
        refused = rules.doors_refusal(one.room, check_in, check_out, min_stay=False)
        if refused is not None:
            raise refused
    adults = sum(one.counted[0] for one in taken)
    persons = sum(one.wish.party.persons for one in taken)
    basis = pricing.Basis(0, adults, persons, len(taken), package.nights)
    each = package.price_per_person
    kind = pricing.LineKind.PACKAGE
    price = payable(
        partial(pricing.by_head, kind, each, basis, listing.taxes, listing.currency),
        listing.currency,
    )
    step = smallest_charge(listing.currency)
    nights = pricing.apportioned(price.lines[0].amount, [1] * package.nights, step)
    parts = [Part(price.total, nights, package.terms, None)]
    return _quoted(wish, read, taken, price, check_out, parts)


def _opened(wish: StayWish, read: Lodging, check_in: dt.date, check_out: dt.date) -> dt.date:
    """Make sure that the listing sells these days in that currency; returns the day it is there."""
    listing = read.listing
    rules.expect_on_sale("listing", listing.status, read.provider)
    rules.expect_currency(listing.currency, wish.currency)
    rules.expect_dates(check_in, check_out)
    rules.stay_moments(listing, check_in, check_out)
    today = rules.today_at(listing.time_zone or "UTC", read.now)
    rules.expect_ahead(check_in, today)
    return today


def _placed(wish: StayWish, read: Lodging) -> list[_Taken]:
    """Return who sleeps where. Raises QuoteRefused, NotOnSale, GuestsDoNotFit."""
    rooms = {room.id: room for room in read.rooms}
    taken = []
    for number, one in enumerate(wish.rooms):
        field = f"rooms[{number}]"
        room = rooms.get(one.room_id)
        if room is None:
            words = "This is no room of the listing."
            raise QuoteRefused(f"{field}.room_id", "ROOM_UNKNOWN", words)
        if room.status != RoomStatus.ACTIVE:
            raise NotOnSale("room", room.status)
        counted = one.party.counted(read.listing.child_age_max)
        rules.expect_fit(room, read.listing, counted, field)
        taken.append(_Taken(one, room, counted, None))
    return taken


def _expect_had(taken: Sequence[_Taken], check_in: dt.date, check_out: dt.date) -> None:
    rooms = {one.room.id: one.room for one in taken}
    units = Counter(one.room.id for one in taken)
    rules.expect_free(rooms, units, check_in, (check_out - check_in).days)


def _expect_in_package(wish: StayWish, package: Package) -> None:
    units = Counter(one.room_id for one in wish.rooms)
    for number, one in enumerate(wish.rooms):
        most = package.units.get(one.room_id, 0)
        if units[one.room_id] > most:
            words = f"The package is sold in {most} of this room at most."
            field = f"rooms[{number}].room_id"
            raise QuoteRefused(field, "ROOM_NOT_IN_PACKAGE", words, {"units_max": most})


def _on_plans(
    taken: Sequence[_Taken],
    listing: Listing,
    check_in: dt.date,
    check_out: dt.date,
    today: dt.date,
) -> list[_Taken]:
    """Return the same with their plans: the one asked for, or the cheapest of each room."""
    nights = (check_out - check_in).days
    cheapest: dict[str, Plan] = {}
    found = []
    for number, one in enumerate(taken):
        plan = cheapest.get(one.room.id)
        if one.wish.rate_plan_id is not None:
            plan = next((p for p in one.room.plans if p.id == one.wish.rate_plan_id), None)
            if plan is None:
                words = "This is no rate plan of the room."
                raise QuoteRefused(f"rooms[{number}].rate_plan_id", "RATE_PLAN_UNKNOWN", words)
            if (refused := rules.plan_refusal(plan, check_in, nights, today)) is not None:
                raise refused
        elif plan is None:
            alike = [
                other
                for other in taken
                if other.room.id == one.room.id and other.wish.rate_plan_id is None
            ]
            plan = _cheapest(alike, listing.currency, check_in, check_out, today)
            cheapest[one.room.id] = plan
        found.append(_Taken(one.wish, one.room, one.counted, plan))
    return found


def _cheapest(
    alike: Sequence[_Taken],
    currency: str,
    check_in: dt.date,
    check_out: dt.date,
    today: dt.date,
) -> Plan:
    """Return the plan that units of one room cost least on, the first of equal ones.

    Raises:
        NotOnSale: none is sold.
        QuoteRefused: none can be had for these nights; why the first cannot.
    """
    nights = (check_out - check_in).days
    plans = [plan for plan in alike[0].room.plans if plan.status == RoomStatus.ACTIVE]
    refusals = [rules.plan_refusal(plan, check_in, nights, today) for plan in plans]
    fitting = [plan for plan, why in zip(plans, refusals, strict=True) if why is None]
    if not fitting:
        raise next((why for why in refusals if why), NotOnSale("room", "NO_RATE_PLAN"))

    def cost(plan: Plan) -> tuple[int, str]:
        units = (_unit(one, check_in, check_out, plan) for one in alike)
        return sum(sum(pricing.nights_of(unit, currency)) for unit in units), plan.id

    return min(fitting, key=cost)


def _unit(
    one: _Taken, check_in: dt.date, check_out: dt.date, plan: Plan | None = None
) -> pricing.Unit:
    plan = plan or one.plan
    assert plan is not None, "rooms of a stay have plans"
    return pricing.Unit(
        room_id=one.room.id,
        adults=one.counted[0],
        children=one.counted[1],
        prices=[
            one.room.base_price if night.price is None else night.price
            for night in one.room.nights
            if check_in <= night.night < check_out
        ],
        rule=plan.price_rule,
    )


def _parts(
    taken: Sequence[_Taken], units: Sequence[pricing.Unit], price: pricing.Price
) -> list[Part]:
    """Return what of the price is sold on which plan; taxes in proportion to its nights."""
    by_plan: dict[str, tuple[Plan, list[list[int]]]] = {}
    for one, unit in zip(taken, units, strict=True):
        assert one.plan is not None, "rooms of a stay have plans"
        _, nights = by_plan.setdefault(one.plan.id, (one.plan, []))
        nights.append(pricing.nights_of(unit, price.currency))
    sums = {plan_id: [*map(sum, zip(*found[1], strict=True))] for plan_id, found in by_plan.items()}
    weights = [sum(nights) for nights in sums.values()]
    taxes = price.total - sum(weights)
    shares = pricing.apportioned(taxes, weights, smallest_charge(price.currency))
    return [
        Part(weight + share, sums[plan_id], plan.terms, plan.no_show)
        for (plan_id, (plan, _)), weight, share in zip(
            by_plan.items(), weights, shares, strict=True
        )
    ]


def _quoted(
    wish: StayWish,
    read: Lodging,
    taken: Sequence[_Taken],
    price: pricing.Price,
    check_out: dt.date,
    parts: Sequence[Part],
) -> Quoted:
    stay = _stay(read, taken, wish.check_in, check_out)
    begins = Beginning(
        dt.datetime.combine(wish.check_in, stay.listing.check_in_from), stay.listing.time_zone
    )
    terms = terms_of(parts, begins, read.now, price.currency)
    package = read.package
    units = Counter(one.room.id for one in taken)
    return Quoted(
        snapshot=Snapshot(
            product_type=wish.kind,
            provider=ProviderPart(id=read.provider.id, display_name=read.provider.display_name),
            stay=stay,
            package=package
            and PackagePart(id=package.id, title=package.title, template=package.template),
            price=price,
            terms=TermsPart(cancellation=terms, no_show_fee=no_show_fee(parts, price.currency)),
        ),
        wanted=Wanted(
            room_nights=tuple(
                RoomNights(room_id=room, check_in=wish.check_in, check_out=check_out, units=count)
                for room, count in units.items()
            ),
            guests=sum(one.wish.party.persons for one in taken),
            terms=terms,
        ),
        units_left=_left(taken, units, wish.check_in, check_out),
    )


def _left(
    taken: Sequence[_Taken], units: Mapping[str, int], check_in: dt.date, check_out: dt.date
) -> int:
    """Return how often the same could be had."""
    rooms = {one.room.id: one.room for one in taken}
    return min(
        rules.units_left(rooms[room], check_in, check_out) // count for room, count in units.items()
    )


def _stay(
    read: Lodging, taken: Sequence[_Taken], check_in: dt.date, check_out: dt.date
) -> StayPart:
    listing = read.listing
    starts_at, ends_at = rules.stay_moments(listing, check_in, check_out)
    assert listing.time_zone, "a stay has its moments"
    assert listing.check_in_from, "likewise"
    assert listing.check_out_until, "likewise"
    return StayPart(
        listing=ListingPart(
            id=listing.id,
            title=listing.title,
            address=listing.address,
            city=listing.city,
            country=listing.country,
            time_zone=listing.time_zone,
            check_in_from=listing.check_in_from,
            check_out_until=listing.check_out_until,
        ),
        check_in=check_in,
        check_out=check_out,
        nights=(check_out - check_in).days,
        starts_at=starts_at,
        ends_at=ends_at,
        rooms=tuple(
            RoomPart(
                room_id=one.room.id,
                name=one.room.name,
                adults=one.wish.party.adults,
                children=one.wish.party.children,
                rate_plan=one.plan
                and RatePlanPart(id=one.plan.id, name=one.plan.name, board=one.plan.board),
            )
            for one in taken
        ),
    )
