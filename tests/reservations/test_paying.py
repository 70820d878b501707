"""Another card for a reservation over HTTP, and what is given back to whom."""

import uuid
from typing import Any

import httpx
import pytest

from tests.api.conftest import whole as whole
from tests.reservations.test_api import PATH, by_hand, wanted
from tests.reservations.test_api import dinner as dinner
from tests.reservations.test_api import venue_key as venue_key
from tests.reservations.test_changing import CARD, made, put
from tests.support.stack import Stack
from tests.trips.saga.test_cancel_confirmed import set_terms

REFUSED = {"payment": {"payment_method_id": "pm_card_chargeDeclined"}}
KEPT = [{"until": None, "fee": 4_000}]


async def pay(
    http: httpx.AsyncClient, booking: dict[str, Any], card: str, headers: Any = None
) -> httpx.Response:
    path = f"{PATH}/{booking['id']}/payment-method"
    return await http.post(path, json={"payment_method_id": card}, headers=headers)


async def test_another_card_is_taken_where_one_was_refused(dinner: httpx.AsyncClient) -> None:
    """By a caller that may do nothing but reserve; the place was held meanwhile."""
    held = (await dinner.post(PATH, json=wanted("chefs-table", **REFUSED))).json()
    assert (held["status"], held["payment"]["status"]) == ("PENDING", "failed")
    again = await pay(dinner, held, "pm_card_chargeDeclined")
    assert again.status_code == 202, again.text
    assert again.headers["Location"] == f"{PATH}/{held['id']}"
    assert again.json()["payment"]["waits_until"] == held["payment"]["waits_until"]
    paid = await pay(dinner, held, "pm_card_visa")
    assert paid.status_code == 200, paid.text
    now = paid.json()
    assert (now["status"], now["payment"]["captured"], now["failure"]) == ("CONFIRMED", 4_000, None)
    assert now["inventory_reference"] == held["inventory_reference"]
    assert (await dinner.get(f"{PATH}/{held['id']}")).json() == now
    late = await pay(dinner, now, "pm_card_visa")
    assert (late.status_code, late.json()["code"]) == (409, "NO_CARD_WANTED")
    assert (late.json()["field"], late.json()["details"]["booking_id"]) == (
        "payment_method_id",
        held["id"],
    )


async def test_another_card_pays_for_a_change(dinner: httpx.AsyncClient) -> None:
    booking = await made(dinner, "chefs-table", party_size=1, **CARD)
    change = {"party_size": 2, "accepted_total": 4_000, **REFUSED}
    waits = await put(dinner, booking, **change)
    assert waits.status_code == 202, waits.text
    assert (waits.json()["party_size"], waits.json()["payment"]["status"]) == (1, "failed")
    assert waits.json()["payment"]["waits_until"]
    assert "A change of it is not made: the card was refused" in waits.json()["message"]
    paid = await pay(dinner, booking, "pm_card_visa")
    assert paid.status_code == 200, paid.text
    assert (paid.json()["party_size"], paid.json()["payment"]["captured"]) == (2, 4_000)
    less = await put(dinner, paid.json(), party_size=1)
    money = less.json()["payment"]
    assert (money["captured"], money["refunded"]) == (4_000, 2_000)
    assert money["status"] == "partially_refunded"  # of the two payments, one is given back whole


async def test_a_change_that_no_card_pays_for_leaves_it_as_it_was(
    dinner: httpx.AsyncClient,
) -> None:
    booking = await made(dinner, "chefs-table", party_size=1, **CARD)
    change = {"party_size": 2, "accepted_total": 4_000, **REFUSED}
    waits = await put(dinner, booking, **change)
    assert waits.status_code == 202, waits.text
    stolen = await pay(dinner, booking, "pm_card_visa_chargeDeclinedStolenCard")
    assert (stolen.status_code, stolen.json()["code"]) == (409, "PAYMENT_DECLINED")
    assert "stands as it was" in stolen.json()["detail"]
    assert (await dinner.get(f"{PATH}/{booking['id']}")).json()["party_size"] == 1


async def test_a_repeat_is_told_how_its_change_has_ended(dinner: httpx.AsyncClient) -> None:
    """202 is stored nowhere: the change has come to nothing meanwhile, and waits for no card."""
    booking = await made(dinner, "chefs-table", party_size=1, **CARD)
    change = {"party_size": 2, "accepted_total": 4_000, **REFUSED}
    assert (await put(dinner, booking, **change)).status_code == 202
    key = {"Idempotency-Key": str(uuid.uuid4())}
    waits = await pay(dinner, booking, "pm_card_chargeDeclined", key)
    assert waits.status_code == 202, waits.text
    await pay(dinner, booking, "pm_card_visa_chargeDeclinedStolenCard")
    again = await pay(dinner, booking, "pm_card_chargeDeclined", key)
    assert (again.status_code, again.json()["code"]) == (409, "PAYMENT_DECLINED"), again.text
    assert "stands as it was" in again.json()["detail"]


@pytest.mark.parametrize(
    ("path", "body", "by", "fee"),
    [
        ("cancel", {"by": "GUEST"}, "GUEST", 4_000),
        ("cancel", {"by": "VENUE"}, "VENUE", 0),
        ("status", {"status": "CANCELLED"}, "VENUE", 0),
    ],
)
async def test_a_venue_that_cancels_gives_everything_back(
    dinner: httpx.AsyncClient, stack: Stack, path: str, body: dict[str, str], by: str, fee: int
) -> None:
    booking = await made(dinner, "chefs-table", **CARD)
    set_terms(stack, booking["id"], 1, KEPT)
    asked = await dinner.post(f"{PATH}/{booking['id']}/cancel?dry_run=true", json={"by": by})
    quote = asked.json()
    assert (quote["fee"], quote["refund"]) == (fee, 4_000 - fee)
    done = await dinner.post(f"{PATH}/{booking['id']}/{path}", json=body)
    assert done.status_code == 200, done.text
    told = done.json()["cancellation"]
    assert told == {"by": by, "reason": None, "fee": quote["fee"], "refund": quote["refund"]}
    assert done.json()["payment"]["refunded"] == quote["refund"]


async def test_what_the_venue_refuses_is_not_said_to_be_the_guests_wish(
    dinner: httpx.AsyncClient, stack: Stack
) -> None:
    held = await by_hand(dinner, "chefs-table")
    refused = await dinner.post(f"{PATH}/{held['id']}/cancel", json={"by": "VENUE"})
    assert refused.json()["cancellation"]["by"] == "VENUE"
    booking = await stack.recorded(held["id"])
    assert booking.problem is not None
    assert booking.problem.code == "CANCELLED_BY_OPERATOR"
