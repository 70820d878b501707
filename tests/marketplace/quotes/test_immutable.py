"""M6: whatever is changed after a quote leaves its bytes and hash as they were."""

import datetime as dt
import json
import random
from collections.abc import Callable

import psycopg
import pytest
from psycopg.errors import CheckViolation, RestrictViolation

from models.marketplace.quotes.parties import Party
from models.marketplace.quotes.repository import Quote, purge_quotes
from models.marketplace.quotes.snapshot import canonical, sha256_of
from tests.ledger.bookings import request
from tests.ledger.conftest import Books
from tests.ledger.conftest import books as books
from tests.marketplace.shop import Shop, day, new_id, rooms_of, stay

_SNAPSHOT = (
    "INSERT INTO price_snapshots (booking_id, version, data, total, currency, sha256,"
    " previous_sha256) VALUES (%s, %s, %s, %s, %s, %s, %s)"
)


async def quoted(shop: Shop) -> Quote:
    taxes = [{"name": "Größe ✓", "kind": "SHARE", "basis_points": 700}]
    listing, room, _ = shop.add_stay(taxes=taxes, title="Casa „Azul“ 🏠")
    return await shop.quote(stay(listing, rooms_of((room, Party(2)))))


def stored(shop: Shop, quote: Quote) -> tuple[bytes, bytes]:
    [(snapshot, sha256)] = shop.execute(
        "SELECT snapshot, sha256 FROM quotes WHERE id = %s", quote.id
    )
    return canonical(snapshot), bytes(sha256)


async def test_the_hash_is_of_what_is_stored(shop: Shop) -> None:
    quote = await quoted(shop)
    content, sha256 = stored(shop, quote)
    assert content == canonical(quote.snapshot.content())
    assert sha256 == quote.sha256 == sha256_of(json.loads(content))


@pytest.mark.parametrize("seed", range(5))
async def test_changes_of_what_was_quoted(shop: Shop, seed: int) -> None:
    chance = random.Random(seed)
    quote = await quoted(shop)
    before = stored(shop, quote)
    assert quote.snapshot.stay is not None
    room = quote.snapshot.stay.rooms[0]
    listing, plan = quote.snapshot.stay.listing.id, room.rate_plan
    assert plan is not None
    changes: list[Callable[[], object]] = [
        lambda: shop.change("rooms", room.room_id, base_price=chance.randrange(10**6)),
        lambda: shop.change("rooms", room.room_id, name="Broom cupboard", status="ARCHIVED"),
        lambda: shop.change("rate_plans", plan.id, terms=[], price_rule={"basis_points": 1}),
        lambda: shop.change("rate_plans", plan.id, no_show={"amount": 1}, name="Never"),
        lambda: shop.change("listings", listing, taxes=[], title="Elsewhere"),
        lambda: shop.change("listings", listing, check_in_from=dt.time(1), time_zone="Asia/Tokyo"),
        lambda: shop.change_night(room.room_id, day(chance.randrange(3)), price=1, closed=True),
        lambda: shop.execute("DELETE FROM inventory_nights WHERE room_id = %s", room.room_id),
        lambda: shop.change("provider_profiles", shop.provider, display_name="Nobody"),
    ]
    chance.shuffle(changes)
    for change in changes:
        change()
        assert stored(shop, quote) == before
        again = await shop.read(quote)
        assert (again.snapshot, again.sha256) == (quote.snapshot, quote.sha256)
        assert sha256_of(again.snapshot.content()) == again.sha256


@pytest.mark.parametrize(
    "change",
    [
        "snapshot = jsonb_set(snapshot, '{price,total}', '1')",
        "total = total + 1",
        "sha256 = decode(repeat('00', 32), 'hex')",
        "expires_at = expires_at + interval '1 hour'",
        "request = '{}'",
        "user_id = gen_random_uuid()",
        "booking_id = gen_random_uuid(), currency = 'USD'",
        "id = gen_random_uuid()",
    ],
)
async def test_nothing_of_a_quote_can_be_changed(shop: Shop, change: str) -> None:
    quote = await quoted(shop)
    with pytest.raises(CheckViolation):
        shop.execute(f"UPDATE quotes SET {change} WHERE id = '{quote.id}'")


