"""A reservation that its venue approves by hand: held, decided once, and nothing kept otherwise."""

import asyncio
import datetime as dt
import time
import uuid
from collections.abc import AsyncIterator

import pytest

from activities.reservations.lifecycle import Lifecycle
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, PaymentStatus
from models.bookings.messages import RequestKind
from models.bookings.problems import Code
from models.reservations.messages import ApproveRequest
from temporal import patience
from tests.reservations.places import judge, request_for, start
from tests.support.money import Gateway
from tests.support.selection import table
from tests.support.stack import SOON_TAKEN_OVER, MakeStack, Stack
from tests.trips.saga.cells import FAULTS, POINTS
from tests.trips.saga.test_cards import authenticate

S = BookingState


async def hold(stack: Stack, *, card: str = "pm_card_visa", hold_seconds: int = 900) -> Booking:
    """A reservation with a deposit that waits for its venue; its workflow has ended."""
    request = await request_for(stack, card=card, hold_seconds=hold_seconds)
    request.approval = "manual"
    booking = await asyncio.wait_for((await start(stack, request)).result(), 60)
    assert booking.state is S.HELD
    return await stack.recorded(booking.id)


async def approve(stack: Stack, booking: Booking) -> Code | None:
    """Approve it and wait; returns why it was not confirmed, if it was not."""
    request = await stack.send(RequestKind.APPROVE, booking.id, ApproveRequest(), who="kantine")
    problem = await stack.ended(request)
    return problem.code if problem else None


def lifecycle(stack: Stack) -> Lifecycle:
    """What the worker's loop does, at the test's own moment."""
    return Lifecycle(stack.sessions, stack.client, patience(stack.settings))


async def history(stack: Stack, booking: Booking) -> list[str]:
    row = await judge(stack, await stack.recorded(booking.id))
    async with stack.sessions() as session:
        connection = await session.connection()
        found = await connection.exec_driver_sql(
            "SELECT to_state FROM booking_history WHERE booking_id = %s ORDER BY version",
            (row["id"],),
        )
        return [state for (state,) in found]


async def test_it_is_held_with_its_money_and_then_approved(stack: Stack) -> None:
    booking = await hold(stack)
    assert booking.at_rest
    assert booking.payment.status is PaymentStatus.AUTHORISED
    assert booking.captured == 0
    assert await approve(stack, booking) is None
    assert await approve(stack, booking) is None  # the same answer, and nothing more
    confirmed = await stack.recorded(booking.id)
    assert (confirmed.state, confirmed.captured) == (S.CONFIRMED, 4_000)
    assert (await history(stack, booking))[-3:] == ["HELD", "PROCESSING", "CONFIRMED"]


async def test_approved_twice_at_once_it_is_confirmed_and_paid_once(stack: Stack) -> None:
    """Report 2 of the design."""
    booking = await hold(stack)
    ends = await asyncio.gather(*(approve(stack, booking) for _ in range(3)))
    assert ends == [None] * 3
    assert (await history(stack, booking)).count("CONFIRMED") == 1
    calls = [row["operation"] for row in await stack.sandbox.log(booking.id)]
    assert calls.count("capture") == 1


async def test_refused_it_keeps_nothing(stack: Stack) -> None:
    booking = await hold(stack)
    refused = await stack.cancel(booking.id)
    assert (refused.state, refused.captured) == (S.CANCELLED, 0)
    assert refused.payment.status is PaymentStatus.RELEASED
    await judge(stack, refused)
    assert await approve(stack, booking) is Code.NOT_CHANGEABLE


async def test_a_card_that_wants_a_proof_is_held_after_it(stack: Stack) -> None:
    """The place stays held while the traveller is away, and is not sold by their return."""
    request = await request_for(stack)
    request.approval = "manual"
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=request.booking_id)
    handle = await start(stack, request)
    waiting = await stack.until(handle, S.PAYMENT_PENDING)
    await authenticate(waiting, "succeed")
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is S.HELD
    assert await approve(stack, booking) is None
    assert (await stack.recorded(booking.id)).state is S.CONFIRMED
    await judge(stack, await stack.recorded(booking.id))


async def expired(stack: Stack, booking: Booking) -> Booking:
    """Make rounds until nobody can approve it any more."""
    async with asyncio.timeout(60):
        while True:
            await lifecycle(stack).round()
            found = await stack.recorded(booking.id)
            if found.state is not S.HELD:
                return found
            await asyncio.sleep(0.3)


async def test_not_approved_in_time_it_keeps_nothing(stack: Stack) -> None:
    """Every webhook may be lost: the gateway is asked before anything is given up (report 14)."""
    booking = await hold(stack, hold_seconds=3)
    ended = await expired(stack, booking)
    assert (ended.state, ended.captured) == (S.EXPIRED, 0)
    assert ended.problem is not None
    assert ended.problem.code is Code.NOT_APPROVED
    assert ended.problem.message.startswith("not approved by 20")
    await judge(stack, ended)
    assert await approve(stack, booking) is Code.NOT_CHANGEABLE


