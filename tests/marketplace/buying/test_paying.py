"""What is held out of a quote is paid: it is sold first, and no money is taken without it."""

import asyncio
import uuid
from datetime import timedelta

import pytest

from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus
from models.bookings.problems import Code
from tests.ledger.conftest import Books
from tests.marketplace.buying.till import PRICE, Till
from tests.marketplace.stock.offers import seats, stay
from tests.support.selection import table
from tests.support.stack import SOON_TAKEN_OVER, MakeStack
from tests.trips.saga.cells import FAULTS, POINTS
from tests.trips.saga.test_cards import authenticate, send

S = BookingState


async def test_it_is_held_paid_and_the_travellers(till: Till) -> None:
    booking = await till.held_stay()
    assert booking.at_rest
    assert await till.paid(booking) is None
    bought = await till.judged(booking)
    assert (bought.state, bought.captured) == (S.CONFIRMED, PRICE)
    assert bought.items[0].status is ItemStatus.CONFIRMED
    assert bought.hold_expires_at is None
    states = ["QUOTED", "HELD", "PAYMENT_PENDING", "PROCESSING", "CONFIRMED"]
    assert await till.history(booking) == states


async def test_paid_several_times_at_once_it_is_paid_once(till: Till) -> None:
    booking = await till.held_stay()
    cards = ("pm_card_visa", "pm_card_mastercard", "pm_card_visa")
    ends = await asyncio.gather(*(till.paid(booking, card) for card in cards))
    assert sorted(map(str, ends)) == ["NOT_CHANGEABLE", "NOT_CHANGEABLE", "None"]
    bought = await till.judged(booking)
    assert bought.captured == PRICE
    calls = [row["operation"] for row in await till.stack.sandbox.log(booking.id)]
    assert calls.count("capture") == 1


async def test_what_costs_nothing_needs_no_card(till: Till) -> None:
    booking = await till.hold(seats(await till.departure(), 2))
    assert await till.paid(booking, None) is None
    bought = await till.judged(booking)
    assert (bought.state, bought.captured) == (S.CONFIRMED, 0)
    assert bought.payment.status is PaymentStatus.NOT_REQUIRED


async def test_another_card_buys_it(till: Till) -> None:
    booking = await till.held_stay()
    request = await till.pay(booking, "pm_card_visa_chargeDeclined")
    waiting = await till.waiting(booking)
    assert waiting.payment.waits_until is not None
    handle = till.stack.client.get_workflow_handle(booking.id)
    await send(till.stack, handle, "pm_card_mastercard")
    assert await till.stack.ended(request) is None
    assert (await till.judged(booking)).state is S.CONFIRMED


async def test_it_stays_held_while_the_bank_asks_for_a_proof(till: Till) -> None:
    booking = await till.held_stay(hold_seconds=30)
    await till.stack.sandbox.arm("stripe", "confirm", "authenticate", reference=booking.id)
    request = await till.pay(booking)
    waiting = await till.waiting(booking)
    assert waiting.hold_expires_at is not None
    assert waiting.hold_expires_at > booking.created_at + timedelta(minutes=9)
    await authenticate(waiting, "succeed")
    assert await till.stack.ended(request) is None
    assert (await till.judged(booking)).state is S.CONFIRMED


async def test_paid_too_late_it_is_taken_again_at_its_price(till: Till) -> None:
    booking = await till.held_stay()
    await till.age(booking)
    await till.sweep()
    assert await till.paid(booking) is None
    bought = await till.judged(booking)
    assert (bought.state, bought.captured) == (S.CONFIRMED, PRICE)
    assert await till.claims(booking) == [(1, "EXPIRED"), (2, "SOLD")]


async def test_paid_when_another_has_it_no_money_is_taken(till: Till) -> None:
    """Report 12 of the design: the payment succeeded after the quota was gone."""
    room = await till.room()
    late = await till.held_stay(room)
    await till.age(late)
    other = await till.held_stay(room)
    assert await till.paid(late) is Code.HOLD_EXPIRED
    assert await till.paid(other) is None
    lost = await till.judged(late)
    assert (lost.state, lost.captured) == (S.EXPIRED, 0)
    assert (await till.judged(other)).state is S.CONFIRMED


async def test_resold_while_the_bank_asks_no_money_is_taken(till: Till) -> None:
    """The card is accepted when the stock is another's: what was set aside is released."""
    room = await till.room()
    late = await till.held_stay(room)
    await till.stack.sandbox.arm("stripe", "confirm", "authenticate", reference=late.id)
    request = await till.pay(late)
    waiting = await till.waiting(late)
    await till.age(late)
    other = await till.held_stay(room)
    await authenticate(waiting, "succeed")
    problem = await till.stack.ended(request)
    assert problem is not None
    assert problem.code is Code.HOLD_EXPIRED
    lost = await till.judged(late)
    assert (lost.state, lost.captured) == (S.EXPIRED, 0)
    assert lost.payment.status is PaymentStatus.RELEASED
    assert await till.paid(other) is None


