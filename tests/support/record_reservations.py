"""Histories of reservations (``record_histories``): made at once, and approved by hand; moved."""

import asyncio
from typing import Any

from activities.reservations.lifecycle import Lifecycle
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CancelRequest, RequestKind
from models.bookings.problems import Code
from models.reservations.messages import ApproveRequest
from temporal import patience
from tests.reservations.places import moved_to, request_for, start
from tests.support.recorder import Fault, Recorder

S = BookingState


async def reservations(to: Recorder) -> None:
    """Confirmed, refused, expired; held, and then approved, refused or given up."""
    await _made(to, "confirmed", S.CONFIRMED)
    await _made(to, "confirmed_free", S.CONFIRMED, like="kantine")
    await _made(to, "failed_refused", S.FAILED, ("inventory", "reserve", "refuse"))
    held = await _made(to, "held", S.HELD, approval="manual")
    kind, approval = RequestKind.APPROVE, ApproveRequest()
    await to.asked("confirmed", kind, held, approval)
    await to.asked("confirmed_before", kind, held, approval)
    free = await _made(to, "held_free", S.HELD, approval="manual", like="kantine")
    await to.asked("confirmed_free", kind, free, approval)
    held = await _made(to, "", S.HELD, approval="manual")
    await to.arm(held.id, ("stripe", "capture", "refuse"))
    await to.arm(held.id, ("stripe", "confirm", "refuse"), times=9)
    await to.asked("failed_declined", kind, held, approval, "PAYMENT_DECLINED")
    held = await _made(to, "", S.HELD, approval="manual")
    await to.asked("cancelled_while_held", RequestKind.CANCEL, held, CancelRequest(reason="full"))
    held = await _made(to, "", S.HELD, approval="manual", hold_seconds=3)
    lifecycle = Lifecycle(to.stack.sessions, to.stack.client, patience(to.stack.settings))
    while (await to.stack.recorded(held.id)).state is S.HELD:
        await asyncio.sleep(0.3)
        await lifecycle.round()
    await to.save("expired", held.id)
    stands = await _made(to, "", S.CONFIRMED)
    kind = RequestKind.MOVE
    dearer = await moved_to(to.stack, stands, party=3)
    stands = await to.asked("moved_dearer", kind, stands, dearer)
    cheaper = await moved_to(to.stack, stands, hour=21, party=1)
    stands = await to.asked("moved_cheaper", kind, stands, cheaper)
    for name, fault, times, code in (
        ("failed_refused", ("inventory", "update", "refuse"), 1, Code.UNAVAILABLE),
        ("failed_declined", ("stripe", "capture", "refuse"), 2, Code.PAYMENT_DECLINED),
    ):
        await to.arm(stands.id, fault, times=times)
        wish = await moved_to(to.stack, stands, party=3)
        stands = await to.asked(name, kind, stands, wish, code)


async def _made(
    to: Recorder,
    name: str,
    state: BookingState,
    *faults: Fault,
    approval: str = "instant",
    like: str = "chefs-table",
    **how: Any,
) -> Booking:
    """Reserve, with faults, to an end in ``state``; save it as ``name`` unless that is empty."""
    request = await request_for(to.stack, like, **how)
    request = request.model_copy(update={"approval": approval})
    await to.arm(request.booking_id, *faults)
    booking = await asyncio.wait_for((await start(to.stack, request)).result(), 90)
    assert booking.state is state, (name, booking.state, booking.problem)
    await to.stack.sandbox.clear()
    if name:
        await to.save(name, booking.id)
    return await to.stack.recorded(booking.id)
