"""Quotes on the real record: what they come to, and everything that stands in the way of one."""

import datetime as dt
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from models.core.domain_errors import DomainError
from models.core.terms import CancellationTerms, FeeStep
from models.marketplace.quotes.errors import (
    CurrencyNotOffered,
    GuestsDoNotFit,
    NotOnSale,
    OfferNotFound,
    PriceNotPayable,
    QuoteNotFound,
    QuoteRefused,
    SoldOut,
)
from models.marketplace.quotes.messages import Asker, RoomWish
from models.marketplace.quotes.parties import Party
from models.marketplace.quotes.pricing import LineKind
from models.marketplace.quotes.repository import find_quote, make_quote
from models.marketplace.stock.wanted import CLAIMS, RoomNights, Seats, Wanted
from tests.marketplace.shop import (
    IN,
    Shop,
    day,
    new_id,
    package_of,
    rooms_of,
    seats,
    stay,
)

TWO = Party(2)
LINES = list[tuple[LineKind, int]]


def lines(quote: Any) -> LINES:
    return [(line.kind, line.amount) for line in quote.snapshot.price.lines]


def claims(shop: Shop, quote_id: str) -> Wanted:
    [(request,)] = shop.execute("SELECT request FROM quotes WHERE id = %s", quote_id)
    return Wanted.model_validate(request[CLAIMS])


# -- what it comes to --------------------------------------------------------------------------


async def test_a_stay(shop: Shop) -> None:
    taxes = [
        {"name": "VAT", "kind": "SHARE", "basis_points": 650},
        {"name": "city tax", "kind": "PER_ADULT_NIGHT", "amount": 200},
        {"name": "cleaning", "kind": "PER_BOOKING", "amount": 2_500},
    ]
    listing, room, plan = shop.add_stay(taxes=taxes)
    rule = {"included_adults": 1, "extra_adult": 1_500, "child": 700, "basis_points": 9_000}
    shop.change("rate_plans", plan, price_rule=rule)
    shop.change_night(room, day(1), price=12_345)
    quote = await shop.quote(stay(listing, rooms_of((room, Party(2, (5,))))))
    nights = [11_200, 13_311, 11_200]  # 12,345 x 0.9 is 11,110.5, and half goes up
    assert lines(quote) == [
        *((LineKind.NIGHT, amount) for amount in nights),
        (LineKind.TAX, 2_321),  # 35,711 x 0.065 is 2,321.2
        (LineKind.TAX, 1_200),
        (LineKind.TAX, 2_500),
    ]
    assert quote.snapshot.price.total == 41_732
    assert quote.snapshot.terms.cancellation == CancellationTerms(
        steps=(
            FeeStep(until=dt.datetime(2031, 3, 8, 15, tzinfo=dt.UTC), fee=0),
            FeeStep(until=None, fee=11_200),
        )
    )
    assert quote.snapshot.terms.no_show_fee == 41_732
    assert quote.expires_at - quote.created_at == dt.timedelta(minutes=15)
    assert (quote.status, quote.units_left, quote.product_id) == ("QUOTE", 2, listing)
    assert claims(shop, quote.id) == Wanted(
        room_nights=(RoomNights(room_id=room, check_in=IN, check_out=day(3), units=1),),
        guests=3,
        terms=quote.snapshot.terms.cancellation,
    )


async def test_a_stay_in_two_types_of_room(shop: Shop) -> None:
    listing, room, _ = shop.add_stay()
    suite = shop.add_room(listing, name="Suite", base_price=20_000)
    shop.add_nights(suite)
    shop.add_plan(suite, terms=[], no_show={"amount": 100})
    wish = stay(listing, rooms_of((room, TWO), (suite, TWO), (room, Party(1))), 2)
    quote = await shop.quote(wish)
    assert quote.snapshot.price.total == 2 * (10_000 + 20_000 + 10_000)
    # what is kept of the doubles at first is nothing, of the suite everything
    assert [step.fee for step in quote.snapshot.terms.cancellation.steps] == [40_000, 60_000]
    assert quote.snapshot.terms.no_show_fee == 40_000 + 100
    assert quote.units_left == 1, "two doubles of two"
    wanted = claims(shop, quote.id)
    assert {one.room_id: one.units for one in wanted.room_nights} == {room: 2, suite: 1}


