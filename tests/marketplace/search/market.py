"""Small markets drawn at random, and what can be had of one, found without any SQL."""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from math import floor
from typing import Any

import psycopg

from models.core.money import least_charge, smallest_charge
from models.marketplace.search.stays import StayQuestion
from tests.marketplace.shop import Shop, day

DAYS = 9
"""From ``day(0)`` on nights are drawn."""


@dataclass
class Room:
    id: str
    row: dict[str, Any]
    nights: dict[dt.date, dict[str, Any]]
    plans: dict[str, dict[str, Any]]


@dataclass
class Listing:
    id: str
    row: dict[str, Any]
    rooms: list[Room] = field(default_factory=list)


def draw(shop: Shop, seed: int, listings: int = 8) -> list[Listing]:
    """A market in the shop's city, and in another one."""
    chance = random.Random(seed)
    return [_listing(shop, chance) for _ in range(listings)]


def _listing(shop: Shop, chance: random.Random) -> Listing:
    tax = [
        {"name": "share", "kind": "SHARE", "basis_points": chance.choice([0, 333, 650, 1_999])},
        {"name": "a", "kind": "PER_ADULT_NIGHT", "amount": chance.randrange(300)},
        {"name": "u", "kind": "PER_UNIT_NIGHT", "amount": chance.randrange(300)},
        {"name": "p", "kind": "PER_PERSON", "amount": chance.randrange(900)},
        {"name": "b", "kind": "PER_BOOKING", "amount": chance.randrange(5_000)},
    ]
    row = {
        "currency": chance.choice(["EUR", "EUR", "KWD", "JPY"]),
        "taxes": chance.sample(tax, chance.randrange(4)),
        "amenities": chance.sample(["wifi", "pool", "sauna"], chance.randrange(4)) or ["bed"],
        "child_age_max": chance.choice([0, 6, 12, 17]),
        "lat": 10 + chance.random(),
        "lon": chance.choice([179.5, -179.5]),
    }
    away = chance.random()
    if away < 0.1:
        row["status"] = "DRAFT"
    elif away < 0.2:
        row["provider_id"] = shop.add_provider(verification_status="SUSPENDED")
    elif away < 0.3:
        row["city_norm"] = f"{shop.city} elsewhere"
    if "provider_id" in row:
        listing = shop.add_listing(**{**row, "status": "DRAFT"})
        with_gate_open(shop, listing)
    else:
        listing = shop.add_listing(**row)
    found = Listing(listing, {"status": "PUBLISHED", **row})
    found.rooms = [_room(shop, chance, listing) for _ in range(chance.randint(1, 3))]
    return found


