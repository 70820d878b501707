"""What suppliers change by themselves, found in their lists of changes or told by a webhook."""

import asyncio
import datetime as dt
import random
import time
import uuid

import httpx
import pytest

from models.bookings.lifecycle import BookingState
from models.bookings.messages import SUPPLIER_SIGNAL
from tests.api.server import Served
from tests.suppliers.following.conftest import SECRET
from tests.suppliers.following.world import World

DUFFEL = {"flight": "duffel"}


async def test_a_cancellation_in_the_list_of_changes(world: World) -> None:
    booking, item = await world.booked("viator", activities=1)
    await world.act(f"viator/bookings/{item.reference}/cancel")

    summary = await world.round()

    assert summary.changes is not None
    assert summary.changes.listed == 1
    row = await world.until(booking, item.number, "CANCELLED")
    assert row["fee"] == 0
    facts = await world.judged(booking)
    assert facts.booking["state"] == "CONFIRMED"
    assert facts.payment["refunded"] == item.price
    assert facts.booking["warnings"][-1].startswith(f"{item.title} was cancelled by Viator")
    assert [case["kind"] for case in facts.cases] == ["SUPPLIER"]
    # It was acknowledged, and is not told again.
    again = await world.round()
    assert again.changes is not None
    assert again.changes.listed == 0


async def test_a_change_is_acknowledged_only_once_it_is_kept(world: World) -> None:
    booking, item = await world.booked("viator", activities=1)
    await world.act(f"viator/bookings/{item.reference}/cancel")
    await world.stack.sandbox.arm("viator", "changes", "error", nth=2)  # the acknowledgement

    first = await world.round()
    assert first.changes is not None
    assert first.changes.troubled == ["viator"]
    await world.until(booking, item.number, "CANCELLED")

    await world.round()
    kept = world.rows("SELECT deliveries FROM webhook_events WHERE reference = %s", item.reference)
    assert [row["deliveries"] for row in kept] == [2]
    facts = await world.judged(booking)
    assert facts.payment["refunded"] == item.price


async def test_an_airline_cancels_and_its_webhook_tells(world: World, told: Served) -> None:
    assert told
    booking, item = await world.booked("duffel", suppliers=DUFFEL)
    await world.act(f"duffel/orders/{item.reference}/airline_cancel")
    row = await world.until(booking, item.number, "CANCELLED")
    assert row["fee"] == 0
    facts = await world.judged(booking)
    assert facts.payment["refunded"] == item.price
    assert [case["kind"] for case in facts.cases] == ["SUPPLIER"]


async def test_other_times_change_the_record_and_cancel_nothing(world: World, told: Served) -> None:
    assert told
    booking, item = await world.booked("duffel", suppliers=DUFFEL)
    assert item.reservation is not None
    before = item.reservation.starts_at
    await world.act(f"duffel/orders/{item.reference}/schedule_change", minutes=95)
    end = time.monotonic() + 20
    while "SUPPLIER" not in world.cases(booking):
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    await world.at_rest(booking)
    row = world.item(booking, item.number)
    assert row["status"] == "CONFIRMED"
    assert before is not None
    assert row["details"]["starts_at"] != before.isoformat().replace("+00:00", "Z")
    facts = await world.judged(booking)
    assert facts.payment["refunded"] == 0
    [warning] = [told for told in facts.booking["warnings"] if "has changed the times" in told]
    assert warning.startswith("Duffel")
    # Looked at again it is no news any more.
    again = await world.follow(booking, item.number)
    assert again.version == facts.booking["version"]
    now = next(one for one in again.items if one.number == item.number).legs
    assert [leg.start.utc for leg in now] == [
        leg.start.utc and leg.start.utc + dt.timedelta(minutes=95) for leg in item.legs
    ]
    assert {leg.confirmation_code for leg in now} == {item.reservation.confirmation_code}


async def test_everything_gone_is_a_booking_cancelled_by_its_providers(
    world: World, told: Served
) -> None:
    assert told
    suppliers = {"flight": "duffel", "hotel": "ratehawk"}
    booking, flight = await world.booked("duffel", suppliers=suppliers, activities=0)
    [hotel] = [item for item in booking.items if item.supplier == "ratehawk"]
    await world.act(f"ratehawk/orders/{hotel.reference}/cancel")
    await world.act(f"duffel/orders/{flight.reference}/airline_cancel")
    await world.until(booking, flight.number, "CANCELLED")
    # RateHawk does not tell what its hotels cancel: somebody has to look, and to look again where
    # it gave no answer within the second that a busy machine needs.
    async with asyncio.timeout(60):
        while world.row(booking)["state"] == "CONFIRMED":
            await world.follow(booking, hotel.number)
    row = world.row(booking)
    assert row["state"] == "CANCELLED"
    assert row["cancelled_by"] == "PROVIDER"
    facts = await world.judged(booking)
    assert facts.payment["refunded"] == facts.payment["captured"]


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_twice_and_in_any_order_has_the_same_end(
    world: World, told: Served, seed: int
) -> None:
    booking, item = await world.booked("duffel", suppliers=DUFFEL)
    await world.act(f"duffel/orders/{item.reference}/schedule_change", minutes=30)
    await world.act(f"duffel/orders/{item.reference}/airline_cancel")
    events = world.rows(
        "SELECT event_id, type, reference, supplier_id FROM webhook_events WHERE gateway = 'duffel'"
        " AND (reference = %s OR supplier_id = %s)",
        item.reference,
        item.reservation.supplier_id if item.reservation else "",
    )
    copies = [event for event in events for _ in range(3)]
    random.Random(seed).shuffle(copies)
    for event in copies:
        world.rows(
            "INSERT INTO webhook_events (gateway, event_id, type, livemode, reference,"
            " supplier_id, created_at, payload, deliveries, status, attempts)"
            " VALUES ('duffel', %s, %s, false, %s, %s, now(), '{}', 1, 'received', 0)",
            f"copy-{uuid.uuid4()}",
            event["type"],
            event["reference"],
            event["supplier_id"],
        )
    await world.until(booking, item.number, "CANCELLED")
    end = time.monotonic() + 40
    waiting = "SELECT count(*) AS n FROM webhook_events WHERE reference = %s AND status='received'"
    while world.rows.one(waiting, item.reference)["n"]:
        assert time.monotonic() < end
        await asyncio.sleep(0.2)
    await world.at_rest(booking)
    facts = await world.judged(booking)
    assert facts.booking["state"] == "CONFIRMED"
    assert facts.payment["refunded"] == item.price
    assert len(facts.refunds) == 1