async def test_the_cheapest_plan_unless_one_is_named(shop: Shop) -> None:
    listing, room, plan = shop.add_stay()
    saver = shop.add_plan(room, name="Saver", price_rule={"basis_points": 8_000}, min_stay=2)
    gone = shop.add_plan(room, price_rule={"basis_points": 1}, status="ARCHIVED")
    for nights, wanted, paid in ((2, None, 16_000), (1, None, 10_000), (2, plan, 20_000)):
        rooms = [RoomWish(room, TWO, wanted)]
        assert (await shop.quote(stay(listing, rooms, nights))).snapshot.price.total == paid
    with pytest.raises(QuoteRefused) as refused:
        await shop.quote(stay(listing, [RoomWish(room, TWO, saver)], 1))
    assert (refused.value.rule, refused.value.limits) == ("MIN_STAY", {"min_stay": 2})
    with pytest.raises(NotOnSale):
        await shop.quote(stay(listing, [RoomWish(room, TWO, gone)], 2))


async def test_a_package(shop: Shop) -> None:
    taxes = [{"name": "bed tax", "kind": "PER_ADULT_NIGHT", "amount": 100}]
    listing, room, _ = shop.add_stay(taxes=taxes)
    terms = [{"hours_before": 24, "kept": {"nights": 1}}, {"kept": {"basis_points": 10_000}}]
    package = shop.add_package(listing, {room: 2}, terms=terms)
    quote = await shop.quote(package_of(package, rooms_of((room, TWO))))
    assert lines(quote) == [(LineKind.PACKAGE, 60_000), (LineKind.TAX, 600)]
    assert [step.fee for step in quote.snapshot.terms.cancellation.steps] == [20_000, 60_600]
    assert quote.snapshot.terms.no_show_fee == 60_600
    assert quote.snapshot.stay is not None
    assert quote.snapshot.stay.check_out == day(3)
    assert quote.product_id == package
    assert claims(shop, quote.id).room_nights[0].nights == 3


async def test_seats(shop: Shop) -> None:
    tour = shop.add_tour(taxes=[{"name": "fee", "kind": "PER_PERSON", "amount": 50}])
    departure = shop.add_departure(tour, price=5_000, sold=4)
    quote = await shop.quote(seats(tour, departure, 3))
    assert lines(quote) == [(LineKind.SEATS, 15_000), (LineKind.TAX, 150)]
    # a day of three, until 9:00 the day before
    assert quote.snapshot.terms.cancellation.steps == (
        FeeStep(until=dt.datetime(2031, 3, 9, 9, tzinfo=dt.UTC), fee=0),
        FeeStep(until=None, fee=5_000),
    )
    assert (quote.units_left, quote.product_id) == (2, departure)
    wanted = claims(shop, quote.id)
    assert wanted.departure == Seats(departure_id=departure, seats=3)
    assert wanted.guests == 3


async def test_nothing_to_pay_is_a_price(shop: Shop) -> None:
    listing, room, _ = shop.add_stay()
    shop.change("rooms", room, base_price=0)
    quote = await shop.quote(stay(listing, rooms_of((room, TWO))))
    assert quote.snapshot.price.total == 0


async def test_three_decimals_end_in_zero(shop: Shop) -> None:
    listing, room, _ = shop.add_stay(
        currency="KWD", taxes=[{"name": "VAT", "kind": "SHARE", "basis_points": 777}]
    )
    shop.change("rooms", room, base_price=12_345)
    quote = await shop.quote(stay(listing, rooms_of((room, TWO)), 1, currency="KWD"))
    assert lines(quote) == [(LineKind.NIGHT, 12_350), (LineKind.TAX, 960)]


