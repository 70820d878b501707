"""Events about the payment of a change: told to whoever waits for it, and otherwise left alone."""

import asyncio

import httpx
import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import PAYMENT_SIGNAL
from tests.support.stack import Stack
from tests.trips.modifying.changes import (
    confirmed,
    judged,
    now,
    other_hotel,
    price,
    put,
    request,
    swap,
)
from tests.trips.modifying.test_failing import waiting
from tests.webhooks.rows import Rows
from tests.webhooks.test_end_to_end import _signals

pytestmark = pytest.mark.usefixtures("hooked")


async def handled(rows: Rows, payment_id: str) -> set[str]:
    """Wait until every event of a payment is handled; returns how they ended."""
    async with asyncio.timeout(40):
        while True:
            found = rows(
                "SELECT status, outcome FROM webhook_events WHERE payment_id = %s", payment_id
            )
            if found and all(row["status"] != "received" for row in found):
                return {row["outcome"] for row in found}
            await asyncio.sleep(0.1)


@pytest.mark.exhaustive  # a booking in peace: test_end_to_end
async def test_a_change_in_peace_leaves_nothing_to_do(stack: Stack, rows: Rows) -> None:
    booking = await confirmed(stack)
    requested = swap(booking.items[1], await other_hotel(stack, nights=7))
    quote = await price(stack, booking.id, requested)
    outcome = await put(stack, request(booking.id, requested, quote.new_total))
    assert outcome.carried_out, outcome.problem
    after = await now(stack, booking.id)
    payment_id = after.payments[1].id
    assert payment_id is not None
    quiet = (
        "the record and the gateway agree",
        "of a type that changes no money",
        "settling:",  # looked at while the change was made: SettlePayment finds it as it should be
    )
    for outcome_text in await handled(rows, payment_id):
        assert outcome_text.startswith(quiet), outcome_text
    await now(stack, booking.id)
    facts = await judged(stack, booking.id)
    assert facts.booking["version"] == after.version, "nothing was recorded because of them"


async def test_a_proof_of_the_difference_is_told_of(stack: Stack) -> None:
    booking = await confirmed(stack)
    requested = swap(booking.items[1], await other_hotel(stack, nights=7))
    quote = await price(stack, booking.id, requested)
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=booking.id)
    ending = asyncio.ensure_future(put(stack, request(booking.id, requested, quote.new_total)))
    held = await waiting(stack, booking.id)
    run = (await stack.client.get_workflow_handle(booking.id).describe()).run_id
    handle = stack.client.get_workflow_handle(booking.id, run_id=run, result_type=Booking)
    async with asyncio.timeout(20):  # the booking is CONFIRMED, and its change is told all the same
        while PAYMENT_SIGNAL not in await _signals(handle):
            await asyncio.sleep(0.05)
    action = held.payments[1].next_action
    assert action is not None
    async with httpx.AsyncClient() as http:
        url = action["redirect_to_url"]["url"]
        (await http.post(url, params={"outcome": "succeed"})).raise_for_status()
    outcome = await ending
    assert outcome.carried_out, outcome.problem
    assert (await now(stack, booking.id)).state is BookingState.CONFIRMED
    await judged(stack, booking.id)
