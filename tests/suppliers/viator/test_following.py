"""Viator after the booking: looking, what cancelling would cost, what operators do."""

import asyncio
import datetime as dt
from typing import Any

import httpx
import pytest

from models.core.errors import Retryable
from models.core.money import Money
from models.core.supply import Reservation, ReservationStatus
from suppliers.core.protocol import Party
from suppliers.viator.adapter import ViatorSupplier
from tests.suppliers.conftest import LocalWorld, in_days, now, reference
from tests.suppliers.viator.test_adapter import MANUAL, outing
from tests.suppliers.viator.test_adapter import tours as tours


async def booked_at(
    local: LocalWorld, tours: ViatorSupplier, party: Party, code: str | None = None
) -> Reservation:
    item = outing(local, code)
    return await tours.book(item, await tours.quote(item, party), party, reference())


async def operator(
    local: LocalWorld, reservation: Reservation, act: str, **order: Any
) -> dict[str, Any]:
    async with httpx.AsyncClient() as http:
        answer = await http.post(
            f"{local.url}/_sandbox/viator/bookings/{reservation.reference}/{act}", json=order
        )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_look_shows_the_same_booking(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    item = outing(local)
    booked = await tours.book(item, await tours.quote(item, party), party, reference())
    assert booked.starts_at == item.starts_at
    assert await tours.look(booked) == booked
    (asked,) = {str(one.body) for one in local.recorder.to("/bookings/status")}
    assert asked == str({"bookingRef": booked.supplier_id})
    rows = local.world.log.rows(reference=booked.reference)
    assert [row["operation"] for row in rows] == ["book", "find"]
    await tours.cancel(booked, "key")
    assert (await tours.look(booked)).status is ReservationStatus.CANCELLED


async def test_pending_then_confirmed_or_rejected(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    pending = await booked_at(local, tours, party, MANUAL)
    assert (pending.status, pending.settles_by) == (ReservationStatus.PENDING, None)
    seen = await tours.look(pending)
    assert seen.status is ReservationStatus.PENDING
    assert seen.look_after is not None
    assert now() < seen.look_after < now() + dt.timedelta(minutes=2)
    assert (await tours.cancel_quote(seen)).fee == Money(amount=0, currency="USD")
    await operator(local, pending, "confirm")
    seen = await tours.look(pending)
    assert (seen.status, seen.look_after) == (ReservationStatus.CONFIRMED, None)
    assert seen.details["voucher_url"].startswith("https://")
    assert "next_poll_at" not in seen.details

    other = await booked_at(local, tours, party, MANUAL)
    await operator(local, other, "reject", reason="WEATHER")
    seen = await tours.look(other)
    assert (seen.status, seen.price) == (ReservationStatus.REJECTED, other.price)
    assert local.live("viator", other.reference) == 0
    assert await tours.find(other.reference, since=now()) is None


async def test_cancelling_is_quoted_and_nothing_is_cancelled(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    booked = await booked_at(local, tours, party)
    assert (await tours.cancel_quote(booked)).fee == Money(amount=0, currency="USD")
    assert local.live("viator", booked.reference) == 1
    assert booked.starts_at is not None
    local.world.ahead = booked.starts_at - now() - dt.timedelta(hours=3)
    quote = await tours.cancel_quote(booked)
    assert (quote.cancellable, quote.fee) == (True, booked.price)
    local.world.ahead += dt.timedelta(hours=4)
    quote = await tours.cancel_quote(booked)
    assert (quote.cancellable, quote.gone) == (False, False)
    assert quote.reason == "the experience has begun"
    local.world.ahead = dt.timedelta()
    await tours.cancel(booked, "key")
    quote = await tours.cancel_quote(booked)
    assert (quote.cancellable, quote.gone) == (False, True)


# -- what operators do ----------------------------------------------------------------------


async def test_changes_are_listed_until_acknowledged(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    began = now() - dt.timedelta(seconds=1)
    one, two = [await booked_at(local, tours, party) for _ in range(2)]
    three, four = [await booked_at(local, tours, party, MANUAL) for _ in range(2)]
    await tours.cancel(await booked_at(local, tours, party), "key")  # our own doing: no news
    assert await tours.changes(began) == []
    await operator(local, one, "cancel")
    await operator(local, two, "amend", travelDate=in_days(41).isoformat())
    await operator(local, three, "confirm")
    await operator(local, four, "reject")
    listed = await tours.changes(began)
    assert [(change.kind, change.reference, change.supplier_id) for change in listed] == [
        ("CANCELLATION", one.reference, one.supplier_id),
        ("AMENDMENT", two.reference, two.supplier_id),
        ("CONFIRMATION", three.reference, three.supplier_id),
        ("REJECTION", four.reference, four.supplier_id),
    ]
    assert [change.at for change in listed] == sorted(change.at for change in listed)
    assert (await tours.look(one)).status is ReservationStatus.CANCELLED
    moved = await tours.look(two)
    assert moved.starts_at is not None
    assert two.starts_at is not None
    # The clocks may change in between.
    assert dt.timedelta(hours=23) <= moved.starts_at - two.starts_at <= dt.timedelta(hours=25)
    assert await tours.changes(listed[2].at) == listed[2:]

    await tours.acknowledge(listed[:2])
    await tours.acknowledge(listed[:2])
    assert await tours.changes(began) == listed[2:]
    await tours.acknowledge(listed)
    assert await tours.changes(began) == []


async def test_more_than_a_page(local: LocalWorld, tours: ViatorSupplier, party: Party) -> None:
    began = now()
    booked = await booked_at(local, tours, party)
    for number in range(120):
        await operator(local, booked, "amend", travelDate=in_days(41 + number % 9).isoformat())
    listed = await tours.changes(began)
    assert len(listed) == 120
    assert len({change.acknowledgement for change in listed}) == 120
    assert len(local.recorder.to("/bookings/modified-since")) == 3
    await tours.acknowledge(listed)
    assert [len(e.body["transactionRefs"]) for e in local.recorder.to("/acknowledge")] == [
        50,
        50,
        20,
    ]
    assert await tours.changes(began) == []


async def test_an_operator_only_does_what_can_be_done(
    local: LocalWorld, tours: ViatorSupplier, party: Party
) -> None:
    booked = await booked_at(local, tours, party)
    base = f"{local.url}/_sandbox/viator/bookings"
    async with httpx.AsyncClient() as http:
        ends = [
            (await http.post(f"{base}/{path}", json=body)).status_code
            for path, body in (
                (f"{booked.supplier_id}/confirm", {}),
                (f"{booked.supplier_id}/reject", {}),
                (f"{booked.supplier_id}/amend", {"startTime": "03:00"}),
                (f"{booked.supplier_id}/vanish", {}),
                ("BR-1/cancel", {}),
                (f"{booked.supplier_id}/cancel", {}),
                (f"{booked.supplier_id}/cancel", {}),
            )
        ]
    assert ends == [409, 409, 422, 422, 404, 200, 409]
    effects = [row["effect"] for row in local.world.log.rows(reference=booked.reference)]
    assert effects == ["created", "cancelled"]


@pytest.mark.parametrize("kind", ["error", "reset", "malformed", "refuse"])
async def test_faults_on_changes(
    local: LocalWorld, tours: ViatorSupplier, party: Party, kind: str
) -> None:
    began = now()
    await operator(local, await booked_at(local, tours, party), "cancel")
    local.world.faults.arm("viator", "changes", kind, seconds=30)
    with pytest.raises(Retryable):
        await tours.changes(began)
    await rest(kind)
    (change,) = await tours.changes(began)
    local.world.faults.arm("viator", "changes", kind, seconds=30)
    if kind == "malformed":  # 204 has no body to spoil
        await tours.acknowledge([change])
    else:
        with pytest.raises(Retryable):
            await tours.acknowledge([change])
    await rest(kind)
    await tours.acknowledge([change])
    assert await tours.changes(began) == []


async def rest(kind: str) -> None:
    """Wait as long as a 429 of the sandbox asks for."""
    if kind == "refuse":
        await asyncio.sleep(1)
