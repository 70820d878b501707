"""Trips in several currencies at the front door, and what callers are shown of the conversion."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.api.conftest import NOBODY, body, client
from tests.api.server import serve
from tests.suppliers.conftest import Reply, Scripted
from tests.support.environment import changed
from tests.support.sandbox_client import SandboxClient
from tests.support.stack import Stack

Price = tuple[int, str]


def option(total: Price, *prices: Price) -> dict[str, Any]:
    return {
        "tripOptionId": uuid.uuid4().hex,
        "totalPrice": total[0],
        "currency": total[1],
        "travelers": [{"firstName": "Ada", "lastName": "Moreno", "dateOfBirth": "1990-04-30"}],
        "components": [
            {
                "componentId": f"c{number}",
                "type": "HOTEL",
                "supplier": "booking_com",
                "price": price,
                "currency": currency,
                "startsAt": "2031-01-01T10:00:00Z",
                "endsAt": "2031-01-02T10:00:00Z",
                "offer": {
                    "accommodation": 1,
                    "product": "1_1",
                    "name": "Aurora",
                    "checkin": "2031-01-01",
                    "checkout": "2031-01-02",
                    "adults": 1,
                    "currency": currency,
                },
            }
            for number, (price, currency) in enumerate(prices, start=1)
        ],
    }


@contextlib.asynccontextmanager
async def planning(trip: dict[str, Any]) -> AsyncIterator[str]:
    """A planner that has this one trip option."""
    script = Scripted()
    script.say(trip["tripOptionId"], Reply(200, trip))
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


ADD_UP = "do not add up"
ALONE = "in USD alone cost more"


@pytest.mark.parametrize(
    ("trip", "refused"),
    [
        (option((300, "USD"), (100, "USD"), (200, "USD")), None),
        (option((299, "USD"), (100, "USD"), (200, "USD")), ADD_UP),
        (option((301, "USD"), (100, "USD"), (200, "USD")), ADD_UP),
        (option((300, "USD"), (100, "USD"), (170, "EUR")), None),
        (option((300, "USD"), (30_000, "JPY"), (170, "EUR")), None),
        (option((300, "USD"), (300, "USD"), (170, "EUR")), None),
        (option((300, "USD"), (301, "USD"), (170, "EUR")), ALONE),
    ],
)
async def test_what_can_be_checked_at_the_door(
    stack: Stack, key: str, trip: dict[str, Any], refused: str | None
) -> None:
    async with planning(trip) as planner:
        settings = changed(stack.settings, trip_planner_url=planner, temporal={"address": NOBODY})
        with serve(settings) as served:
            async with client(served.url, key) as http:
                problem = (await http.post("/booking/book", json=body(trip))).json()
    if refused is None:
        assert problem["code"] == "TEMPORAL_UNAVAILABLE", "past the door"
    else:
        assert (problem["code"], problem["status"]) == ("TRIP_OPTION_UNBOOKABLE", 422)
        assert refused in problem["detail"]


async def test_a_caller_sees_what_is_paid_and_what_the_supplier_asks(
    api: httpx.AsyncClient, sandbox: SandboxClient
) -> None:
    trip = await sandbox.trip(currencies={"flight": "JPY", "hotel": "EUR"})
    made = (await api.post("/booking/book", json=body(trip))).json()
    assert made["success"], made
    paid = made["payment"]
    assert (paid["amount"], paid["currency"]) == (trip["totalPrice"], "USD")
    whole = (await api.get(f"/booking/{made['bookingId']}")).json()
    flight, hotel, tour, _ = whole["components"]
    for component, shown in zip(whole["components"], trip["components"], strict=True):
        assert component["currency"] == "USD"
        own = (component["supplierPrice"], component["supplierCurrency"])
        assert own == (shown["price"], shown["currency"])
    assert hotel["exchangeRate"]["rate"] == "1.1"
    assert (hotel["exchangeRate"]["base"], hotel["exchangeRate"]["quote"]) == ("EUR", "USD")
    assert "European Central Bank" in hotel["exchangeRate"]["source"]
    assert hotel["exchangeRate"]["asOf"] == hotel["bookedAt"][:10]
    assert flight["exchangeRate"]["rate"] == "0.006875"
    assert tour["exchangeRate"] is None
    assert hotel["cancellationTerms"][-1]["fee"] == hotel["amount"] != hotel["supplierPrice"]
    assert sum(component["amount"] for component in whole["components"]) == paid["amount"]
    booked = whole["confirmations"]
    parts = [booked["flight"], booked["hotel"], *booked["activities"]]
    assert {part["currency"] for part in parts} == {"USD"}
    assert sum(part["totalPrice"] for part in parts) == paid["amount"]

    cancelled = (await api.post("/booking/cancel", json={"bookingId": made["bookingId"]})).json()
    assert cancelled["success"]
    assert {one["currency"] for one in cancelled["cancelledComponents"]} == {"USD"}
    refunds = sum(one["refund"] for one in cancelled["cancelledComponents"])
    assert cancelled["refund"]["amount"] == refunds
    assert cancelled["kept"] == paid["amount"] - refunds


@pytest.mark.parametrize(
    ("currency", "written"), [("JPY", "{:,} JPY"), ("BHD", "{:,.3f} BHD"), ("USD", "{:,.2f} USD")]
)
async def test_amounts_are_written_with_the_decimals_of_their_currency(
    api: httpx.AsyncClient, sandbox: SandboxClient, currency: str, written: str
) -> None:
    trip = await sandbox.trip(currency=currency, suppliers={"activity": None})
    made = (await api.post("/booking/book", json=body(trip))).json()
    assert made["success"], made
    answer = (await api.post("/booking/cancel", json={"bookingId": made["bookingId"]})).json()
    refunded = answer["refund"]["amount"]
    amount = refunded if currency == "JPY" else refunded / (1000 if currency == "BHD" else 100)
    assert answer["money"].startswith(f"{written.format(amount)} is being refunded")


async def test_a_traveller_is_told_that_there_is_no_rate(
    api: httpx.AsyncClient, sandbox: SandboxClient
) -> None:
    trip = await sandbox.trip(currency="BHD", currencies={"hotel": "EUR"})
    made = (await api.post("/booking/book", json=body(trip))).json()
    assert (made["success"], made["state"]) == (False, "FAILED")
    error = made["error"]
    assert (error["code"], error["failedStep"]) == ("NO_EXCHANGE_RATE", "validate")
    hotel = trip["components"][1]["title"]
    assert error["message"] == (
        f"The hotel “{hotel}” is priced in another currency than the one you pay in, and there is"
        " no exchange rate for it right now."
    )
    assert error["money"] == "Your card was not charged."
    assert error["undone"] == []
    whole = (await api.get(f"/booking/{made['bookingId']}")).json()
    component = whole["components"][1]
    assert (component["amount"], component["currency"]) == (0, "BHD")
    assert component["supplierPrice"] == trip["components"][1]["price"]
    assert (component["supplierCurrency"], component["exchangeRate"]) == ("EUR", None)