@pytest.mark.parametrize(
    ("zone", "check_in", "nights", "hours"),
    [
        ("Europe/Berlin", dt.date(2031, 3, 29), 1, 19),  # clocks are put on in that night
        ("Europe/Berlin", dt.date(2031, 10, 25), 1, 21),
        ("America/New_York", dt.date(2031, 3, 8), 2, 43),
        ("Australia/Lord_Howe", dt.date(2031, 4, 5), 1, 20.5),
        ("Asia/Karachi", dt.date(2031, 3, 29), 1, 20),
        ("America/Santiago", dt.date(2031, 4, 5), 1, 21),
        ("Pacific/Chatham", dt.date(2031, 9, 27), 1, 19),
        ("Africa/Cairo", dt.date(2031, 4, 24), 1, 19),
    ],
)
async def test_nights_are_dates_when_clocks_are_changed(
    shop: Shop, zone: str, check_in: dt.date, nights: int, hours: float
) -> None:
    listing = shop.add_listing(time_zone=zone)
    room = shop.add_room(listing)
    shop.add_plan(room)
    shop.add_nights(room, check_in, nights)
    quote = await shop.quote(stay(listing, rooms_of((room, TWO)), nights, check_in=check_in))
    assert quote.snapshot.price.total == nights * 10_000
    sold = quote.snapshot.stay
    assert sold is not None
    assert sold.ends_at - sold.starts_at == dt.timedelta(hours=hours)


async def test_a_check_in_at_a_time_that_is_skipped(shop: Shop) -> None:
    listing, room, _ = shop.add_stay(time_zone="Europe/Berlin", check_in_from=dt.time(2, 30))
    check_in = dt.date(2031, 3, 30)
    quote = await shop.quote(stay(listing, rooms_of((room, TWO)), 1, check_in=check_in))
    assert quote.snapshot.stay is not None
    assert quote.snapshot.stay.starts_at == dt.datetime(2031, 3, 30, 1, tzinfo=dt.UTC)


# -- what stands in the way --------------------------------------------------------------------

Spoil = Callable[[Shop, str, str, str], Any]
"""Changes something about listing, room or plan."""


def _night(number: int, **values: Any) -> Spoil:
    return lambda shop, _listing, room, _plan: shop.change_night(room, day(number), **values)


def _listing(**values: Any) -> Spoil:
    return lambda shop, listing, _room, _plan: shop.change("listings", listing, **values)


def _room(**values: Any) -> Spoil:
    return lambda shop, _listing, room, _plan: shop.change("rooms", room, **values)


def _plan(**values: Any) -> Spoil:
    return lambda shop, _listing, _room, plan: shop.change("rate_plans", plan, **values)


def _without(number: int) -> Spoil:
    def spoil(shop: Shop, _listing: str, room: str, _plan: str) -> None:
        night = "DELETE FROM inventory_nights WHERE room_id = %s AND night = %s"
        shop.execute(night, room, day(number))

    return spoil


def _provider(status: str) -> Spoil:
    def spoil(shop: Shop, listing: str, *_: str) -> None:
        other = shop.add_provider(verification_status="APPROVED")
        shop.change("listings", listing, provider_id=other)
        shop.execute(
            "UPDATE provider_profiles SET verification_status = %s, version = version + 1"
            " WHERE id = %s",
            *(status, other),
        )

    return spoil


OVER = {"nights": (day(1),)}


