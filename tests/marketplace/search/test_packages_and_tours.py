"""Packages and tours that can be had, at the price that a quote says."""

import datetime as dt
import random
from typing import Any

import pytest

from models.core.domain_errors import DomainError
from models.marketplace.quotes.errors import NotOnSale, OfferNotFound
from models.marketplace.quotes.parties import Party
from models.marketplace.quotes.reading import read_tour
from models.marketplace.search.packages import FoundPackage, PackageQuestion, find_packages
from models.marketplace.search.pages import ANY_PRICE, Place, Prices
from models.marketplace.search.places import City
from models.marketplace.search.tours import (
    FoundTour,
    TourQuestion,
    find_departures,
    find_tours,
)
from tests.marketplace.search.market import draw
from tests.marketplace.shop import IN, Shop, day, new_id, package_of, rooms_of, seats

NOW = dt.datetime.now(dt.UTC)
LAST = day(9)
CURRENCIES = ("EUR", "JPY", "KWD")


async def packages(
    shop: Shop, question: PackageQuestion, *, after: Place | None = None, limit: int = 100
) -> list[FoundPackage]:
    return await shop.ask(
        lambda found: find_packages(found, question, NOW, after=after, limit=limit)
    )


async def tours(
    shop: Shop, question: TourQuestion, *, after: Place | None = None, limit: int = 100
) -> list[FoundTour]:
    return await shop.ask(lambda found: find_tours(found, question, NOW, after=after, limit=limit))


@pytest.mark.parametrize("seed", range(3))
async def test_packages_are_those_that_can_be_quoted(shop: Shop, seed: int) -> None:
    """Of every package and room, in the order of prices: what a quote would not be refused."""
    chance = random.Random(f"{seed} packages")
    market = draw(shop, 500 + seed)
    offered = {}
    for listing in market:
        if "provider_id" in listing.row:
            continue  # of a provider that may not sell: nothing more is published
        rule = chance.choice(["WEEKEND_ONLY", "FLEXIBLE", "SEASONAL"])
        season = (day(chance.randrange(3)), day(chance.randint(4, 9)))
        package = shop.add_package(
            listing.id,
            rooms={room.id: chance.randint(1, 2) for room in listing.rooms},
            nights=chance.randint(1, 3),
            price_per_person=chance.choice([0, 15, *range(3_000, 9_000, 777)]),
            availability_rule=rule,
            season=season if rule == "SEASONAL" else None,
            weekdays=chance.choice([None, None, [5, 6]]),
            status=chance.choice(["PUBLISHED"] * 5 + ["ARCHIVED"]),
        )
        offered[package] = (listing, sorted(room.id for room in listing.rooms))
    seen = 0
    for _ in range(14):
        rooms, check_in = chance.randint(1, 2), day(chance.randrange(7))
        party = Party(chance.randint(rooms, 4), tuple(chance.sample(range(18), 1)))
        question = PackageQuestion(City(shop.city), party, rooms, check_in)
        expected = []
        for package, (listing, ids) in offered.items():
            if "city_norm" in listing.row or "provider_id" in listing.row:
                continue  # elsewhere, or of a provider that may not sell
            for room in ids:
                spread = party.spread(rooms, listing.row["child_age_max"])
                wish = package_of(
                    package,
                    rooms_of(*((room, one) for one in spread)),
                    check_in=check_in,
                    currency=listing.row["currency"],
                )
                try:
                    quote = await shop.quote(wish)
                except DomainError:
                    continue
                price = quote.snapshot.price
                expected.append((price.currency, price.total, package, room, quote.units_left))
                break  # of several rooms the first is offered
        found = await packages(shop, question)
        told = [
            (one.place.currency, one.place.total, one.place.id, one.row["room_id"], one)
            for one in found
        ]
        assert [one[:4] for one in told] == [one[:4] for one in sorted(expected)]
        for one, (*_, left) in zip(found, sorted(expected), strict=True):
            assert one.row["units"] // rooms == left
        seen += len(found)
    assert seen


