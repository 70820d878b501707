"""The saga with the HTTP payment service as its gateway: the same ends, by the same checker."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.problems import Code
from models.payments.messages import PAYMENT_METHOD_UPDATE, NewCard
from tests.payments.payment_service.fronted import Instead, fronted
from tests.support.checker import Facts, check
from tests.support.selection import table
from tests.support.stack import Stack, create_stack
from tests.trips.saga.test_cancel_confirmed import set_terms


async def served_by(
    service_url: str, database_url: str, temporal_address: str, sandbox_url: str, **env: str
) -> Stack:
    stack = await create_stack(
        database_url=database_url,
        temporal_address=temporal_address,
        sandbox_url=sandbox_url,
        name=f"service-{uuid.uuid4().hex[:8]}",
        PAYMENT_SERVICE_URL=service_url,
        **env,
    )
    stack.start_worker()
    return stack


@pytest.fixture(scope="module")
async def paying(
    database_url: str, temporal_address: str, sandbox_url: str
) -> AsyncIterator[Stack]:
    """A world whose money moves through the sandbox's payment service."""
    url = f"{sandbox_url}/payment_service"
    stack = await served_by(url, database_url, temporal_address, sandbox_url)
    yield stack
    await stack.close()


@pytest.fixture
async def stack(paying: Stack) -> AsyncIterator[Stack]:
    await paying.sandbox.clear()
    yield paying
    await paying.sandbox.clear()


async def checked(stack: Stack, booking: Booking) -> Facts:
    facts = await check(stack.sandbox, stack.settings.database.url, booking.id)
    assert {row["supplier"] for row in facts.log} & {"stripe"} == set()
    return facts


def moved(facts: Facts) -> list[str]:
    """What happened to the money."""
    rows = [row for row in facts.log if row["supplier"] == "payment_service"]
    return [row["effect"] for row in rows if row["effect"] != "none"]


async def test_booked_and_then_cancelled(stack: Stack) -> None:
    booking = await stack.book()
    assert booking.state is BookingState.CONFIRMED, booking.problem
    facts = await checked(stack, booking)
    assert moved(facts) == ["created", "authorised", "captured"]
    assert booking.payment.id is not None
    assert booking.payment.id.startswith("pay_")
    for item in booking.items:
        set_terms(stack, booking.id, item.number, [{"until": None, "fee": 0}])
    outcome = await stack.cancel(booking.id)
    assert outcome.state is BookingState.CANCELLED
    facts = await checked(stack, booking)
    assert moved(facts) == ["created", "authorised", "captured", "refunded"]
    assert [row["amount"] for row in facts.refunds] == [booking.payment.captured]


async def test_a_declined_card_and_then_another(stack: Stack) -> None:
    request = await stack.request(payment_method="pm_card_visa_chargeDeclinedInsufficientFunds")
    request.patience.authentication_deadline = 60
    handle = await stack.start(request)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    assert waiting.problem is not None
    assert waiting.problem.provider_code == "insufficient_funds"
    card = NewCard(payment_method_id="pm_card_mastercard", who="planner ada")
    await handle.execute_update(PAYMENT_METHOD_UPDATE, card)
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert moved(await checked(stack, booking)) == ["created", "authorised", "captured"]


async def test_a_card_that_stays_declined_books_nothing(stack: Stack) -> None:
    booking = await stack.book(payment_method="pm_card_visa_chargeDeclinedStolenCard")
    assert booking.state is BookingState.FAILED
    assert booking.problem is not None
    assert booking.problem.code is Code.PAYMENT_DECLINED
    facts = await checked(stack, booking)
    assert facts.reservations == []
    assert moved(facts) == ["created", "cancelled"]


async def test_the_traveller_authenticates(stack: Stack) -> None:
    request = await stack.request(payment_method="pm_card_threeDSecure2Required")
    request.patience.authentication_deadline = 60
    handle = await stack.start(request)
    waiting = await stack.until(handle, BookingState.PAYMENT_PENDING)
    assert waiting.payment.client_secret
    assert waiting.payment.next_action is not None
    async with httpx.AsyncClient() as traveller:
        url = waiting.payment.next_action["redirect_to_url"]["url"]
        await traveller.post(url, params={"outcome": "succeed"})
    booking = await asyncio.wait_for(handle.result(), 60)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    await checked(stack, booking)


async def test_a_hotel_that_refuses_has_the_money_released(stack: Stack) -> None:
    request = await stack.request()
    await stack.sandbox.arm("booking_com", "book", "refuse", reference=request.booking_id)
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.FAILED
    assert moved(await checked(stack, booking)) == ["created", "authorised", "released"]


@pytest.mark.parametrize(
    ("operation", "kind"),
    table(
        ["create", "confirm", "capture"],
        ["commit_then_hang", "hang", "commit_then_error", "malformed"],
        quick=[("capture", "commit_then_error")],  # of its calls: tests/payments/conformity
    ),
)
async def test_an_answer_that_never_came(stack: Stack, operation: str, kind: str) -> None:
    request = await stack.request()
    more: dict[str, Any] = {"seconds": 3} if kind.endswith("hang") else {}
    await stack.sandbox.arm(
        "payment_service", operation, kind, reference=request.booking_id, **more
    )
    booking = await asyncio.wait_for((await stack.start(request)).result(), 60)
    assert booking.state is BookingState.CONFIRMED, booking.problem
    assert moved(await checked(stack, booking)) == ["created", "authorised", "captured"]


@pytest.mark.exhaustive  # as at Stripe: test_cancel_confirmed
async def test_a_refund_whose_answer_never_came_is_one(stack: Stack) -> None:
    booking = await stack.book()
    for item in booking.items:
        set_terms(stack, booking.id, item.number, [{"until": None, "fee": 0}])
    await stack.sandbox.arm(
        "payment_service", "refund", "commit_then_hang", seconds=3, reference=booking.id
    )
    outcome = await stack.cancel(booking.id)
    assert outcome.state is BookingState.CANCELLED
    assert moved(await checked(stack, booking)).count("refunded") == 1


async def test_a_service_that_cannot_hold_touches_nothing(
    database_url: str, temporal_address: str, sandbox_url: str
) -> None:
    """A local call as Stripe's: the other way that the gateway can be dispatched."""
    async with fronted(sandbox_url) as front:
        front.say("POST", r"/intents/\w+/capture", Instead(404, {"detail": "Not Found"}))
        stack = await served_by(
            front.url,
            database_url,
            temporal_address,
            sandbox_url,
            DISPATCH_PAYMENT_SERVICE="local",
        )
        try:
            booking = await stack.book()
            assert booking.state is BookingState.FAILED
            assert booking.problem is not None
            assert booking.problem.code is Code.CONFIGURATION
            facts = await checked(stack, booking)
            assert facts.reservations == []
            assert moved(facts) == []
            front.forget()
            booking = await stack.book()
            assert booking.state is BookingState.CONFIRMED, booking.problem
            await checked(stack, booking)
        finally:
            await stack.close()