@pytest.mark.parametrize(
    ("spoil", "refusal", "told"),
    [
        (_night(0, sold=2), SoldOut, {"nights": (day(0),)}),
        (_night(1, held=1, sold=1), SoldOut, OVER),
        (_night(1, closed=True), SoldOut, OVER),
        (_night(1, units=0), SoldOut, OVER),
        (_without(1), SoldOut, OVER),
        (_night(0, closed_to_arrival=True), QuoteRefused, {"rule": "CLOSED_TO_ARRIVAL"}),
        (_night(3, closed_to_departure=True), QuoteRefused, {"rule": "CLOSED_TO_DEPARTURE"}),
        (_night(0, min_stay=4), QuoteRefused, {"rule": "MIN_STAY", "limits": {"min_stay": 4}}),
        (_plan(min_stay=4), QuoteRefused, {"rule": "MIN_STAY", "limits": {"min_stay": 4}}),
        (_plan(max_stay=2), QuoteRefused, {"rule": "MAX_STAY", "limits": {"max_stay": 2}}),
        (_plan(book_ahead_max=7), QuoteRefused, {"rule": "BOOK_AHEAD"}),
        (_plan(book_ahead_min=9_999), QuoteRefused, {"rule": "BOOK_AHEAD"}),
        (_plan(status="ARCHIVED"), NotOnSale, {"what": "room", "why": "NO_RATE_PLAN"}),
        (_room(status="ARCHIVED"), NotOnSale, {"what": "room", "why": "ARCHIVED"}),
        (_room(adults_max=1), GuestsDoNotFit, {"field": "rooms[0]"}),
        (_room(base_price=10), PriceNotPayable, {"least": 50}),
        (_room(base_price=99_999_999_999), PriceNotPayable, {"least": None}),
        (_listing(status="DRAFT"), OfferNotFound, {}),
        (_listing(status="ARCHIVED"), NotOnSale, {"what": "listing", "why": "ARCHIVED"}),
        (
            lambda shop, listing, *_: shop.execute(
                "UPDATE listings SET status = 'PAUSED', paused_by = 'SUSPENSION' WHERE id = %s",
                listing,
            ),
            *(NotOnSale, {"what": "listing", "why": "PAUSED"}),
        ),
        (_provider("SUSPENDED"), NotOnSale, {"why": "PROVIDER_NOT_APPROVED"}),
        (_listing(currency="USD"), CurrencyNotOffered, {"expected": "USD", "given": "EUR"}),
        (_listing(check_in_from=None), NotOnSale, {"why": "INCOMPLETE"}),
    ],
)
async def test_a_stay_is_refused(
    shop: Shop, spoil: Spoil, refusal: type[DomainError], told: dict[str, Any]
) -> None:
    listing, room, plan = shop.add_stay()
    wish = stay(listing, rooms_of((room, TWO)))
    assert (await shop.quote(wish)).status == "QUOTE"
    spoil(shop, listing, room, plan)
    [(before,)] = shop.execute("SELECT count(*) FROM quotes")
    with pytest.raises(refusal) as refused:
        await shop.quote(wish)
    assert {name: getattr(refused.value, name) for name in told} == told
    assert shop.execute("SELECT count(*) FROM quotes") == [(before,)], "nothing is written"


@pytest.mark.parametrize(
    ("spoil", "still_had"),
    [
        (_night(-1, sold=2), "the night before"),
        (_night(3, sold=2), "the night that follows"),
        (_night(3, closed=True), "it is not slept in"),
        (_night(3, closed_to_arrival=True), "nobody arrives then"),
        (_night(0, closed_to_departure=True), "nobody leaves then"),
        (_night(1, min_stay=9), "of stays that begin then"),
        (_night(1, closed_to_arrival=True, closed_to_departure=True), "in between"),
        (_without(3), "of the day of departure nothing is said"),
    ],
)
async def test_what_is_outside_a_stay_does_not_matter(
    shop: Shop, spoil: Spoil, still_had: str
) -> None:
    listing, room, plan = shop.add_stay()
    spoil(shop, listing, room, plan)
    assert await shop.quote(stay(listing, rooms_of((room, TWO)))), still_had


async def test_back_to_back_stays_leave_room_for_a_longer_one(shop: Shop) -> None:
    """§8, report 16: units 2, stays [1,3) and [3,5); [1,5) for one more fits."""
    listing, room, _ = shop.add_stay()
    for number in (1, 2, 3, 4):
        shop.change_night(room, day(number), sold=1)
    assert await shop.quote(stay(listing, rooms_of((room, TWO)), 4, check_in=day(1)))
    with pytest.raises(SoldOut):
        await shop.quote(stay(listing, rooms_of((room, TWO), (room, TWO)), 4, check_in=day(1)))