async def test_a_quote_becomes_one_booking_once(shop: Shop) -> None:
    quote, booking = await quoted(shop), new_id()
    take = "UPDATE quotes SET booking_id = %s WHERE id = %s"
    shop.execute(take, booking, quote.id)
    taken = await shop.read(quote)
    assert (taken.status, taken.booking_id) == ("TAKEN", booking)
    shop.execute(take, booking, quote.id)  # the same, as a repeat does it
    for other in (new_id(), None):
        with pytest.raises(CheckViolation):
            shop.execute(take, other, quote.id)
    second = await quoted(shop)
    with pytest.raises(psycopg.errors.UniqueViolation):
        shop.execute(take, booking, second.id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"product_type": "RESERVATION"},
        {"total": 1},
        {"currency": "USD"},
        {"sha256": b"short"},
        {"snapshot": "{}"},
        {"expires_at": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)},
    ],
    ids=str,
)
async def test_a_row_that_contradicts_itself(shop: Shop, wrong: dict[str, object]) -> None:
    quote = await quoted(shop)
    names = (
        "id, subject_id, product_type, product_id, request, snapshot, sha256, total, currency,"
        " expires_at"
    )
    copied = ", ".join(
        "gen_random_uuid()" if name == "id" else "%s" if name in wrong else name
        for name in names.split(", ")
    )
    copy = f"INSERT INTO quotes ({names}) SELECT {copied} FROM quotes WHERE id = '{quote.id}'"
    with pytest.raises(CheckViolation):
        shop.execute(copy, *wrong.values())


async def test_snapshots_of_a_booking_are_a_chain(shop: Shop, books: Books) -> None:
    booking = await books.begin(request(), dt.datetime(2031, 1, 1, tzinfo=dt.UTC))
    quote = await quoted(shop)
    data = json.dumps(quote.snapshot.content())
    total, currency, sha256 = quote.snapshot.price.total, "EUR", quote.sha256

    def add(version: int, previous: bytes | None) -> None:
        shop.execute(_SNAPSHOT, booking.id, version, data, total, currency, sha256, previous)

    for version, previous in ((1, sha256), (2, sha256), (2, None), (0, None)):
        with pytest.raises(CheckViolation):
            add(version, previous)
    add(1, None)
    for version, previous in ((2, b"\0" * 32), (3, sha256)):
        with pytest.raises(CheckViolation):
            add(version, previous)
    add(2, sha256)
    for change in (
        "UPDATE price_snapshots SET total = total",
        "DELETE FROM price_snapshots",
        "TRUNCATE price_snapshots",
    ):
        with pytest.raises(RestrictViolation):
            shop.execute(change)


async def test_expired_quotes_are_deleted_unless_they_were_taken(shop: Shop) -> None:
    kept, taken, left = await quoted(shop), await quoted(shop), await quoted(shop)
    shop.execute("UPDATE quotes SET booking_id = %s WHERE id = %s", new_id(), taken.id)
    with psycopg.connect(shop.url, autocommit=True) as connection:
        # nothing else can make them old
        connection.execute("SET session_replication_role = replica")
        for old in (taken, left):
            connection.execute(
                "UPDATE quotes SET created_at = created_at - interval '9 days',"
                " expires_at = expires_at - interval '9 days' WHERE id = %s",
                [old.id],
            )
    assert (await shop.read(left)).status == "EXPIRED"
    assert (await shop.read(taken)).status == "TAKEN"
    age = dt.timedelta(days=1)
    while await shop.ask(lambda found: purge_quotes(found, age)):
        pass
    ids = [kept.id, taken.id, left.id]
    rows = shop.execute("SELECT id::text FROM quotes WHERE id = ANY(%s::uuid[])", ids)
    assert {row[0] for row in rows} == {kept.id, taken.id}
