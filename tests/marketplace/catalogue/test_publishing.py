"""The publishing gate: only an approved provider's offers are on sale, whoever asks (report 19)."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from models.kinds import HOOKS
from models.marketplace.catalogue import packages, publishing, repository
from models.marketplace.catalogue.errors import (
    OfferIncomplete,
    OfferNotFound,
    OfferRefused,
    OfferStateConflict,
    ProviderNotApproved,
)
from models.marketplace.catalogue.suspension import confirmed_bookings_of
from models.marketplace.catalogue.tables import HotelPackageRow, ListingRow, TourPackageRow
from models.marketplace.providers import reviews
from models.marketplace.providers.errors import ProviderStateConflict
from models.marketplace.providers.lifecycle import ProviderType
from models.marketplace.providers.messages import Decision
from models.marketplace.versions import Expected, MarketVersionConflict
from tests.marketplace.house import ANY, LISTING, PACKAGE, TOUR, House, new_id

TABLES = ("listings", "hotel_packages", "tour_packages")
SUSPENSION, PROVIDER = "SUSPENSION", "PROVIDER"


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["UPDATE", "INSERT"])
async def test_the_database_publishes_nothing_of_others(
    house: House, table: str, statement: str
) -> None:
    """Not when it is paused either; whoever writes past the code is refused."""
    user, provider = await house.submitted()
    listing = await house.listing(user, provider)
    offer = {"listings": listing, "hotel_packages": await house.package(user, listing)}.get(table)
    if offer is None:
        user, provider = await house.submitted(ProviderType.TOUR_OPERATOR)
        offer = await house.tour(user, provider)
    if statement == "UPDATE":
        written = f"UPDATE {table} SET status = 'PUBLISHED', paused_by = NULL WHERE id = :id"
    else:
        written = (
            f"INSERT INTO {table} SELECT (jsonb_populate_record(t, jsonb_build_object('id',"
            f" gen_random_uuid(), 'status', 'PUBLISHED'))).* FROM {table} t WHERE id = :id"
        )
    for before in ("DRAFT", "PAUSED"):
        await house.execute(
            f"UPDATE {table} SET status = :s, paused_by = :by WHERE id = :id",
            s=before,
            by=SUSPENSION if before == "PAUSED" else None,
            id=offer,
        )
        with pytest.raises(IntegrityError, match="not approved"):
            await house.execute(written, id=offer)
    assert {status for status, _ in (await house.offers(provider)).values()} <= {"DRAFT", "PAUSED"}


async def test_what_is_archived_stays_so(house: House) -> None:
    user, provider = await house.approved()
    listing = await house.listing(user, provider)
    for _ in range(2):
        row = await house.do(publishing.archive, ListingRow, user, listing, ANY)
        assert (row.status, row.version) == ("ARCHIVED", 2)
    for move in (publishing.publish, publishing.pause):
        with pytest.raises(OfferStateConflict):
            await house.do(move, ListingRow, user, listing, ANY)
    with pytest.raises(OfferStateConflict):
        await house.do(repository.change_listing, user, listing, {"title": "Other"}, ANY)
    with pytest.raises(IntegrityError, match="archived"):
        await house.execute("UPDATE listings SET status = 'DRAFT' WHERE id = :id", id=listing)


async def test_drafts_of_others_stay_drafts(house: House) -> None:
    user, provider = await house.submitted()
    listing = await house.listing(user, provider)
    with pytest.raises(ProviderNotApproved):
        await house.publish(ListingRow, user, listing)
    assert await house.offers(provider) == {listing: ("DRAFT", None)}


async def test_incomplete_offers_say_what_is_missing(house: House) -> None:
    user, provider = await house.approved()
    listing = new_id()
    bare = {"title": "Casa Azul", "currency": "EUR"}
    await house.do(repository.create_listing, user, listing, provider, bare)
    with pytest.raises(OfferIncomplete) as refused:
        await house.publish(ListingRow, user, listing)
    assert refused.value.missing == (
        *("address", "city", "country", "time_zone", "check_in_from", "check_out_until"),
        *("coordinates", "rooms", "rate_plans"),
    )
    package = await house.package(user, listing)
    with pytest.raises(OfferIncomplete) as refused:
        await house.publish(HotelPackageRow, user, package)
    assert refused.value.missing == ("rooms", "published_listing")
    operator, tours = await house.approved(ProviderType.TOUR_OPERATOR)
    tour = await house.tour(operator, tours, city="", start_time=None)
    with pytest.raises(OfferIncomplete) as refused:
        await house.publish(TourPackageRow, operator, tour)
    assert refused.value.missing == ("city", "start_time")


async def _shop(house: House, user: str, provider: str) -> dict[str, str]:
    """Listings with a package each, in every way they may stand before a suspension."""
    found = {}
    for name in ("draft", "published", "paused", "archived"):
        listing = await house.listing(user, provider)
        found[name] = listing
        if name == "draft":
            continue
        await house.publish(ListingRow, user, listing)
        package = found[f"{name} package"] = await house.package(user, listing)
        await house.publish(HotelPackageRow, user, package)
        for kind, offer in ((ListingRow, listing), (HotelPackageRow, package)):
            if name == "paused":
                await house.do(publishing.pause, kind, user, offer, ANY)
            if name == "archived":
                await house.do(publishing.archive, kind, user, offer, ANY)
    return found


async def test_a_suspension_can_be_undone_exactly(house: House) -> None:
    """Report 19: ending a suspension published what had never been approved."""
    user, provider = await house.approved()
    shop = await _shop(house, user, provider)
    before = await house.offers(provider)
    public = {offer for offer, (status, _) in before.items() if status == "PUBLISHED"}
    assert public == {shop["published"], shop["published package"]}

    done = await house.decide(provider, Decision.SUSPEND)
    assert done.offers == 2
    during = await house.offers(provider)
    assert during == {
        **before,
        **dict.fromkeys(public, ("PAUSED", SUSPENSION)),
    }
    for kind, offer in ((ListingRow, shop["published"]), (ListingRow, shop["draft"])):
        with pytest.raises(ProviderNotApproved):
            await house.publish(kind, user, offer)

    done = await house.decide(provider, Decision.REINSTATE)
    assert done.offers == 2
    assert await house.offers(provider) == before


async def test_what_was_paused_or_archived_meanwhile_stays_so(house: House) -> None:
    user, provider = await house.approved()
    kept, paused, archived = [await house.listing(user, provider) for _ in range(3)]
    for listing in (kept, paused, archived):
        await house.publish(ListingRow, user, listing)
    await house.decide(provider, Decision.SUSPEND)
    await house.do(publishing.pause, ListingRow, user, paused, ANY)
    await house.do(publishing.archive, ListingRow, user, archived, ANY)
    await house.decide(provider, Decision.REINSTATE)
    assert await house.offers(provider) == {
        kept: ("PUBLISHED", None),
        paused: ("PAUSED", PROVIDER),
        archived: ("ARCHIVED", None),
    }


async def test_tours_are_taken_off_sale_as_well(house: House) -> None:
    user, provider = await house.approved(ProviderType.TOUR_OPERATOR)
    tour = await house.tour(user, provider)
    await house.publish(TourPackageRow, user, tour)
    await house.decide(provider, Decision.SUSPEND)
    assert await house.offers(provider) == {tour: ("PAUSED", SUSPENSION)}
    await house.decide(provider, Decision.REINSTATE)
    assert await house.offers(provider) == {tour: ("PUBLISHED", None)}


async def test_what_is_confirmed_stays_and_is_one_case(house: House) -> None:
    user, provider = await house.approved()
    room = await house.room(user, provider)
    sold = sorted([await house.sell(room=room) for _ in range(2)])
    assert (await house.decide(provider, Decision.SUSPEND)).bookings == 2
    case = "SELECT kind, details -> 'bookingIds', resolution FROM cases WHERE source = :s"
    source = f"provider:{provider}:suspended"
    assert await house.rows(case, s=source) == [("SUPPLIER", sold, None)]
    await house.decide(provider, Decision.REINSTATE)
    assert await house.rows(case, s=source) == [("SUPPLIER", sold, "reinstated: a test wants it")]
    claims = "SELECT DISTINCT state FROM stock_claims WHERE room_id = :r"
    assert await house.rows(claims, r=room) == [("SOLD",)]


async def test_of_tours_as_well(house: House) -> None:
    user, provider = await house.begin(ProviderType.TOUR_OPERATOR)
    things = await house.everything(user)
    booking = await house.sell(departure=things["departure_id"])
    other = await house.sell(room=things["room_id"])
    async with house.open() as session:
        assert await confirmed_bookings_of(session, provider) == [booking]
        assert await confirmed_bookings_of(session, things["provider_id"]) == [other]


# -- side by side (M4, the publishing half) ----------------------------------------------------


async def test_a_suspension_waits_for_what_is_being_published(house: House) -> None:
    user, provider = await house.approved()
    listing = await house.listing(user, provider)
    async with house.open() as session:
        await publishing.publish(session, ListingRow, user, listing, ANY)
        suspending = asyncio.create_task(house.decide(provider, Decision.SUSPEND))
        await house.waits(suspending, session)
        await session.commit()
    assert (await suspending).offers == 1
    assert await house.offers(provider) == {listing: ("PAUSED", SUSPENSION)}


@pytest.mark.parametrize("by", ["code", "statement"])
async def test_publishing_waits_for_a_suspension(house: House, by: str) -> None:
    user, provider = await house.approved()
    listing = await house.listing(user, provider)

    async def publish() -> None:
        if by == "code":
            await house.publish(ListingRow, user, listing)
        else:
            await house.execute("UPDATE listings SET status = 'PUBLISHED' WHERE id = :i", i=listing)

    async with house.open() as session:
        await reviews.review(session, "admin", provider, Decision.SUSPEND, "r", ANY, hooks=HOOKS)
        publishing_it = asyncio.create_task(publish())
        await house.waits(publishing_it, session)
        await session.commit()
    with pytest.raises((ProviderNotApproved, IntegrityError)):
        await publishing_it
    assert await house.offers(provider) == {listing: ("DRAFT", None)}


async def test_a_pause_during_a_suspension_is_the_providers(house: House) -> None:
    user, provider = await house.approved()
    listing = await house.listing(user, provider)
    await house.publish(ListingRow, user, listing)
    async with house.open() as session:
        await reviews.review(session, "admin", provider, Decision.SUSPEND, "r", ANY, hooks=HOOKS)
        pausing = asyncio.create_task(house.do(publishing.pause, ListingRow, user, listing, ANY))
        await house.waits(pausing, session)
        await session.commit()
    await pausing
    assert await house.offers(provider) == {listing: ("PAUSED", PROVIDER)}


@pytest.mark.parametrize("rounds", [3, pytest.param(60, marks=pytest.mark.exhaustive)])
async def test_nothing_of_a_suspended_provider_is_on_sale_whatever_happens(
    house: House, rounds: int
) -> None:
    """Publishing, pausing and reviews at once: no commit leaves both, and nobody is deadlocked."""
    user, provider = await house.approved()
    listings = [await house.listing(user, provider) for _ in range(3)]
    watch = (
        "SELECT count(*) FROM listings l JOIN provider_profiles p ON p.id = l.provider_id"
        " WHERE p.id = :p AND p.verification_status <> 'APPROVED' AND l.status = 'PUBLISHED'"
    )
    refusals = (ProviderNotApproved, ProviderStateConflict, OfferStateConflict)

    async def seen() -> None:
        assert await house.rows(watch, p=provider) == [(0,)]

    async def tried(work: Awaitable[Any]) -> None:
        with contextlib.suppress(*refusals):
            await work

    dice = random.Random(20310301)
    for _ in range(rounds):
        moves = [
            house.do(move, ListingRow, user, listing, ANY)
            for listing in listings
            for move in (publishing.publish, publishing.pause)
        ]
        decisions = [house.decide(provider, one) for one in (Decision.SUSPEND, Decision.REINSTATE)]
        works = [tried(one) for one in [*moves, *decisions]] + [seen() for _ in range(4)]
        dice.shuffle(works)
        await asyncio.gather(*works)
        await seen()


# -- whose things are whose --------------------------------------------------------------------


async def test_a_package_is_of_its_providers_listing_and_rooms(house: House) -> None:
    user, provider = await house.approved()
    listing = await house.listing(user, provider)
    package = await house.package(user, listing)
    other, others = await house.approved()
    their_listing = await house.listing(other, others)
    [(their_room,)] = await house.rows(
        "SELECT id::text FROM rooms WHERE listing_id = :l", l=their_listing
    )
    with pytest.raises(OfferNotFound):
        await house.package(user, their_listing)
    for rooms in ([{"room_id": their_room, "units": 1}], [{"room_id": new_id(), "units": 1}]):
        with pytest.raises(OfferRefused, match="no such room"):
            await house.do(packages.create_package, user, new_id(), listing, PACKAGE, rooms)
    with pytest.raises(IntegrityError, match="hotel_packages_listing_of_provider"):
        await house.execute(
            "UPDATE hotel_packages SET provider_id = :p WHERE id = :id", p=others, id=package
        )
    with pytest.raises(IntegrityError, match="stays with its listing"):
        await house.execute(
            "UPDATE hotel_packages SET listing_id = :l WHERE id = :id", l=their_listing, id=package
        )
    with pytest.raises(IntegrityError, match="none of the listing"):
        await house.execute(
            "INSERT INTO hotel_package_rooms (package_id, room_id, units) VALUES (:p, :r, 1)",
            p=package,
            r=their_room,
        )


async def test_each_type_of_provider_has_its_offers(house: House) -> None:
    user, provider = await house.begin()
    with pytest.raises(OfferRefused, match="TOUR_OPERATOR"):
        await house.do(packages.create_tour, user, new_id(), provider, TOUR, {})
    operator, tours = await house.begin(ProviderType.TOUR_OPERATOR)
    with pytest.raises(OfferRefused, match="HOTEL_MANAGER"):
        await house.do(repository.create_listing, operator, new_id(), tours, LISTING)


async def test_of_two_changes_of_one_version_one_is_made(house: House) -> None:
    user, provider = await house.begin()
    listing = await house.listing(user, provider)

    async def rename(title: str) -> Any:
        return await house.do(
            repository.change_listing, user, listing, {"title": title}, Expected(1)
        )

    results = await asyncio.gather(rename("A"), rename("B"), return_exceptions=True)
    (refused,) = [one for one in results if isinstance(one, BaseException)]
    assert isinstance(refused, MarketVersionConflict)
    assert refused.current == 2
    (made,) = [one for one in results if not isinstance(one, BaseException)]
    # the same again, by who has not heard: nothing is changed, and nothing refused
    again = await rename(made.listing.title)
    assert again.listing.version == 2
