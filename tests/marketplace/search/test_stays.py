"""The search finds what can be had, at the price that a quote says, in order, page by page."""

import datetime as dt
import random
from typing import Any

import pytest

from models.marketplace.quotes.errors import NotOnSale, OfferNotFound
from models.marketplace.quotes.messages import RoomWish, StayWish
from models.marketplace.quotes.parties import Party
from models.marketplace.quotes.reading import read_listing
from models.marketplace.search.offers import StayOffer, offers_of
from models.marketplace.search.pages import ANY_PRICE, Place, Prices
from models.marketplace.search.places import Area, Box, City
from models.marketplace.search.stays import FoundStay, StayQuestion, find_stays
from tests.marketplace.search.market import Found, draw, plainly
from tests.marketplace.shop import IN, Shop, day, new_id
from tests.support.selection import table

NOW = dt.datetime.now(dt.UTC)
SEEDS = range(40)


def asked(area: Area, nights: int = 2, *, since: int = 0, **more: Any) -> StayQuestion:
    values = {"party": Party(2), "rooms": 1, **more}
    return StayQuestion(area, day(since), day(since + nights), **values)


async def found(
    shop: Shop, question: StayQuestion, *, after: Place | None = None, limit: int = 100
) -> list[FoundStay]:
    return await shop.ask(
        lambda connection: find_stays(connection, question, NOW, after=after, limit=limit)
    )


def told(one: FoundStay) -> Found:
    offer = one.offer
    return Found(
        offer.price.currency, offer.price.total, one.listing.id, offer.room.id, offer.plan.id
    )


def questions(shop: Shop, chance: random.Random) -> StayQuestion:
    rooms = chance.choice([1, 1, 2, 3])
    low = chance.choice([None, chance.randrange(40_000)])
    high = None if low is None else low + chance.randrange(60_000)
    currency = "EUR" if low is not None else chance.choice([None, None, "KWD"])
    return asked(
        City(shop.city.upper()),
        chance.randint(1, 5),
        since=chance.randrange(4),
        party=Party(
            chance.randint(rooms, 5),
            tuple(chance.randrange(18) for _ in range(chance.randrange(4))),
        ),
        rooms=rooms,
        amenities=tuple(chance.sample(["wifi", "pool"], chance.choice([0, 0, 1]))),
        prices=Prices(currency, low, high),
    )


@pytest.mark.parametrize("seed", table(SEEDS, quick=list(range(6))))
async def test_it_finds_what_can_be_had(shop: Shop, seed: int) -> None:
    market = draw(shop, seed)
    chance = random.Random(f"{seed} asked")
    seen = 0
    for number in range(200):
        if number >= 30 and seen:
            break
        question = questions(shop, chance)
        stays = await found(shop, question)
        assert [told(one) for one in stays] == plainly(market, question), question
        for one in stays:
            assert one.place == Place(
                one.offer.price.currency, one.offer.price.total, one.listing.id
            )
        seen += len(stays)
    assert seen, "nothing was found at all"


@pytest.mark.parametrize("seed", table(SEEDS, quick=[0, 1]))
async def test_a_quote_says_the_same(shop: Shop, seed: int) -> None:
    """The same price, terms and units are left, whether one searches, looks or asks."""
    draw(shop, seed)
    chance = random.Random(f"{seed} quoted")
    compared = 0
    for number in range(200):
        if number >= 12 and compared:
            break
        question = questions(shop, chance)
        for one in await found(shop, question):
            offers = await _offers(shop, one.listing.id, question)
            assert one.offer in offers
            for offer in offers:
                quote = await shop.quote(_wish(one.listing.id, question, offer))
                assert quote.snapshot.price == offer.price
                assert quote.snapshot.terms.cancellation == offer.terms
                assert quote.snapshot.terms.no_show_fee == offer.no_show_fee
                assert quote.units_left == offer.units_left
                compared += 1
    assert compared


async def _offers(shop: Shop, listing: str, question: StayQuestion) -> list[StayOffer]:
    days = question.check_in, question.check_out
    read = await shop.ask(lambda connection: read_listing(connection, listing, *days))
    assert read is not None
    return offers_of(read, *days, question.party, question.rooms)


def _wish(listing: str, question: StayQuestion, offer: StayOffer) -> StayWish:
    rooms = tuple(RoomWish(offer.room.id, one, offer.plan.id) for one in offer.parties)
    return StayWish(listing, question.check_in, question.check_out, rooms, offer.price.currency)


