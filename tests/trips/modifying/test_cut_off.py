"""A change whose workflow was ended by hand is taken up by the same request, sent again."""

import asyncio

import pytest

from tests.support.selection import table
from tests.support.stack import Stack
from tests.trips.modifying.changes import confirmed, judged, other_hotel, price, put, request, swap


@pytest.mark.parametrize(
    ("supplier", "operation"),
    table(
        [("stripe", "confirm"), ("booking_com", "book"), ("stripe", "capture")],
        quick=[("booking_com", "book")],
    ),
)
async def test_the_same_request_takes_it_up(stack: Stack, supplier: str, operation: str) -> None:
    booking = await confirmed(stack)
    requested = swap(booking.items[1], await other_hotel(stack, nights=7))
    change_request = request(
        booking.id, requested, (await price(stack, booking.id, requested)).new_total
    )
    fault = await stack.sandbox.arm(supplier, operation, "slow", seconds=0.8, reference=booking.id)
    ending = asyncio.ensure_future(put(stack, change_request))
    async with asyncio.timeout(20):
        while not await stack.sandbox.fired(fault):
            await asyncio.sleep(0.05)
    await stack.client.get_workflow_handle(booking.id).terminate("by hand")
    ending.cancel()  # nobody answers it any more
    await asyncio.sleep(1)  # what was under way ends
    outcome = await put(stack, change_request)
    assert outcome.carried_out, outcome.problem
    facts = await judged(stack, booking.id)
    assert len(facts.further) == 1
    assert len(facts.items) == 5