async def test_units_of_one_room_are_added_up(shop: Shop) -> None:
    """§8, report 9: one unit is left, and the same room is asked for twice."""
    listing, room, _ = shop.add_stay()
    shop.change_night(room, day(2), sold=1)
    with pytest.raises(SoldOut) as refused:
        await shop.quote(stay(listing, rooms_of((room, TWO), (room, TWO))))
    assert refused.value.nights == (day(2),)
    package = shop.add_package(listing, {room: 2})
    with pytest.raises(SoldOut):
        await shop.quote(package_of(package, rooms_of((room, TWO), (room, TWO))))


@pytest.mark.parametrize(
    ("party", "fits"),
    [
        (Party(2, (12,)), True),
        (Party(1, (13, 12)), True),
        (Party(2, (13,)), False),
        (Party(1, (5, 6)), False),
        (Party(3), False),
    ],
)
async def test_who_is_older_counts_as_an_adult(shop: Shop, party: Party, fits: bool) -> None:
    listing, room, _ = shop.add_stay()
    wish = stay(listing, rooms_of((room, Party(1)), (room, party)))
    if fits:
        assert await shop.quote(wish)
        return
    with pytest.raises(GuestsDoNotFit) as refused:
        await shop.quote(wish)
    assert refused.value.field == "rooms[1]"
    assert refused.value.limits == {"adults_max": 2, "children_max": 1, "child_age_max": 12}
    assert refused.value.room_id == room


async def test_days_that_cannot_be(shop: Shop) -> None:
    listing, room, _ = shop.add_stay()
    rooms = rooms_of((room, TWO))
    for nights, check_in, rule in (
        (0, IN, "NIGHTS"),
        (-1, IN, "NIGHTS"),
        (91, IN, "NIGHTS"),
        (1, dt.date(2021, 3, 1), "IN_THE_PAST"),
    ):
        with pytest.raises(QuoteRefused) as refused:
            await shop.quote(stay(listing, rooms, nights, check_in=check_in))
        assert refused.value.rule == rule


async def test_today_is_the_listings(shop: Shop) -> None:
    """West of the date line one can still arrive yesterday, as it is called elsewhere."""
    west = shop.add_listing(time_zone="Etc/GMT+12")
    east = shop.add_listing(time_zone="Etc/GMT-14")
    today = dt.datetime.now(dt.timezone(dt.timedelta(hours=-12))).date()
    for listing, fine in ((west, True), (east, False)):
        room = shop.add_room(listing)
        shop.add_plan(room)
        shop.add_nights(room, today, 3)
        wish = stay(listing, rooms_of((room, TWO)), 1, check_in=today)
        if fine:
            assert await shop.quote(wish)
        else:
            with pytest.raises(QuoteRefused):
                await shop.quote(wish)


async def test_rooms_and_plans_of_others(shop: Shop) -> None:
    listing, room, _ = shop.add_stay()
    _, other, other_plan = shop.add_stay()
    for rooms, rule in (
        (rooms_of((other, TWO)), "ROOM_UNKNOWN"),
        (rooms_of((new_id(), TWO)), "ROOM_UNKNOWN"),
        ((RoomWish(room, TWO, other_plan),), "RATE_PLAN_UNKNOWN"),
    ):
        with pytest.raises(QuoteRefused) as refused:
            await shop.quote(stay(listing, rooms))
        assert refused.value.rule == rule
    with pytest.raises(OfferNotFound):
        await shop.quote(stay(new_id(), rooms_of((room, TWO))))


@pytest.mark.parametrize(
    ("changes", "check_in", "rule"),
    [
        ({"availability_rule": "WEEKEND_ONLY"}, day(4), None),  # a Friday
        ({"availability_rule": "WEEKEND_ONLY"}, day(6), None),
        ({"availability_rule": "WEEKEND_ONLY"}, day(3), "WEEKEND_ONLY"),
        ({"availability_rule": "WEEKEND_ONLY", "weekdays": [6]}, day(4), "WEEKEND_ONLY"),
        ({"weekdays": [1]}, day(0), None),
        ({"weekdays": [1]}, day(1), "FLEXIBLE"),
        ({"availability_rule": "SEASONAL", "season": (day(0), day(3))}, day(0), None),
        ({"availability_rule": "SEASONAL", "season": (day(0), day(3))}, day(1), "SEASONAL"),
        ({"availability_rule": "SEASONAL", "season": (day(1), day(9))}, day(0), "SEASONAL"),
    ],
)
async def test_on_which_days_a_package_begins(
    shop: Shop, changes: dict[str, Any], check_in: dt.date, rule: str | None
) -> None:
    listing, room, _ = shop.add_stay()
    package = shop.add_package(listing, {room: 1}, **changes)
    wish = package_of(package, rooms_of((room, TWO)), check_in=check_in)
    if rule is None:
        assert await shop.quote(wish)
        return
    with pytest.raises(QuoteRefused) as refused:
        await shop.quote(wish)
    assert refused.value.rule == rule


