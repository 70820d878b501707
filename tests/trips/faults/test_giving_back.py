"""Row c1 of the fault matrix: releasing and refunding."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest

from models.bookings.lifecycle import BookingState
from models.bookings.messages import RequestKind
from models.payments.messages import GoodwillRefund
from tests.support.money import granted
from tests.support.selection import table
from tests.support.stack import Stack, create_stack
from tests.trips.faults.giving_back import OPERATIONS, GivingBack

FOR_GOOD = {"rate": 1, "times": 1_000}


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_c1_F1(stack: Stack, operation: str) -> None:
    """Somebody did it between our look and our call: the refusal says so, and that is success."""
    back = await GivingBack.of(stack, operation)
    slow = await back.arm("slow", seconds=0.8)
    handle = await back.begin()
    await back.met(slow)
    await back.in_the_dashboard(operation)
    await back.ended(handle)


async def _through(stack: Stack, operation: str, kind: str, **more: Any) -> None:
    back = await GivingBack.of(stack, operation)
    fault = await back.arm(kind, **more)
    handle = await back.begin()
    await back.ended(handle)
    assert await stack.sandbox.fired(fault) == 1, "the fault never fired: this cell is void"


async def test_c1_F2(stack: Stack) -> None:
    """Released, and answered with a 500 that is kept under the key."""
    await _through(stack, "cancel", "commit_then_error")


@pytest.mark.exhaustive  # a request that arrives twice is one to the gateway, by its key
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_c1_F6(stack: Stack, operation: str) -> None:
    await _through(stack, operation, "duplicate")


@pytest.mark.exhaustive  # an answer that is only slow leads through no code of its own
@pytest.mark.parametrize("operation", OPERATIONS)
async def test_c1_F7(stack: Stack, operation: str) -> None:
    await _through(stack, operation, "slow", seconds=0.7)


@pytest.mark.exhaustive  # to the attempt log as F2
async def test_c1_F8(stack: Stack) -> None:
    await _through(stack, "refund", "malformed")


@pytest.fixture
async def doomed(stack: Stack) -> AsyncIterator[Stack]:
    """A stack on the same world with a queue of its own and no worker: a refund is begun there."""
    settings = stack.settings
    own = await create_stack(
        database_url=settings.database.url,
        temporal_address=settings.temporal.address,
        sandbox_url=settings.sandbox_url,
        name=f"doomed-{uuid.uuid4().hex[:8]}",
        DISPATCH_STRIPE="local",
    )
    yield own
    await own.close()


@pytest.mark.parametrize(
    "point",
    table(
        [
            "refunds:after",  # the gateway has been read, the refund's row is not written
            "refund:before",  # the row is written, nothing is sent
            "refund:during",
            "refund:after",  # answered, and nobody has written it down
        ],
        quick=["refund:after"],
    ),
)
async def test_c1_F9(stack: Stack, doomed: Stack, point: str) -> None:
    """The worker is killed around the refund and its row; its successor refunds once."""
    back = await GivingBack.of(stack, "refund")
    back.stack = doomed
    if point == "refund:during":
        await back.arm("slow", seconds=0.6)
    dying = doomed.start_worker("-m", "tests.support.crashing_worker", CRASH_AT=f"stripe.{point}")
    handle = await back.begin()
    await asyncio.to_thread(dying.wait_until_dead)
    facts = await back.facts()
    assert [row["status"] for row in facts.refunds] == (
        [] if point == "refunds:after" else ["requested"]
    )
    doomed.start_worker()
    facts = await back.ended(handle)
    assert [row["number"] for row in facts.refunds] == [1]


async def test_c1_F9_goodwill(stack: Stack, doomed: Stack) -> None:
    """What is granted is known to the successor, who does not take it for money given in error."""
    back = await GivingBack.of(stack, "refund")
    booking = back.booking
    assert booking is not None
    dying = doomed.start_worker(
        "-m", "tests.support.crashing_worker", CRASH_AT="stripe.refund:after"
    )
    grant = GoodwillRefund(key="k", amount=900, reason="late tour")
    sent = await doomed.send(RequestKind.REFUND, booking.id, grant)
    await asyncio.to_thread(dying.wait_until_dead)
    doomed.start_worker()
    assert await doomed.ended(sent) is None
    after = await stack.recorded(booking.id)
    assert (after.goodwill, after.payment.refunded, after.cases) == (900, 900, [])
    await back.judged()


async def test_c1_F13_release(stack: Stack) -> None:
    """The release is refused as long as anybody asks: a case, and asked again when told to."""
    back = await GivingBack.of(stack, "cancel")
    await back.arm("refuse", **FOR_GOOD)
    await back.parked(await back.begin())
    assert (await back.decide("retry")).needs_attention
    # of money it is the gateway that is believed
    assert (await back.decide("resolved")).needs_attention
    await stack.sandbox.clear()
    await back.decide("retry")
    await back.ended()


@pytest.mark.parametrize(
    ("decision", "kind"),
    table(
        ["retry", "by hand"],
        ["refuse", "error"],
        quick=[("retry", "refuse")],  # by hand: test_c1_F13_paid_by_hand, test_c1_F13_goodwill
    ),
)
async def test_c1_F13_refund(stack: Stack, kind: str, decision: str) -> None:
    """The refund fails for good: a case, and what is owed stands in SUSPENSE until it is paid."""
    back = await GivingBack.of(stack, "refund")
    await back.arm(kind, **FOR_GOOD)
    parked = await back.parked(await back.begin())
    facts = await back.facts()
    suspense = sum(line["signed"] for line in facts.ledger if line["account"] == "SUSPENSE")
    assert -suspense == parked.owed == parked.payment.captured
    if decision == "retry":
        assert (await back.decide("retry")).needs_attention
        await stack.sandbox.clear()
        await back.decide("retry")
        await back.ended()
        return
    booking = await back.decide("resolved", paid_by_hand=True)
    assert (booking.state, booking.cases) == (BookingState.CANCELLED, [])
    assert booking.paid_by_hand == parked.owed
    await back.judged()


async def test_c1_F13_paid_by_hand(stack: Stack) -> None:
    """What a person has paid out otherwise is not refunded as well, now that the gateway would."""
    back = await GivingBack.of(stack, "refund")
    await back.arm("refuse", **FOR_GOOD)
    parked = await back.parked(await back.begin())
    await stack.sandbox.clear()
    booking = await back.decide("resolved", paid_by_hand=True)
    assert (booking.paid_by_hand, booking.payment.refunded) == (parked.owed, 0)
    await back.judged()


async def test_c1_F13_goodwill(stack: Stack) -> None:
    """A refund whose end nobody knows, and that was paid otherwise, is never begun again."""
    back = await GivingBack.of(stack, "refund")
    booking = back.booking
    assert booking is not None
    await back.arm("error", **FOR_GOOD)
    parked = await granted(stack, booking, GoodwillRefund(key="k", amount=900, reason="late tour"))
    assert parked.needs_attention
    assert parked.owed == 900
    await stack.sandbox.clear()
    after = await back.decide("resolved", paid_by_hand=True)
    assert (after.paid_by_hand, after.payment.refunded) == (900, 0)
    facts = await back.judged()
    assert [row["status"] for row in facts.refunds] == ["refused"]


@pytest.mark.parametrize("operation", table(OPERATIONS, quick=["refund"]))
async def test_c1_F16_late(stack: Stack, operation: str) -> None:
    """An attempt that everybody has given up commits while an operator is asked."""
    back = await GivingBack.of(stack, operation)
    await back.arm("late_commit", seconds=5)
    await back.arm("reset", nth=2, times=1_000)
    await back.parked(await back.begin())
    await back.done_outside()
    await back.decide("retry")
    await back.ended()


async def test_c1_F16_taken_meanwhile(stack: Stack) -> None:
    """The capture that was given up commits between our look and our release: it is refunded."""
    back = await GivingBack.of(stack, "cancel")
    slow = await back.arm("slow", seconds=0.8)
    handle = await back.begin()
    await back.met(slow)
    await back.in_the_dashboard("capture")
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.FAILED
    facts = await back.judged()
    (payment,) = facts.payments
    assert payment["captured"] == payment["refunded"] == booking.accepted_total
    assert [row["effect"] for row in facts.log if row["effect"] in {"released", "refunded"}] == [
        "refunded"
    ]
