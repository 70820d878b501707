"""A stay over HTTP: quoted, held, paid, read and cancelled, by a user and by a service."""

import asyncio
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.marketplace import holding
from models.core.callers import Scope
from tests.api.conftest import client
from tests.api.conftest import whole as whole
from tests.api.server import Served, add_caller
from tests.marketplace.shop import IN, Shop, day
from tests.support.stack import Stack
from tests.support.users import SignedIn, sign_in

V1 = "/market/v1"
HOLD = {
    "travelers": [{"first_name": "Ada", "last_name": "Okafor"}],
    "contact": {"email": "ada@example.com"},
    "requests": "We arrive late.",
}
CARD = {"payment_method_id": "pm_card_visa"}


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[Shop]:
    shop = Shop(database_url)
    yield shop
    await shop.engine.dispose()


@pytest.fixture
def ada(database_url: str) -> SignedIn:
    return sign_in(database_url)


def of(whole: Served, user: SignedIn) -> httpx.AsyncClient:
    """Ask as a signed-in user's program does."""
    return httpx.AsyncClient(base_url=whole.url, headers=user.bearer, timeout=60)


@pytest.fixture
async def http(whole: Served, stack: Stack, ada: SignedIn) -> AsyncIterator[httpx.AsyncClient]:
    """A user, and a healthy worker."""
    async with of(whole, ada) as http:
        yield http


async def quoted(
    http: httpx.AsyncClient, shop: Shop, stay: tuple[str, str, str] | None = None
) -> Any:
    """A quote of three nights."""
    listing, room, _ = stay or shop.add_stay()
    asked = {
        "product_type": "STAY",
        "product_id": listing,
        "check_in": IN.isoformat(),
        "check_out": day(3).isoformat(),
        "rooms": [{"room_id": room, "adults": 2}],
        "currency": "EUR",
    }
    answer = await http.post(f"{V1}/quotes", json=asked)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def held(http: httpx.AsyncClient, shop: Shop) -> Any:
    """A stay that is held."""
    quote = await quoted(http, shop)
    answer = await http.post(f"{V1}/quotes/{quote['id']}/hold", json=HOLD)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def test_a_stay_is_quoted_held_paid_and_cancelled(
    http: httpx.AsyncClient, shop: Shop
) -> None:
    quote = await quoted(http, shop)
    answer = await http.post(f"{V1}/quotes/{quote['id']}/hold", json=HOLD)
    assert answer.status_code == 201, answer.text
    booking = answer.json()
    assert (booking["status"], booking["product_type"]) == ("HOLD", "STAY")
    assert booking["quote_id"] == quote["id"]
    assert booking["price_snapshot"]["sha256"] == quote["snapshot_sha256"]
    assert booking["price_snapshot"]["lines"] == quote["price"]["lines"]
    assert booking["price_snapshot"]["terms"] == quote["terms"]
    assert booking["travelers"] == HOLD["travelers"]
    assert booking["requests"] == HOLD["requests"]
    assert booking["message"].endswith("Your card was not charged.")
    path = f"{V1}/bookings/{booking['id']}"
    read = await http.get(path)
    assert read.json() == booking
    assert read.headers["ETag"] == answer.headers["ETag"]
    taken = (await http.get(f"{V1}/quotes/{quote['id']}")).json()
    assert (taken["status"], taken["booking_id"]) == ("TAKEN", booking["id"])
    paid = await http.post(f"{path}/pay", json=CARD)
    assert paid.status_code == 200, paid.text
    bought = paid.json()
    assert bought["status"] == "CONFIRMED"
    assert bought["payment"]["captured"] == quote["price"]["total"]
    steps = ["QUOTE", "HOLD", "PAYMENT_PENDING", "CONFIRMED"]
    assert [step["to"] for step in bought["history"]] == steps
    asked = await http.post(f"{path}/cancel", params={"dry_run": "true"}, json={})
    assert (asked.json()["fee"], asked.json()["refund"]) == (0, quote["price"]["total"])
    cancelled = await http.post(f"{path}/cancel", json={"reason": "ill"})
    assert cancelled.status_code == 200, cancelled.text
    assert cancelled.json()["status"] == "CANCELLED_BY_GUEST"
    assert cancelled.json()["payment"]["refunded"] == quote["price"]["total"]


