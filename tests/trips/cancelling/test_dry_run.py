"""What cancelling would cost: exactly what it then costs, and nothing happens by asking."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from models.core.money import Money
from tests.api.conftest import body, client
from tests.api.server import Served
from tests.support.checker import check
from tests.support.money import Gateway, settled
from tests.support.selection import table
from tests.support.stack import Stack
from tests.trips.cancelling.conftest import booked, cancel, keep, quote


async def test_cancelling_gives_back_exactly_what_was_quoted(
    api: httpx.AsyncClient, stack: Stack, trip: dict[str, Any]
) -> None:
    booking = await booked(api, trip)
    booking_id, items = booking["bookingId"], booking["components"]
    change = keep(stack, booking, 2, items[1]["amount"] // 3, items[1]["amount"])
    keep(stack, booking, 3, items[2]["amount"])
    keep(stack, booking, 4, 0)

    quoted = await quote(api, booking_id)

    by_id = {line["componentId"]: line for line in quoted["components"]}
    hotel = by_id[items[1]["componentId"]]
    assert quoted["dryRun"] is True
    assert hotel["kept"] == items[1]["amount"] // 3
    assert hotel["validUntil"] == change
    assert by_id[items[2]["componentId"]]["refund"] == 0
    assert by_id[items[3]["componentId"]]["kept"] == 0
    assert all(line["kept"] + line["refund"] == line["price"] for line in by_id.values())
    total = quoted["total"]
    assert total["price"] == trip["totalPrice"]
    assert total["kept"] + total["refund"] == total["price"]
    assert total["kept"] == sum(line["kept"] for line in by_id.values())

    done = await cancel(api, booking_id)
    assert done["success"] is True
    assert done["refund"]["amount"] == total["refund"]
    assert done["kept"] == total["kept"]
    fees = {line["componentId"]: line["fee"] for line in done["cancelledComponents"]}
    assert fees == {name: line["kept"] for name, line in by_id.items()}
    await check(stack.sandbox, stack.settings.database.url, booking_id)


async def test_no_more_is_kept_than_was_accepted(
    api: httpx.AsyncClient, stack: Stack, trip: dict[str, Any]
) -> None:
    booking = await booked(api, trip)
    booking_id, hotel = booking["bookingId"], booking["components"][1]
    for item in booking["components"]:
        keep(stack, booking, item["number"], 0)
    keep(stack, booking, hotel["number"], hotel["amount"] // 4)
    fee = (await quote(api, booking_id))["total"]["kept"]
    keep(stack, booking, hotel["number"], hotel["amount"] // 2)  # dearer since it was asked

    sent = {"bookingId": booking_id, "acceptedFee": fee}
    refused = await api.post("/booking/cancel?wait=30", json=sent)

    assert refused.status_code == 409, refused.text
    assert refused.json()["code"] == "FEE_CHANGED"
    assert (await api.get(f"/booking/{booking_id}")).json()["state"] == "CONFIRMED"
    assert all(row["live"] for row in await stack.sandbox.reservations(booking_id))

    dearer = (await quote(api, booking_id))["total"]["kept"]
    done = await api.post("/booking/cancel?wait=30", json={**sent, "acceptedFee": dearer})
    assert done.json()["success"] is True, done.text
    assert done.json()["kept"] == dearer > fee
    await check(stack.sandbox, stack.settings.database.url, booking_id)


async def test_asking_changes_nothing(
    api: httpx.AsyncClient, stack: Stack, trip: dict[str, Any]
) -> None:
    booking = await booked(api, trip)
    booking_id = booking["bookingId"]
    first, *others = await asyncio.gather(*(quote(api, booking_id) for _ in range(6)))
    for other in others:
        assert {**other, "quotedAt": ""} == {**first, "quotedAt": ""}
    assert (await api.get(f"/booking/{booking_id}")).json() == booking
    effects = {row["effect"] for row in await stack.sandbox.log(booking_id)}
    assert not effects & {"cancelled", "refunded", "returned"}, effects
    assert all(row["live"] for row in await stack.sandbox.reservations(booking_id))
    payments = await stack.sandbox.payments(booking_id)
    assert [payment["refunded"] for payment in payments] == [0]


async def test_one_item_and_then_the_rest(
    api: httpx.AsyncClient, stack: Stack, trip: dict[str, Any]
) -> None:
    booking = await booked(api, trip)
    booking_id, items = booking["bookingId"], booking["components"]
    for item in items:
        keep(stack, booking, item["number"], item["amount"] // 4)
    tour = items[3]["componentId"]

    part = await quote(api, booking_id, tour)
    assert [line["componentId"] for line in part["components"]] == [tour]
    assert part["total"]["refund"] == items[3]["amount"] - items[3]["amount"] // 4
    done = await cancel(api, booking_id, tour)
    assert done["refund"]["amount"] == part["total"]["refund"]

    rest = await quote(api, booking_id)
    assert tour not in {line["componentId"] for line in rest["components"]}
    assert len(rest["components"]) == 3
    assert (await quote(api, booking_id, tour))["components"] == []
    done = await cancel(api, booking_id)
    assert done["refund"]["amount"] == part["total"]["refund"] + rest["total"]["refund"]
    assert done["kept"] == part["total"]["kept"] + rest["total"]["kept"]
    await check(stack.sandbox, stack.settings.database.url, booking_id)

    nothing = await quote(api, booking_id)
    assert nothing["components"] == []
    assert nothing["total"]["refund"] == 0
    assert nothing["state"] == "CANCELLED"
    assert nothing["money"].startswith("Nothing is left to cancel.")


async def test_amounts_are_in_the_payments_currency(api: httpx.AsyncClient, stack: Stack) -> None:
    mixed = {"flight": "JPY", "hotel": "EUR", "activity": "GBP"}
    booking = await booked(api, await stack.sandbox.trip(currencies=mixed, currency="USD"))
    quoted = await quote(api, booking["bookingId"])
    assert {line["currency"] for line in quoted["components"]} == {"USD"}
    hotel = next(line for line in quoted["components"] if line["type"] == "HOTEL")
    assert hotel["supplierSays"]["currency"] == "EUR"
    done = await cancel(api, booking["bookingId"])
    assert done["refund"]["amount"] == quoted["total"]["refund"]
    await check(stack.sandbox, stack.settings.database.url, booking["bookingId"])


async def test_what_is_in_dispute_is_told_and_not_promised(
    api: httpx.AsyncClient, stack: Stack, trip: dict[str, Any]
) -> None:
    booking = await booked(api, trip)
    for item in booking["components"]:
        keep(stack, booking, item["number"], 0)
    assert (await quote(api, booking["bookingId"]))["total"]["inDispute"] == 0
    recorded = await stack.recorded(booking["bookingId"])
    assert recorded.payment.id is not None
    await Gateway(stack).dispute(recorded.payment.id, 12_100)
    await settled(stack, recorded)

    quoted = await quote(api, booking["bookingId"])

    total = quoted["total"]
    assert (total["inDispute"], total["kept"]) == (12_100, 0)
    assert total["refund"] == trip["totalPrice"] - 12_100
    disputed = Money(amount=12_100, currency="USD").format()
    assert f" {disputed} is in dispute with the card holder's bank" in quoted["money"]
    done = await cancel(api, booking["bookingId"])
    assert done["refund"]["amount"] == total["refund"]
    await check(stack.sandbox, stack.settings.database.url, booking["bookingId"])


async def test_the_suppliers_own_word_stands_beside_it(
    api: httpx.AsyncClient, stack: Stack, trip: dict[str, Any]
) -> None:
    booking = await booked(api, trip)
    before = {line["type"]: line for line in (await quote(api, booking["bookingId"]))["components"]}
    says = before["HOTEL"]["supplierSays"]
    assert says["cancellable"] is True
    assert says["agrees"] is True
    assert says["fee"] == before["HOTEL"]["kept"]
    assert before["FLIGHT"]["supplierSays"]["fee"] is None, "Amadeus names none"
    assert before["FLIGHT"]["supplierSays"]["agrees"] is None

    keep(stack, booking, 2, says["fee"] + 1)
    after = {line["type"]: line for line in (await quote(api, booking["bookingId"]))["components"]}
    assert after["HOTEL"]["supplierSays"]["agrees"] is False
    assert after["HOTEL"]["kept"] == says["fee"] + 1, "the stored terms count"


@pytest.mark.parametrize("kind", table(["hang", "error", "reset", "malformed"], quick=["error"]))
async def test_a_supplier_that_does_not_answer_did_not_say(
    api: httpx.AsyncClient, stack: Stack, trip: dict[str, Any], kind: str
) -> None:
    booking = await booked(api, trip)
    await stack.sandbox.arm("booking_com", "find", kind, rate=1.0, seconds=30)
    quoted = await quote(api, booking["bookingId"])
    assert await stack.sandbox.fired() >= 1
    await stack.sandbox.clear()
    lines = {line["type"]: line for line in quoted["components"]}
    assert lines["HOTEL"]["supplierSays"] is None
    assert lines["HOTEL"]["operatorNeeded"] is False
    done = await cancel(api, booking["bookingId"])
    assert done["refund"]["amount"] == quoted["total"]["refund"]


async def test_who_may_ask_and_about_what(
    api: httpx.AsyncClient, trip: dict[str, Any], whole: Served, other_key: str
) -> None:
    booking = await booked(api, trip)
    path, payload = "/booking/cancel?dryRun=true", {"bookingId": booking["bookingId"]}
    async with client(whole.url, other_key) as other:
        theirs = await other.post(path, json=payload)
        nobodys = await other.post(path, json={"bookingId": str(uuid.uuid4())})
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() == nobodys.json()
    unknown = await api.post(path, json={**payload, "components": ["nothing"]})
    assert unknown.status_code == 422
    assert unknown.json()["field"] == "components[0]"
    wrong = await api.post("/booking/cancel?dryRun=perhaps", json=payload)
    assert wrong.status_code == 422
    assert (await api.get(f"/booking/{booking['bookingId']}")).json()["state"] == "CONFIRMED"


async def test_a_failed_booking_has_nothing_to_quote(
    api: httpx.AsyncClient, trip: dict[str, Any]
) -> None:
    stolen = "pm_card_visa_chargeDeclinedStolenCard"
    failed = (await api.post("/booking/book", json=body(trip, method=stolen))).json()
    answer = await api.post("/booking/cancel?dryRun=true", json={"bookingId": failed["bookingId"]})
    assert answer.status_code == 409
    assert answer.json()["code"] == "NOT_CANCELLABLE"


async def test_a_booking_that_is_being_made_is_not_disturbed(
    api: httpx.AsyncClient, trip: dict[str, Any], stack: Stack
) -> None:
    await stack.sandbox.arm("booking_com", "book", "slow", nth=1, seconds=0.8)
    taken = (await api.post("/booking/book?wait=0", json=body(trip))).json()
    quoted = await quote(api, taken["bookingId"])
    assert quoted["components"] == []
    assert "still being made" in quoted["money"]
    async with asyncio.timeout(30):
        while (await api.get(taken["statusUrl"])).json()["state"] != "CONFIRMED":
            await asyncio.sleep(0.1)


async def test_without_temporal_the_caller_is_asked_to_come_again(
    api: httpx.AsyncClient, trip: dict[str, Any], lonely: Served, key: str
) -> None:
    booking = await booked(api, trip)
    async with client(lonely.url, key) as alone:
        answer = await alone.post(
            "/booking/cancel?dryRun=true", json={"bookingId": booking["bookingId"]}
        )
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


@pytest.mark.exhaustive
async def test_a_worker_that_is_restarted_meanwhile_is_waited_for(
    api: httpx.AsyncClient, stack: Stack, trip: dict[str, Any]
) -> None:
    booking = await booked(api, trip)
    stack.stop_workers()
    asking = asyncio.create_task(quote(api, booking["bookingId"]))
    await asyncio.sleep(0.5)
    stack.ensure_worker()
    quoted = await asking
    done = await cancel(api, booking["bookingId"])
    assert done["refund"]["amount"] == quoted["total"]["refund"]


async def test_what_is_being_cancelled_can_be_asked_about(
    api: httpx.AsyncClient, stack: Stack, trip: dict[str, Any]
) -> None:
    booking = await booked(api, trip)
    await stack.sandbox.arm("booking_com", "cancel", "slow", nth=1, seconds=0.8)
    cancelling = asyncio.create_task(cancel(api, booking["bookingId"]))
    await asyncio.sleep(0.4)
    during = await quote(api, booking["bookingId"])
    done = await cancelling
    assert done["state"] == "CANCELLED"
    assert during["total"]["refund"] in (0, done["refund"]["amount"])
    await check(stack.sandbox, stack.settings.database.url, booking["bookingId"])