def with_gate_open(shop: Shop, listing: str) -> None:
    """Publish a listing of a provider that may not: as of one that is being suspended."""
    with psycopg.connect(shop.url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("UPDATE listings SET status = 'PUBLISHED' WHERE id = %s", [listing])


def _room(shop: Shop, chance: random.Random, listing: str) -> Room:
    row = {
        "adults_max": chance.randint(1, 4),
        "children_max": chance.randrange(3),
        "base_price": chance.choice([0, 1, 40, *range(5_000, 20_000, 777)]),
        "status": "ARCHIVED" if chance.random() < 0.1 else "ACTIVE",
    }
    room = Room(shop.add_room(listing, **row), row, {}, {})
    for number in range(DAYS + 1):
        if chance.random() < 0.04:
            continue
        night = {
            "units": 3,
            "held": chance.choice([0, 0, 0, 1]),
            "sold": chance.choice([0, 0, 1, 2]),
            "price": chance.choice([None, None, chance.randrange(30_000)]),
            "closed": chance.random() < 0.04,
            "closed_to_arrival": chance.random() < 0.06,
            "closed_to_departure": chance.random() < 0.06,
            "min_stay": chance.choice([None, None, 1, 2, 3]),
        }
        room.nights[day(number)] = night
        shop.add_nights(room.id, day(number), 1, **night)
    for _ in range(chance.randint(1, 2)):
        plan = {
            "price_rule": {
                "basis_points": chance.choice([10_000, 8_125, 12_345]),
                "included_adults": chance.choice([None, 1, 2]),
                "extra_adult": chance.randrange(2_000),
                "child": chance.randrange(1_000),
            },
            "min_stay": chance.choice([1, 1, 2, 3]),
            "max_stay": chance.choice([None, None, 4]),
            "book_ahead_min": chance.choice([None, 0, 30_000]) if chance.random() < 0.15 else None,
            "book_ahead_max": 30 if chance.random() < 0.1 else None,
            "status": "ARCHIVED" if chance.random() < 0.1 else "ACTIVE",
        }
        room.plans[shop.add_plan(room.id, **plan)] = plan
    return room


# -- what can be had ---------------------------------------------------------------------------


@dataclass(frozen=True, order=True)
class Found:
    """In the order of the list."""

    currency: str
    total: int
    listing: str
    room: str
    plan: str


def plainly(market: list[Listing], asked: StayQuestion) -> list[Found]:
    """What a search has to find, by going through everything."""
    found = []
    for listing in market:
        row = listing.row
        if row["status"] != "PUBLISHED" or "provider_id" in row or "city_norm" in row:
            continue
        if not set(asked.amenities) <= set(row["amenities"]):
            continue
        if asked.prices.currency not in (None, row["currency"]):
            continue
        those = sorted(
            (one[0], one[2].room, one[2].plan, one[2]) for one in _offers(listing, asked)
        )
        if not those:
            continue
        cheapest = those[0][-1]
        least, most = asked.prices.least or 0, asked.prices.most
        payable = cheapest.total == 0 or cheapest.total >= least_charge(row["currency"])
        if payable and least <= cheapest.total and (most is None or cheapest.total <= most):
            found.append(cheapest)
    return sorted(found)


def _offers(listing: Listing, asked: StayQuestion) -> Iterator[tuple[int, str, Found]]:
    """Every offer with its price before taxes, by which the cheapest is told."""
    row = listing.row
    step = smallest_charge(row["currency"])
    grown = asked.party.adults + sum(age > row["child_age_max"] for age in asked.party.children)
    young = asked.party.persons - grown
    adults = [grown // asked.rooms + (no < grown % asked.rooms) for no in range(asked.rooms)]
    children = [
        young // asked.rooms + (asked.rooms - 1 - no < young % asked.rooms)
        for no in range(asked.rooms)
    ]
    days = [asked.check_in + dt.timedelta(days=one) for one in range(asked.nights)]
    for room in listing.rooms:
        if room.row["status"] != "ACTIVE":
            continue
        if max(adults) > room.row["adults_max"] or max(children) > room.row["children_max"]:
            continue
        nights = [room.nights.get(one) for one in days]
        if any(
            one is None or one["closed"] or one["units"] - one["held"] - one["sold"] < asked.rooms
            for one in nights
        ):
            continue
        first, after = room.nights[days[0]], room.nights.get(asked.check_out)
        if first["closed_to_arrival"] or (first["min_stay"] or 1) > asked.nights:
            continue
        if after is not None and after["closed_to_departure"]:
            continue
        for plan_id, plan in room.plans.items():
            if plan["status"] != "ACTIVE" or plan["min_stay"] > asked.nights:
                continue
            if plan["max_stay"] is not None and plan["max_stay"] < asked.nights:
                continue
            if plan["book_ahead_min"] == 30_000 or plan["book_ahead_max"] == 30:
                continue  # arrivals are years ahead, and fewer than that
            rule = plan["price_rule"]
            before = 0
            for one in nights:
                assert one is not None
                price = room.row["base_price"] if one["price"] is None else one["price"]
                for some, few in zip(adults, children, strict=True):
                    included = rule["included_adults"] or room.row["adults_max"]
                    further = max(some - included, 0) * rule["extra_adult"]
                    exact = Fraction(price * rule["basis_points"], 10_000) + further
                    before += half_up(exact + few * rule["child"], step)
            taxes = sum(half_up(_tax(tax, before, grown, asked), step) for tax in row["taxes"])
            total = before + taxes
            yield before, room.id, Found(row["currency"], total, listing.id, room.id, plan_id)


def _tax(tax: dict[str, Any], before: int, grown: int, asked: StayQuestion) -> Fraction:
    times = {
        "PER_ADULT_NIGHT": grown * asked.nights,
        "PER_UNIT_NIGHT": asked.rooms * asked.nights,
        "PER_PERSON": asked.party.persons,
        "PER_BOOKING": 1,
    }
    if tax["kind"] == "SHARE":
        return Fraction(before * tax["basis_points"], 10_000)
    return Fraction(times[tax["kind"]] * tax["amount"])


def half_up(exact: Fraction, step: int) -> int:
    return floor(exact / step + Fraction(1, 2)) * step
