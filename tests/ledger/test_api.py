"""The ledger over HTTP: for operators only, camelCase, minor units."""

import datetime as dt
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from models.bookings.lifecycle import BookingState
from settings import Settings
from tests.api.server import Served, add_caller, serve
from tests.ledger.bookings import FLIGHT, HOTEL, TOUR, cancel, confirm, refund
from tests.ledger.conftest import Books

S = BookingState
NOBODY = "127.0.0.1:1"
PAID = FLIGHT + HOTEL
LEDGER = "/operator/ledger"
UNKNOWN = "5b0f3b0e-0c7e-4c43-9c4f-3c2a8d9b1e77"


@pytest.fixture(scope="module")
def served(scratch_url: str) -> Iterator[Served]:
    """An API with a database; nothing here asks Temporal."""
    with serve(Settings(database={"url": scratch_url}, temporal={"address": NOBODY})) as running:
        yield running


@pytest.fixture
async def operator(served: Served, scratch_url: str) -> AsyncIterator[httpx.AsyncClient]:
    key = add_caller(scratch_url, name="back office", role="operator")
    async with httpx.AsyncClient(base_url=served.url, headers={"X-API-Key": key}) as http:
        yield http


async def ask(http: httpx.AsyncClient, path: str, **params: str) -> dict[str, Any]:
    answer = await http.get(LEDGER + path, params=params)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def moment(at: dt.datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def test_balances_now_and_then(operator: httpx.AsyncClient, scratch: Books) -> None:
    opened = await scratch.open(prices=(FLIGHT, HOTEL), currency="CHF")
    booking = await scratch.record(confirm(opened), S.CONFIRMED)
    then = dt.datetime.now(dt.UTC)
    cancel(booking, {1: 10_000, 2: 0})
    refund(booking, PAID - 10_000)
    await scratch.record(booking, S.CANCELLED)

    async def francs(**params: str) -> list[tuple[str, str, int, int, int]]:
        answer = await ask(operator, "/balances", **params)
        return [
            tuple(one[name] for name in ("account", "owner", "debited", "credited", "balance"))
            for one in answer["balances"]
            if one["currency"] == "CHF"
        ]

    assert await francs(at=moment(then)) == [
        ("GATEWAY", "stripe", PAID, 0, PAID),
        ("PROVIDER_EARNINGS", "amadeus", 0, FLIGHT, -FLIGHT),
        ("PROVIDER_EARNINGS", "booking_com", 0, HOTEL, -HOTEL),
        ("TRAVELER", "", PAID, PAID, 0),
    ]
    now = await francs()
    assert ("FEES", "amadeus", 0, 10_000, -10_000) in now
    assert sum(one[4] for one in now) == 0
    assert await francs(at="2020-01-01T00:00:00Z") == []


async def test_the_statement_of_a_booking(operator: httpx.AsyncClient, scratch: Books) -> None:
    booking = await scratch.record(confirm(await scratch.open(prices=(FLIGHT,))), S.CONFIRMED)
    answer = await ask(operator, f"/bookings/{booking.id}")
    assert (answer["bookingId"], answer["bookingReference"]) == (booking.id, booking.reference)
    assert (answer["state"], answer["currency"]) == ("CONFIRMED", "USD")
    capture, sale = answer["entries"]
    assert capture["entryType"] == "capture"
    assert capture["sourceId"] == booking.payment.id
    assert capture["travelerBalance"] == FLIGHT
    assert sale["travelerBalance"] == 0
    assert sale["lines"][0] == {
        "account": "TRAVELER",
        "owner": "",
        "direction": "DEBIT",
        "amount": FLIGHT,
        "currency": "USD",
    }


async def test_a_booking_without_money_has_an_empty_statement(
    operator: httpx.AsyncClient, scratch: Books
) -> None:
    booking = await scratch.open()
    assert (await ask(operator, f"/bookings/{booking.id}"))["entries"] == []


@pytest.mark.parametrize("which", [UNKNOWN, "TS-00000-00000", "%00", "x" * 500])
async def test_an_unknown_booking(operator: httpx.AsyncClient, which: str) -> None:
    answer = await operator.get(f"{LEDGER}/bookings/{which}")
    assert (answer.status_code, answer.json()["code"]) == (404, "BOOKING_UNKNOWN")


async def test_the_check(operator: httpx.AsyncClient, scratch: Books) -> None:
    start = dt.datetime.now(dt.UTC)
    booking = cancel(await scratch.record(confirm(await scratch.open()), S.CONFIRMED), {3: 0})
    right = await ask(operator, "/check", since=moment(start))
    assert right == {"ok": True, "since": moment(start), "entries": 4, "violations": []}

    booking = await scratch.record(booking, S.CONFIRMED)  # 400.00 owed, and nobody pays them
    wrong = await ask(operator, "/check", since=moment(start))
    assert wrong["ok"] is False
    assert wrong["violations"] == [
        {
            "kind": "suspense",
            "message": "400.00 USD in SUSPENSE, and the booking is CONFIRMED",
            "bookingId": booking.id,
            "entryId": None,
        }
    ]
    refund(booking, TOUR)
    await scratch.record(booking, S.CONFIRMED)
    assert (await ask(operator, "/check"))["ok"] is True


@pytest.mark.parametrize(("path", "name"), [("/balances", "at"), ("/check", "since")])
@pytest.mark.parametrize("value", ["yesterday", "2031-02-01T00:00:00", "", "\x00"])
async def test_moments_have_a_time_zone(
    operator: httpx.AsyncClient, path: str, name: str, value: str
) -> None:
    answer = await operator.get(LEDGER + path, params={name: value})
    assert (answer.status_code, answer.json()["field"]) == (422, name)


@pytest.mark.parametrize("path", ["/balances?at", "/check?since"])
@pytest.mark.parametrize("value", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"])
async def test_far_moments_break_nothing(
    operator: httpx.AsyncClient, path: str, value: str
) -> None:
    assert (await operator.get(f"{LEDGER}{path}={value}")).status_code == 200


# -- commission ----------------------------------------------------------------------------------


async def rule_ids(http: httpx.AsyncClient) -> list[int]:
    answer = await ask(http, "/commission-rules")
    return [rule["id"] for rule in answer["rules"]]


async def test_a_commission_is_set_once_however_often_it_is_sent(
    operator: httpx.AsyncClient, scratch: Books
) -> None:
    payload = {"supplier": "viator", "provider": "Harbour Tours", "basisPoints": 2000}
    made = await operator.post(f"{LEDGER}/commission-rules", json=payload)
    again = await operator.post(f"{LEDGER}/commission-rules", json=payload)
    assert (made.status_code, again.status_code) == (201, 200)
    assert made.json() == again.json()
    assert made.json()["who"].startswith("operator back office")
    assert (await rule_ids(operator)).count(made.json()["id"]) == 1

    booking = await scratch.record(confirm(await scratch.open()), S.CONFIRMED)
    assert (await scratch.totals(booking))["COMMISSION"] == -TOUR // 5

    later = await operator.post(f"{LEDGER}/commission-rules", json={**payload, "basisPoints": 1000})
    assert later.status_code == 201
    booking = await scratch.record(confirm(await scratch.open()), S.CONFIRMED)
    assert (await scratch.totals(booking))["COMMISSION"] == -TOUR // 10


async def test_a_rule_for_later_changes_nothing_today(
    operator: httpx.AsyncClient, scratch: Books
) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=30)
    payload = {"supplier": "amadeus", "basisPoints": 500, "validFrom": moment(soon)}
    made = await operator.post(f"{LEDGER}/commission-rules", json=payload)
    assert made.status_code == 201
    assert made.json()["validFrom"] == moment(soon)
    assert (await operator.post(f"{LEDGER}/commission-rules", json=payload)).status_code == 200
    booking = await scratch.record(confirm(await scratch.open(prices=(FLIGHT,))), S.CONFIRMED)
    assert "COMMISSION" not in await scratch.totals(booking)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "basisPoints is missing"),
        ({"basisPoints": 10_001}, "basisPoints"),
        ({"basisPoints": -1}, "basisPoints"),
        ({"basisPoints": 15.5}, "basisPoints"),
        ({"basisPoints": "1500"}, "basisPoints"),
        ({"basisPoints": True}, "basisPoints"),
        ({"basisPoints": 1500, "supplier": "bookingcom"}, "amadeus, booking_com, duffel"),
        ({"basisPoints": 1500, "supplier": "viator", "provider": ""}, "provider"),
        ({"basisPoints": 1500, "provider": "Delta"}, "needs the supplier"),
        ({"basisPoints": 1500, "validFrom": "2020-01-01T00:00:00Z"}, "in the past"),
        ({"basisPoints": 1500, "validFrom": "9999-12-31T23:59:59-14:00"}, "ten years"),
        ({"basisPoints": 1500, "validFrom": "2031-01-01"}, "validFrom"),
        ({"basisPoints": 1500, "who": "me"}, "who"),
    ],
)
async def test_a_rule_that_makes_no_sense_is_refused(
    operator: httpx.AsyncClient, body: dict[str, object], expected: str
) -> None:
    before = await rule_ids(operator)
    answer = await operator.post(f"{LEDGER}/commission-rules", json=body)
    assert answer.status_code == 422, answer.text
    assert expected in answer.json()["detail"]
    assert await rule_ids(operator) == before


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/balances"),
        ("GET", f"/bookings/{UNKNOWN}"),
        ("GET", "/check"),
        ("GET", "/commission-rules"),
        ("POST", "/commission-rules"),
    ],
)
async def test_planners_see_nothing_of_it(
    served: Served, scratch_url: str, method: str, path: str
) -> None:
    headers = {"X-API-Key": add_caller(scratch_url)}
    async with httpx.AsyncClient(base_url=served.url, headers=headers) as http:
        answer = await http.request(method, LEDGER + path, json={"basisPoints": 0})
    assert (answer.status_code, answer.json()["code"]) == (403, "OPERATORS_ONLY")