@pytest.mark.parametrize("like", ["kantine", "chefs-table"])
async def test_approved_too_late_it_was_not_approved(own_stack: Stack, like: str) -> None:
    """Whether it costs something or not; the worker was away when the hold ended."""
    own_stack.start_worker()
    request = await request_for(own_stack, like, hold_seconds=8)  # else this worker sees its end
    request.approval = "manual"
    await asyncio.wait_for((await start(own_stack, request)).result(), 60)
    booking = await own_stack.recorded(request.booking_id)
    own_stack.stop_workers()
    assert booking.hold_expires_at is not None
    left = booking.hold_expires_at - dt.datetime.now(dt.UTC)
    await asyncio.sleep(max(left.total_seconds(), 0) + 0.1)
    approval = await own_stack.send(RequestKind.APPROVE, booking.id, ApproveRequest())
    own_stack.start_worker()
    ended = await own_stack.ended(approval)
    after = await own_stack.recorded(booking.id)
    assert (after.state, after.captured) == (S.EXPIRED, 0)
    assert ended == after.problem
    assert ended is not None
    assert ended.code is Code.NOT_APPROVED
    await judge(own_stack, after)


async def test_what_was_taken_by_somebody_else_meanwhile_is_given_back(stack: Stack) -> None:
    """The worker's round takes no old news for granted: at the deadline the gateway is asked."""
    booking = await hold(stack, hold_seconds=2)
    assert booking.payment.id is not None
    await Gateway(stack).capture(booking.payment.id)
    handle = stack.client.get_workflow_handle(booking.id)
    ended = await stack.until(handle, S.EXPIRED)
    assert (ended.state, ended.captured, ended.refunded) == (S.EXPIRED, 4_000, 4_000)
    await judge(stack, ended)


@pytest.mark.exhaustive  # test_orders: the same statements, in any order
async def test_approved_as_the_hold_ends(stack: Stack) -> None:
    """One of the two is carried out, and the money is with whom it belongs."""
    held = await asyncio.gather(*(hold(stack, hold_seconds=6) for _ in range(4)))

    async def decide(number: int, booking: Booking) -> None:
        assert booking.hold_expires_at is not None
        ends = booking.hold_expires_at.timestamp()
        await asyncio.sleep(max(ends - time.time() + number * 0.05, 0))
        approving = asyncio.create_task(approve(stack, booking))
        await expired(stack, booking)
        refused = await approving
        ended = await stack.recorded(booking.id)
        assert (refused is None) is (ended.state is S.CONFIRMED)

    await asyncio.gather(*(decide(number, booking) for number, booking in enumerate(held)))
    for booking in held:
        ended = await stack.recorded(booking.id)
        assert ended.captured == (4_000 if ended.state is S.CONFIRMED else 0)
        await judge(stack, ended)


@pytest.mark.parametrize(
    "kind",
    table(
        ["refuse", *(kind for kind in FAULTS if kind != "refuse")],
        quick=["refuse", "commit_then_hang"],
    ),
)
async def test_a_fault_while_the_money_is_taken(stack: Stack, kind: str) -> None:
    """A hold that has lapsed is made anew; what is not answered is asked after."""
    booking = await hold(stack)
    about = {"reference": booking.id, **FAULTS[kind]}
    await stack.sandbox.arm("stripe", "capture", kind, **about)
    assert await approve(stack, booking) is None
    assert await stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    ended = await stack.recorded(booking.id)
    assert (ended.state, ended.captured) == (S.CONFIRMED, 4_000)
    await judge(stack, ended)


async def test_money_that_cannot_be_had_any_more(stack: Stack) -> None:
    """The hold has lapsed and the card is refused now: approved or not, nothing is reserved."""
    booking = await hold(stack)
    about = {"reference": booking.id}
    await stack.sandbox.arm("stripe", "capture", "refuse", **about)
    await stack.sandbox.arm("stripe", "confirm", "refuse", times=9, **about)
    assert await approve(stack, booking) is Code.PAYMENT_DECLINED
    ended = await stack.recorded(booking.id)
    assert (ended.state, ended.captured) == (S.FAILED, 0)
    await judge(stack, ended)


@pytest.fixture
async def own_stack(make_stack: MakeStack) -> AsyncIterator[Stack]:
    """A stack with a queue of its own, and no worker yet."""
    async with make_stack(f"held-{uuid.uuid4().hex[:4]}", **SOON_TAKEN_OVER) as stack:
        yield stack


@pytest.mark.parametrize("point", table(POINTS, quick=["during"]))
async def test_the_worker_is_killed_while_the_money_is_taken(own_stack: Stack, point: str) -> None:
    doomed = own_stack.start_worker(
        "-m", "tests.support.crashing_worker", CRASH_AT=f"stripe.capture:{point}"
    )
    booking = await hold(own_stack)
    if point == "during":
        about = {"seconds": 0.6, "reference": booking.id}
        await own_stack.sandbox.arm("stripe", "capture", "slow", **about)
    request = await own_stack.send(RequestKind.APPROVE, booking.id, ApproveRequest())
    doomed.wait_until_dead()
    own_stack.start_worker()
    assert await own_stack.ended(request) is None
    ended = await own_stack.recorded(booking.id)
    assert (ended.state, ended.captured) == (S.CONFIRMED, 4_000)
    await judge(own_stack, ended)