async def test_packages_without_a_day(shop: Shop) -> None:
    listing, room, _ = shop.add_stay()
    dear = shop.add_package(listing, {room: 1}, price_per_person=40_000)
    cheap = shop.add_package(listing, {room: 1}, availability_rule="WEEKEND_ONLY")
    shop.execute("UPDATE inventory_nights SET sold = 2 WHERE room_id = %s", room)
    question = PackageQuestion(City(shop.city), Party(2), 1)
    found = await packages(shop, question)
    assert [(one.place.id, one.row["units"]) for one in found] == [(cheap, None), (dear, None)]
    second = await packages(shop, question, after=found[0].place)
    assert [one.place.id for one in second] == [dear]
    assert await packages(shop, PackageQuestion(City(shop.city), Party(3), 1)) == []
    assert await packages(shop, PackageQuestion(City(shop.city), Party(2), 2)) == []
    some = PackageQuestion(City(shop.city), Party(2), 1, None, Prices("EUR", 70_000, None))
    assert [one.place.id for one in await packages(shop, some)] == [dear]


@pytest.mark.parametrize("seed", range(3))
async def test_tours_are_those_that_can_be_quoted(shop: Shop, seed: int) -> None:
    chance = random.Random(f"{seed} tours")
    offered: dict[str, dict[str, dt.date]] = {}
    currencies = {}
    for _ in range(8):
        row: dict[str, Any] = {
            "currency": chance.choice(CURRENCIES),
            "days": chance.randint(1, 4),
            "price": chance.choice([0, 15, *range(3_000, 9_000, 777)]),
            "taxes": [
                {"name": "share", "kind": "SHARE", "basis_points": chance.randrange(2_000)},
                {"name": "each", "kind": "PER_PERSON", "amount": chance.randrange(500)},
                {"name": "night", "kind": "PER_ADULT_NIGHT", "amount": chance.randrange(500)},
                {"name": "unit", "kind": "PER_UNIT_NIGHT", "amount": 500},
            ][: chance.randrange(5)],
            "status": chance.choice(["PUBLISHED"] * 5 + ["ARCHIVED"]),
        }
        tour = shop.add_tour(**row)
        currencies[tour] = row["currency"]
        offered[tour] = {
            shop.add_departure(
                *(tour, day(number)),
                sold=chance.randrange(11),
                price=chance.choice([None, None, chance.randrange(9_000)]),
                status=chance.choice(["OPEN", "OPEN", "CLOSED", "CANCELLED"]),
            ): day(number)
            for number in range(chance.randrange(6))
        }
    seen = 0
    for _ in range(10):
        travelers, first = chance.randint(1, 6), chance.randrange(4)
        since, until = day(first), day(first + chance.randint(1, 4))
        expected = []
        for tour, departures in offered.items():
            had = []
            for departure, date in departures.items():
                if since <= date < until:
                    wish = seats(tour, departure, travelers, currency=currencies[tour])
                    try:
                        quote = await shop.quote(wish)
                    except DomainError:
                        continue
                    had.append((quote.snapshot.price.total, date, departure))
            if had:
                total, _, departure = min(had)
                expected.append((currencies[tour], total, tour, departure))
        question = TourQuestion(City(shop.city), travelers, since, until, ANY_PRICE)
        found = await tours(shop, question)
        told = [
            (one.place.currency, one.place.total, one.place.id, one.row["departure_id"])
            for one in found
        ]
        assert told == sorted(expected)
        seen += len(told)
    assert seen


async def test_departures_by_their_day(shop: Shop) -> None:
    tour = shop.add_tour()
    those = [shop.add_departure(tour, day(number)) for number in range(5)]
    shop.change("tour_departures", those[1], sold=9)
    shop.change("tour_departures", those[2], status="CLOSED")
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(hours=23)
    shop.change("tour_departures", those[3], starts_at=soon)
    read = await shop.ask(lambda found: read_tour(found, tour, None))

    async def listed(travelers: int, since: dt.date = IN, until: dt.date = LAST) -> list[str]:
        rows = await shop.ask(
            lambda found: find_departures(found, read, travelers, since, until, limit=9)
        )
        return [row["id"] for row in rows]

    assert await listed(2) == [those[0], those[4]]
    assert await listed(1) == [those[0], those[1], those[4]]
    assert await listed(1, day(1), day(4)) == [those[1]]


async def test_departures_of_what_is_not_sold(shop: Shop) -> None:
    async def ask(tour: str) -> object:
        read = await shop.ask(lambda found: read_tour(found, tour, None))
        return await shop.ask(lambda found: find_departures(found, read, 1, IN, day(9), limit=9))

    with pytest.raises(OfferNotFound):
        await ask(new_id())
    with pytest.raises(OfferNotFound):
        await ask(shop.add_tour(status="DRAFT"))
    with pytest.raises(NotOnSale):
        await ask(shop.add_tour(status="ARCHIVED"))
