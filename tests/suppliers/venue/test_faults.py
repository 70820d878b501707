"""Every kind of fault at every operation: what is certain then (reliability.md F1–F8, F16)."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from models.core.errors import (
    InvalidRequest,
    NotCancellable,
    ProviderError,
    Retryable,
    Unavailable,
    UnknownOutcome,
)
from models.core.supply import ReservationStatus
from suppliers.venue import VenueSupplier
from tests.suppliers.conftest import expect
from tests.suppliers.venue.conftest import GUEST, PATIENCE, Desk

DONE = ("commit_then_hang", "commit_then_error", "malformed", "late_commit", "duplicate", "slow")
"""Faults after which the service has done it."""
CHANGING: dict[str, type[ProviderError] | None] = {
    **dict.fromkeys(
        (
            "error",
            "reset",
            "hang",
            "commit_then_hang",
            "late_commit",
            "commit_then_error",
            "malformed",
        ),
        UnknownOutcome,
    ),
    "duplicate": None,
    "slow": None,
}
READING: dict[str, type[ProviderError] | None] = {
    **dict.fromkeys(("error", "reset", "hang", "malformed"), Retryable),
    "refuse": InvalidRequest,
    "slow": None,
}


async def late(kind: str) -> None:
    """Wait for what is done after everybody has given up."""
    await asyncio.sleep(0.1 if kind == "late_commit" else 0)


@pytest.mark.parametrize("kind", [*CHANGING, "refuse"])
async def test_reserve(desk: Desk, kind: str) -> None:
    slot, quote = await desk.quoted()
    fault = desk.arm("reserve", kind)
    expected = Unavailable if kind == "refuse" else CHANGING[kind]
    await desk.meets(fault, expected, lambda s: s.book(slot, quote, GUEST, desk.reference))
    await late(kind)
    assert desk.live == (kind in DONE)
    # Settled by repeating it: one stands, and was made once.
    made = await desk.supplier.book(slot, quote, GUEST, desk.reference)
    assert made.status is ReservationStatus.CONFIRMED
    assert (desk.live, desk.effects) == (1, ["created"])


@pytest.mark.parametrize("kind", [*CHANGING, "refuse"])
async def test_release(desk: Desk, kind: str) -> None:
    _, _, made = await desk.booked()
    fault = desk.arm("release", kind)
    expected = NotCancellable if kind == "refuse" else CHANGING[kind]
    await desk.meets(fault, expected, lambda s: s.cancel(made, "key"))
    await late(kind)
    assert desk.live == (kind not in DONE)
    assert (await desk.supplier.cancel(made, "key")).already is (kind in DONE)
    assert (desk.live, desk.effects) == (0, ["created", "released"])


@pytest.mark.parametrize("kind", [*CHANGING, "refuse"])
async def test_change(desk: Desk, kind: str) -> None:
    slot, _, made = await desk.booked()
    moved, price = await desk.quoted(desk.later, excluding=desk.reference)
    fault = desk.arm("update", kind)
    expected = Unavailable if kind == "refuse" else CHANGING[kind]

    def change(supplier: VenueSupplier) -> Awaitable[Any]:
        return supplier.change(made, moved, price, GUEST, "move:1")

    await desk.meets(fault, expected, change)
    await late(kind)
    seen = await desk.supplier.look(made)
    assert seen.starts_at == (moved if kind in DONE else slot).starts_at
    changed = await change(desk.supplier)
    assert (changed.starts_at, changed.supplier_id) == (moved.starts_at, made.supplier_id)
    assert (desk.live, desk.effects) == (1, ["created", "changed"])


@pytest.mark.parametrize("operation", ["check", "calculate"])
@pytest.mark.parametrize("kind", READING)
async def test_quote(desk: Desk, operation: str, kind: str) -> None:
    fault = desk.arm(operation, kind)
    await desk.meets(fault, READING[kind], lambda s: s.quote(desk.wish, GUEST))
    assert (await desk.quoted())[1].price.amount == 8_900


@pytest.mark.parametrize("kind", READING)
async def test_estimate(desk: Desk, kind: str) -> None:
    fault = desk.arm("estimate", kind)
    await desk.meets(fault, READING[kind], lambda s: s.estimate(desk.wish))


@pytest.mark.parametrize("kind", ["error", "reset", "hang", "malformed"])
async def test_look(desk: Desk, kind: str) -> None:
    *_, made = await desk.booked()
    fault = desk.arm("update", kind)
    await desk.meets(fault, Retryable, lambda s: s.look(made))
    assert (await desk.supplier.look(made)).status is ReservationStatus.CONFIRMED


async def test_a_reservation_that_comes_after_its_tombstone_is_none(desk: Desk) -> None:
    slot, quote = await desk.quoted()
    fault = desk.arm("reserve", "late_commit", seconds=PATIENCE + 0.4)
    await desk.meets(fault, UnknownOutcome, lambda s: s.book(slot, quote, GUEST, desk.reference))
    assert (await desk.supplier.release(desk.reference)).already
    await asyncio.sleep(0.6)
    rows = desk.local.world.log.rows(supplier="inventory", reference=desk.reference)
    assert [row["operation"] for row in rows] == ["reserve", "release", "reserve"]
    assert (desk.live, desk.effects) == (0, [])
    error = await expect(
        Unavailable, desk.supplier.book(slot, quote, GUEST, desk.reference), "book"
    )
    assert error.code == "reference_released"


async def test_a_change_that_comes_late_moves_nothing_back(desk: Desk) -> None:
    slot, price, made = await desk.booked()
    moved, dearer = await desk.quoted(desk.later)
    fault = desk.arm("update", "late_commit", seconds=PATIENCE + 0.4)
    await desk.meets(
        fault, UnknownOutcome, lambda s: s.change(made, moved, dearer, GUEST, "move:1")
    )
    await desk.supplier.change(made, moved, dearer, GUEST, "move:1")
    await desk.supplier.change(made, slot, price, GUEST, "move:2")
    await asyncio.sleep(0.6)
    assert (await desk.supplier.look(made)).starts_at == slot.starts_at
    assert desk.effects == ["created", "changed", "changed"]


async def test_a_price_that_drifts_is_the_quote_s(desk: Desk) -> None:
    desk.arm("calculate", "price_drift")
    assert (await desk.quoted())[1].price.amount == 9_790


Call = Callable[[VenueSupplier], Awaitable[object]]


async def test_nobody_there(desk: Desk) -> None:
    slot, quote, made = await desk.booked()
    nowhere = {"url": "http://127.0.0.1:9"}
    absent = VenueSupplier(desk.local.settings(inventory_service=nowhere, pricing_service=nowhere))
    calls: list[Call] = [
        lambda s: s.availability(desk.wish),
        lambda s: s.estimate(desk.wish),
        lambda s: s.quote(desk.wish, GUEST),
        lambda s: s.book(slot, quote, GUEST, desk.reference),
        lambda s: s.look(made),
        lambda s: s.change(made, slot, quote, GUEST, "key"),
        lambda s: s.cancel(made, "key"),
        lambda s: s.release(desk.reference),
    ]
    for call in calls:
        assert (await expect(Retryable, call(absent))).code == "not_sent"
    await absent.close()