def _alike(shop: Shop, number: int) -> list[str]:
    """Listings with one room, two and two at the same price: their ids, in the list's order."""
    rows = []
    for one in range(number):
        listing, room, _ = shop.add_stay()
        shop.change("rooms", room, base_price=10_000 + one // 2 * 1_000)
        rows.append((one // 2, listing))
    return [listing for _, listing in sorted(rows)]


async def test_pages_are_the_list(shop: Shop) -> None:
    those = _alike(shop, 9)
    question = asked(City(shop.city))
    for limit in (1, 2, 4, 9):
        seen, after = [], None
        while page := await found(shop, question, after=after, limit=limit):
            seen += [one.listing.id for one in page]
            assert len(seen) <= len(those), "a page begins where it has been"
            after = page[-1].place
        assert seen == those


async def test_a_walk_while_rows_change(shop: Shop) -> None:
    """What does not change is seen once, whatever comes, goes or gets another price meanwhile."""
    those = _alike(shop, 10)
    question = asked(City(shop.city))
    gone, dearer, cheaper = those[3], those[4], those[8]
    seen: list[str] = []
    after, page = None, 0
    while rows := await found(shop, question, after=after, limit=2):
        seen += [one.listing.id for one in rows]
        after = rows[-1].place
        page += 1
        if page == 1:
            shop.change("listings", gone, status="ARCHIVED")
            shop.execute("UPDATE rooms SET base_price = 99000 WHERE listing_id = %s", dearer)
            shop.execute("UPDATE rooms SET base_price = 1 WHERE listing_id = %s", cheaper)
            new, _, _ = shop.add_stay()
            shop.execute("UPDATE rooms SET base_price = 98000 WHERE listing_id = %s", new)
    still = [one for one in those if one not in (gone, dearer, cheaper)]
    assert [one for one in seen if one in still] == still
    assert len(seen) == len(set(seen))
    assert seen[-2:] == [new, dearer]
    assert gone not in seen
    assert cheaper not in seen, "its place was behind us when it got there"


async def test_stays_that_touch(shop: Shop) -> None:
    """§8, reports 16 and 17: nights are looked at one by one, and end where others begin."""
    listing, room, _ = shop.add_stay()
    for number in (1, 2, 3, 4):
        shop.change_night(room, day(number), sold=1)
    shop.change_night(room, day(5), sold=2)
    shop.change_night(room, day(0), sold=2)
    assert [one.listing.id for one in await found(shop, asked(City(shop.city), 4, since=1))] == [
        listing
    ]
    for question in (
        asked(City(shop.city), 5, since=1),
        asked(City(shop.city), 2, since=0),
        asked(City(shop.city), 4, since=1, rooms=2),
    ):
        assert await found(shop, question) == []


async def test_a_box_across_the_date_line(shop: Shop) -> None:
    market = draw(shop, 1_000, 12)

    def those(lon: float) -> set[str]:
        rows = shop.execute(
            "SELECT id::text FROM listings WHERE lon = %s AND id = ANY(%s::uuid[])",
            *(lon, [one.id for one in market]),
        )
        return {row[0] for row in rows}

    async def inside(box: Box) -> set[str]:
        rows = await found(shop, asked(box, 1, since=1))
        return {one.listing.id for one in rows} & {one.id for one in market}

    west, east = await inside(Box(179, 10, 180, 11)), await inside(Box(-180, 10, -179, 11))
    assert west <= those(179.5)
    assert east <= those(-179.5)
    assert await inside(Box(179, 10, -179, 11)) == west | east
    assert west | east
    assert await inside(Box(179, 11.5, -179, 12)) == set()


@pytest.mark.parametrize(
    ("box", "fine"),
    [
        (Box(73, 33, 74, 34), True),
        (Box(179, -1, -179, 1), True),
        (Box(73, 34, 74, 33), False),
        (Box(73, 33, 79, 34), False),
        (Box(74, 33, 73, 34), False),
        (Box(0, 88, 1, 91), False),
        (Box(-181, 0, -180, 1), False),
    ],
)
def test_boxes(box: Box, fine: bool) -> None:
    assert (box.fault is None) is fine


async def test_who_can_come_today(shop: Shop) -> None:
    """Which day it is, is a question of the zone: PostgreSQL need not know it."""
    shop.add_stay(time_zone="Etc/GMT+12")
    question = StayQuestion(City(shop.city), IN, day(1), Party(2), 1)

    async def at(now: dt.datetime) -> int:
        return len(
            await shop.ask(
                lambda connection: find_stays(connection, question, now, after=None, limit=9)
            )
        )

    assert await at(dt.datetime(2031, 3, 11, 11, 59, tzinfo=dt.UTC)) == 1
    assert await at(dt.datetime(2031, 3, 11, 12, 0, tzinfo=dt.UTC)) == 0


async def test_offers_of_what_is_not_sold(shop: Shop) -> None:
    listing, *_ = shop.add_stay()
    question = asked(City(shop.city))
    assert len(await _offers(shop, listing, question)) == 1
    shop.change("listings", listing, status="ARCHIVED")
    with pytest.raises(NotOnSale):
        await _offers(shop, listing, question)
    draft = shop.add_listing(status="DRAFT")
    with pytest.raises(OfferNotFound):
        await _offers(shop, draft, question)
    assert await shop.ask(lambda found: read_listing(found, new_id(), IN, day(1))) is None


async def test_any_price_is_any(shop: Shop) -> None:
    shop.add_stay()
    assert asked(City(shop.city)).prices == ANY_PRICE
    assert [one.offer.per_night for one in await found(shop, asked(City(shop.city), 3))] == [10_000]