async def test_what_a_package_is_not_sold_in(shop: Shop) -> None:
    listing, room, _ = shop.add_stay()
    other = shop.add_room(listing)
    shop.add_nights(other)
    package = shop.add_package(listing, {room: 1})
    for rooms in (rooms_of((other, TWO)), rooms_of((room, TWO), (room, TWO))):
        with pytest.raises(QuoteRefused) as refused:
            await shop.quote(package_of(package, rooms))
        assert refused.value.rule == "ROOM_NOT_IN_PACKAGE"
    shop.change_night(room, day(0), min_stay=9)
    assert await shop.quote(package_of(package, rooms_of((room, TWO)))), "its length is its own"
    shop.change_night(room, day(3), closed_to_departure=True)
    with pytest.raises(QuoteRefused):
        await shop.quote(package_of(package, rooms_of((room, TWO))))
    shop.change("listings", listing, status="ARCHIVED")
    with pytest.raises(NotOnSale):
        await shop.quote(package_of(package, rooms_of((room, TWO))))


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"status": "CLOSED"}, NotOnSale),
        ({"status": "CANCELLED"}, NotOnSale),
        ({"sold": 9}, SoldOut),
        ({"held": 9}, SoldOut),
        ({"starts_at": dt.datetime.now(dt.UTC) + dt.timedelta(hours=23)}, NotOnSale),
        ({"starts_at": dt.datetime.now(dt.UTC) + dt.timedelta(hours=25)}, None),
        ({"sold": 8}, None),
    ],
)
async def test_departures(
    shop: Shop, changes: dict[str, Any], refusal: type[DomainError] | None
) -> None:
    tour = shop.add_tour()
    departure = shop.add_departure(tour, **changes)
    if refusal is None:
        assert await shop.quote(seats(tour, departure))
        return
    with pytest.raises(refusal):
        await shop.quote(seats(tour, departure))


async def test_departures_of_other_tours(shop: Shop) -> None:
    tour, other = shop.add_tour(), shop.add_tour()
    with pytest.raises(OfferNotFound):
        await shop.quote(seats(tour, shop.add_departure(other)))
    with pytest.raises(OfferNotFound):
        await shop.quote(seats(new_id(), shop.add_departure(other, day(1))))
    with pytest.raises(CurrencyNotOffered):
        await shop.quote(seats(tour, shop.add_departure(tour), currency="USD"))


# -- whose it is -------------------------------------------------------------------------------


async def test_a_quote_is_whose_who_asked(shop: Shop) -> None:
    listing, room, _ = shop.add_stay()
    quote = await shop.quote(stay(listing, rooms_of((room, TWO))))
    assert (await shop.read(quote)).snapshot == quote.snapshot
    for other in (Asker(new_id(), None), Asker(new_id(), shop.asker.subject_id)):
        with pytest.raises(QuoteNotFound):
            await shop.ask(partial(find_quote, quote_id=quote.id, asker=other))


async def test_a_repeat_gets_the_same_quote(shop: Shop) -> None:
    listing, room, _ = shop.add_stay()
    wish, quote_id = stay(listing, rooms_of((room, TWO))), new_id()
    first = await shop.ask(lambda found: make_quote(found, quote_id, shop.asker, wish))
    shop.change("rooms", room, base_price=77_700)
    again = await shop.ask(lambda found: make_quote(found, quote_id, shop.asker, wish))
    assert again == first
