"""A change whose workflow was ended by hand, and whose request does not come again, is a case."""

import asyncio

from tests.suppliers.following.world import World
from tests.trips.modifying.changes import confirmed, other_hotel, price, put, request, swap

AGO = "now() - interval '20 minutes'"


async def test_a_change_that_nobody_works_on_becomes_a_case(world: World) -> None:
    stack = world.stack
    booking = await confirmed(stack)
    requested = swap(booking.items[1], await other_hotel(stack, nights=7))
    quote = await price(stack, booking.id, requested)
    fault = await stack.sandbox.arm(
        "stripe", "confirm", "authenticate", rate=1, reference=booking.id
    )
    ending = asyncio.ensure_future(put(stack, request(booking.id, requested, quote.new_total)))
    async with asyncio.timeout(20):
        while not await stack.sandbox.fired(fault):
            await asyncio.sleep(0.05)
    handle = stack.client.get_workflow_handle(booking.id)
    await handle.terminate("a test")
    ending.cancel()  # nobody answers it
    await world.round()
    assert world.cases(booking) == []  # not for long
    quiet = f"UPDATE bookings SET version = version + 1, updated_at = {AGO} WHERE id = %s"
    world.rows(quiet, booking.id)
    world.rows(f"UPDATE booking_changes SET created_at = {AGO} WHERE booking_id = %s", booking.id)
    await world.round()
    assert world.cases(booking) == ["SUPPLIER"]