async def test_a_supplier_in_trouble_is_asked_again_about_an_event(
    world: World, told: Served
) -> None:
    assert told
    booking, item = await world.booked("duffel", suppliers=DUFFEL)
    await world.stack.sandbox.arm("duffel", "find", "error", rate=1, reference=item.reference)
    await world.act(f"duffel/orders/{item.reference}/airline_cancel")
    await asyncio.sleep(3)
    assert world.item(booking, item.number)["status"] == "CONFIRMED"
    await world.stack.sandbox.clear()
    await world.until(booking, item.number, "CANCELLED")
    await world.judged(booking)


async def test_what_is_not_signed_is_not_kept(world: World, told: Served) -> None:
    before = world.rows.one("SELECT count(*) AS n FROM webhook_events")["n"]
    bodies = [b"", b"{}", b"[]", b"\xff\xfe", b"null", b"1e999", b'{"data":' * 5000]
    signatures = ["", "t=1,v2=" + "0" * 64, f"t={int(time.time())},v2={'a' * 64}", "t=\u0663,v2=x"]
    async with httpx.AsyncClient(base_url=told.url) as http:
        for supplier in ("duffel", "ratehawk"):
            for body in bodies:
                for signature in signatures:
                    answer = await http.post(
                        f"/webhooks/{supplier}",
                        content=body,
                        headers=[(b"X-Duffel-Signature", signature.encode())],
                    )
                    assert answer.status_code == 400, (supplier, body[:20], answer.text)
                    assert answer.json()["code"] == "SIGNATURE_REFUSED"
                    assert SECRET not in answer.text
        big = await http.post("/webhooks/duffel", content=b"x" * (1024 * 1024 + 1))
        assert big.status_code == 413
        for closed in ("viator", "booking_com", "nobody"):
            assert (await http.post(f"/webhooks/{closed}", content=b"{}")).status_code == 404
    assert world.rows.one("SELECT count(*) AS n FROM webhook_events")["n"] == before


async def test_an_event_about_nobody_is_kept(world: World, told: Served) -> None:
    """And one about a booking under way waits for it, telling its workflow."""
    assert told
    world.rows(
        "INSERT INTO webhook_events (gateway, event_id, type, livemode, reference, created_at,"
        " payload, deliveries, status, attempts, received_at) VALUES ('duffel', 'about-nobody',"
        " 'order.created', false, 'nobody-1-1', now(), '{}', 1, 'received', 0,"
        " now() - interval '10 minutes')"
    )
    end = time.monotonic() + 20
    while (row := world.rows.event("about-nobody"))["status"] == "received":
        assert time.monotonic() < end
        await asyncio.sleep(0.1)
    assert (row["status"], row["outcome"]) == ("kept", "no booking is known for it")


async def test_a_running_booking_is_told_and_the_event_waits(world: World) -> None:
    asked = await world.stack.request(payment_method="pm_card_visa_chargeDeclined")
    asked.patience.authentication_deadline = 30
    handle = await world.stack.start(asked)
    await world.stack.until(handle, BookingState.PAYMENT_PENDING)
    item = asked.new_booking(dt.datetime.now(dt.UTC)).items[0]
    world.rows(
        "INSERT INTO webhook_events (gateway, event_id, type, livemode, reference, created_at,"
        " payload, deliveries, status, attempts) VALUES (%s, %s, 'x', false, %s, now(), '{}', 1,"
        " 'received', 0)",
        item.supplier,
        f"early-{asked.booking_id}",
        item.reference,
    )
    await asyncio.sleep(2)
    row = world.rows.event(f"early-{asked.booking_id}")
    assert row["status"] == "received"
    assert "its workflow has been told" in row["outcome"]
    history = await handle.fetch_history()
    signals = [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in history.events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert SUPPLIER_SIGNAL in signals
    await handle.cancel()
    await handle.result()