async def test_a_repeat_finds_what_was_held_and_paid(http: httpx.AsyncClient, shop: Shop) -> None:
    quote = await quoted(http, shop)
    key = {"Idempotency-Key": str(uuid.uuid4())}
    url = f"{V1}/quotes/{quote['id']}/hold"
    answers = [await http.post(url, json=HOLD, headers=key) for _ in range(2)]
    assert [one.status_code for one in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    other = await http.post(url, json=HOLD)
    assert (other.status_code, other.json()["code"]) == (409, "QUOTE_TAKEN")
    path = f"{V1}/bookings/{answers[0].json()['id']}/pay"
    paid = [await http.post(path, json=CARD, headers=key) for _ in range(2)]
    assert [one.status_code for one in paid] == [200, 200]
    assert paid[0].json() == paid[1].json()
    again = await http.post(path, json=CARD)
    assert (again.status_code, again.json()["code"]) == (409, "STATE_CONFLICT")
    assert "was taken from your card" in again.json()["detail"]


async def test_of_many_who_want_the_last_room_one_has_it(
    whole: Served, stack: Stack, shop: Shop
) -> None:
    """Report 1 of the design, at our own stock."""
    listing = shop.add_listing()
    room = shop.add_room(listing)
    shop.add_nights(room, units=1)
    stay = (listing, room, shop.add_plan(room))

    async def buy() -> int:
        async with of(whole, sign_in(stack.settings.database.url)) as http:
            quote = await quoted(http, shop, stay)
            held = await http.post(f"{V1}/quotes/{quote['id']}/hold", json=HOLD)
            if held.status_code == 409:
                assert held.json()["code"] == "SOLD_OUT"
                nights = [night["night"] for night in held.json()["details"]["nights"]]
                assert nights == [day(n).isoformat() for n in range(3)]
            return held.status_code

    async with of(whole, sign_in(stack.settings.database.url)) as http:
        await quoted(http, shop, stay)
    codes = await asyncio.gather(*(buy() for _ in range(12)), return_exceptions=False)
    assert sorted(codes) == [201] + [409] * 11


async def test_somebody_elses_booking_is_an_unknown_one(
    whole: Served, http: httpx.AsyncClient, shop: Shop, database_url: str
) -> None:
    booking = await held(http, shop)
    async with of(whole, sign_in(database_url)) as other:
        for method, path, body in (
            ("GET", f"{V1}/bookings/{booking['id']}", None),
            ("POST", f"{V1}/bookings/{booking['id']}/pay", CARD),
            ("POST", f"{V1}/bookings/{booking['id']}/cancel", {}),
        ):
            theirs = await other.request(method, path, json=body)
            unknown = await other.request(
                method, path.replace(booking["id"], str(uuid.uuid4())), json=body
            )
            assert theirs.status_code == unknown.status_code == 404
            assert theirs.json()["code"] == unknown.json()["code"] == "BOOKING_UNKNOWN"


async def test_a_card_that_is_refused_is_followed_by_another(
    http: httpx.AsyncClient, shop: Shop
) -> None:
    booking = await held(http, shop)
    path = f"{V1}/bookings/{booking['id']}"
    refused = await http.post(
        f"{path}/pay", json={"payment_method_id": "pm_card_visa_chargeDeclined"}
    )
    assert refused.status_code == 202, refused.text
    assert refused.json()["status"] == "PAYMENT_PENDING"
    assert refused.json()["failure"]["code"] == "PAYMENT_DECLINED"
    assert "Send another card" in refused.json()["failure"]["next_step"]
    paid = await http.post(
        f"{path}/payment-method", json={"payment_method_id": "pm_card_mastercard"}
    )
    assert paid.status_code == 200, paid.text
    assert paid.json()["status"] == "CONFIRMED"


async def test_without_a_card_nothing_is_paid(http: httpx.AsyncClient, shop: Shop) -> None:
    booking = await held(http, shop)
    answer = await http.post(f"{V1}/bookings/{booking['id']}/pay", json={})
    assert (answer.status_code, answer.json()["code"]) == (422, "PAYMENT_METHOD_MISSING")
    assert (await http.get(f"{V1}/bookings/{booking['id']}")).json()["status"] == "HOLD"


async def test_three_holds_are_as_many_as_a_user_may_have(
    http: httpx.AsyncClient, shop: Shop
) -> None:
    for _ in range(3):
        await held(http, shop)
    quote = await quoted(http, shop)
    answer = await http.post(f"{V1}/quotes/{quote['id']}/hold", json=HOLD)
    assert (answer.status_code, answer.json()["code"]) == (429, "TOO_MANY_HOLDS")


async def test_a_service_buys_for_its_own_customers(
    whole: Served, stack: Stack, shop: Shop, database_url: str
) -> None:
    key = add_caller(database_url, scopes=(Scope.MARKET,))
    async with client(whole.url, key) as http:
        booking = await held(http, shop)
        paid = await http.post(f"{V1}/bookings/{booking['id']}/pay", json=CARD)
        assert paid.json()["status"] == "CONFIRMED"


async def test_held_in_vain_it_is_told_so(
    http: httpx.AsyncClient, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holding, "HOLD", dt.timedelta(seconds=2))
    booking = await held(http, shop)
    path = f"{V1}/bookings/{booking['id']}"
    async with asyncio.timeout(60):
        while (told := (await http.get(path)).json())["status"] != "EXPIRED_HOLD":
            await asyncio.sleep(0.3)
    assert told["message"].startswith("It is not held any more")
    late = await http.post(f"{path}/pay", json=CARD)
    assert (late.status_code, late.json()["code"]) == (410, "HOLD_EXPIRED")
    assert "not charged" in late.json()["detail"]