async def test_suspended_while_it_is_paid_no_money_is_taken(till: Till) -> None:
    booking = await till.held_stay()
    await till.stack.sandbox.arm("stripe", "confirm", "authenticate", reference=booking.id)
    request = await till.pay(booking)
    waiting = await till.waiting(booking)
    assert await till.suspend() == 1
    await authenticate(waiting, "succeed")
    problem = await till.stack.ended(request)
    assert problem is not None
    assert problem.code is Code.UNAVAILABLE
    ended = await till.stack.recorded(booking.id)
    assert (ended.state, ended.captured) == (S.FAILED, 0)
    assert ended.payment.status is PaymentStatus.RELEASED
    assert await till.violations() == []


async def test_cancelled_while_it_is_held_it_is_free_again(till: Till) -> None:
    room = await till.room()
    booking = await till.held_stay(room)
    cancelled = await till.stack.cancel(booking.id)
    assert (cancelled.state, cancelled.captured) == (S.CANCELLED, 0)
    await till.judged(booking)
    assert await till.paid(booking) is Code.NOT_CHANGEABLE
    assert await till.paid(await till.held_stay(room)) is None


async def test_cancelled_while_the_bank_asks_nothing_is_kept(till: Till) -> None:
    booking = await till.held_stay()
    await till.stack.sandbox.arm("stripe", "confirm", "authenticate", reference=booking.id)
    await till.pay(booking)
    await till.waiting(booking)
    cancelled = await till.stack.cancel(booking.id)
    assert (cancelled.state, cancelled.captured) == (S.CANCELLED, 0)
    await till.judged(booking)


async def test_its_provider_earns_it(till: Till) -> None:
    """Until it is cancelled: then the provider's account is charged with all of it."""
    booking = await till.held_stay()
    assert await till.paid(booking) is None
    earned = {"GATEWAY stripe": PRICE, f"PROVIDER_EARNINGS {till.provider}": -PRICE}
    assert await till.balances(booking) == earned
    await till.stack.cancel(booking.id)
    assert await till.balances(booking) == {}


async def test_cancelled_when_it_was_bought_it_is_given_back_by_its_terms(till: Till) -> None:
    booking = await till.held_stay()
    assert await till.paid(booking) is None
    cancelled = await till.stack.cancel(booking.id)
    assert (cancelled.state, cancelled.captured, cancelled.refunded) == (S.CANCELLED, PRICE, PRICE)
    await till.judged(booking)


@pytest.mark.parametrize(
    "kind",
    table(
        ["refuse", *(kind for kind in FAULTS if kind != "refuse")],
        quick=["commit_then_hang"],
    ),
)
async def test_a_fault_while_the_money_is_taken(till: Till, kind: str) -> None:
    booking = await till.held_stay()
    about = {"reference": booking.id, **FAULTS[kind]}
    await till.stack.sandbox.arm("stripe", "capture", kind, **about)
    assert await till.paid(booking) is None
    assert await till.stack.sandbox.fired() >= 1, "the fault never fired: this cell is void"
    bought = await till.judged(booking)
    assert (bought.state, bought.captured) == (S.CONFIRMED, PRICE)


@pytest.mark.parametrize("dispatch", ["local", "activity"])
@pytest.mark.parametrize("call", table(["capture", "confirm", "create"], quick=["confirm"]))
@pytest.mark.parametrize("point", table(POINTS, quick=["after"]))
async def test_the_worker_is_killed_while_it_is_paid(
    make_stack: MakeStack, books: Books, dispatch: str, call: str, point: str
) -> None:
    """Local activities are done again from the last workflow task on."""
    options = {**SOON_TAKEN_OVER, "DISPATCH_STRIPE": dispatch}
    async with make_stack(f"bought-{uuid.uuid4().hex[:4]}", **options) as own_stack:
        till = Till(own_stack, books)
        await till.open()
        doomed = own_stack.start_worker(
            "-m", "tests.support.crashing_worker", CRASH_AT=f"stripe.{call}:{point}"
        )
        booking = await till.hold(stay((await till.room(), 0, 2)), total=PRICE)
        if point == "during":
            about = {"seconds": 0.6, "reference": booking.id}
            await own_stack.sandbox.arm("stripe", call, "slow", **about)
        request = await till.pay(booking)
        doomed.wait_until_dead()
        own_stack.start_worker()
        assert await own_stack.ended(request) is None
        bought = await till.judged(booking)
        assert (bought.state, bought.captured) == (S.CONFIRMED, PRICE)
