"""Record one history for every end of every workflow, to be replayed by every later version.

By hand, after a deliberate change of workflows: ``python -m tests.support.record_histories``. What
was recorded before is deleted first, unless parts are named (``… reservations``): these alone are
recorded then. Histories of a workflow are in a folder named after it.
"""

import asyncio
import shutil
import sys
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from temporalio.common import WorkflowIDReusePolicy

from activities.suppliers.following.beginning import begin_following
from localworld.shared import servers
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CancelRequest, RequestKind, Resolution
from models.operations.messages import WatchRequest
from models.payments.messages import PAYMENT_METHOD_UPDATE, GoodwillRefund, NewCard
from models.suppliers.following import FollowRound
from models.trips.cancellation_quotes import QuoteCancellationRequest
from models.trips.messages import QuoteChangeRequest
from temporal import patience
from tests.conftest import migrate
from tests.support.money import Gateway, settled, settling
from tests.support.record_buying import buying
from tests.support.record_reservations import reservations
from tests.support.recorder import HISTORIES, Fault, Recorder
from tests.support.sandbox_client import running_sandbox
from tests.support.stack import create_stack
from tests.support.trips import confirmed_by_hand, unsettled
from tests.trips.modifying import changes
from tests.trips.saga.test_cancel_confirmed import set_terms
from workflows.operations.watch_money import WatchMoney
from workflows.operations.watch_suppliers import WatchSuppliers
from workflows.trips.book_trip import BookTrip
from workflows.trips.quote_cancellation import QuoteCancellation
from workflows.trips.quote_change import QuoteChange

CONFIRMED, FAILED, CANCELLED = BookingState.CONFIRMED, BookingState.FAILED, BookingState.CANCELLED


async def book_trip(to: Recorder) -> None:
    """Confirmed, failed, cancelled, and gone on with a request that came meanwhile."""
    stack = to.stack
    await to.booked("confirmed")
    await to.booked("confirmed_without_an_experience", ("viator", "book", "refuse"))
    await to.booked("confirmed_after_a_timeout", ("viator", "book", "commit_then_hang"))
    await to.booked("confirmed_on_a_second_hold", ("stripe", "capture", "refuse"))
    await to.booked("failed_price_changed", ("booking_com", "quote", "price_drift"), state=FAILED)
    await to.booked("failed_hotel_refused", ("booking_com", "book", "refuse"), state=FAILED)
    await to.booked("failed_declined", payment_method="pm_card_visa_chargeDeclined", state=FAILED)
    proof = ("stripe", "confirm", "authenticate")
    await to.booked("failed_not_authenticated", proof, state=FAILED)
    await to.booked("failed_flight_unknown", ("amadeus", "book", "reset"), state=FAILED)
    refusals = (("booking_com", "book", "refuse"), ("amadeus", "cancel", "refuse"))
    await to.booked("failed_not_undone", *refusals, state=FAILED)

    held: dict[str, Any] = {
        "suppliers": {"flight": "duffel", "hotel": "ratehawk", "activity": "getyourguide"}
    }
    await to.booked("confirmed_after_holding", **held)
    unpaid = ("duffel", "complete", "refuse")
    await to.booked("failed_hold_not_paid", unpaid, state=FAILED, **held)
    unanswered = ("duffel", "complete", "commit_then_hang")
    await to.booked("confirmed_after_an_unanswered_payment", unanswered, **held)
    left = (("getyourguide", "complete", "refuse"), ("getyourguide", "cancel", "refuse"))
    await to.booked("confirmed_with_a_case", *left, times=2, **held)
    trip = confirmed_by_hand(await stack.sandbox.trip())
    await to.booked("confirmed_while_one_is_awaited", trip=trip)

    request = await stack.request()
    request.patience.local = ["booking_com", "stripe", "viator"]  # those that answer fast
    request.patience.quick = ["amadeus", *request.patience.local]
    await (await stack.start(request)).result()
    await to.save("confirmed_by_local_activities", request.booking_id)

    request = await stack.request(payment_method="pm_card_visa_chargeDeclined")
    request.patience.authentication_deadline = 60
    handle = await stack.start(request)
    await stack.until(handle, BookingState.PAYMENT_PENDING)
    card = NewCard(payment_method_id="pm_card_visa", who="ada")
    await handle.execute_update(PAYMENT_METHOD_UPDATE, card)
    await to.save("confirmed_with_another_card", request.booking_id)

    request = await stack.request()
    handle = await stack.start(request)
    await stack.send(RequestKind.CANCEL, request.booking_id, CancelRequest(reason="ill"))
    assert (await handle.result()).state is CANCELLED
    await to.save("cancelled_while_running", request.booking_id, handle.first_execution_run_id)

    request = await stack.request()
    await stack.sandbox.arm("stripe", "capture", "slow", seconds=0.7, reference=request.booking_id)
    handle = await stack.start(request)
    while not await stack.sandbox.fired():
        await asyncio.sleep(0.05)
    cancel = await stack.send(RequestKind.CANCEL, request.booking_id, CancelRequest(reason="ill"))
    assert await stack.ended(cancel) is None
    await to.save("gone_on_with_a_cancel", request.booking_id, handle.first_execution_run_id)

    await stack.client.execute_workflow(
        BookTrip.run,
        request,
        id=request.booking_id,
        task_queue=stack.settings.task_queue,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    )
    await to.save("booked_before", request.booking_id)


async def cancel_booking(to: Recorder) -> None:
    """All of it, a part, not everything, nothing, and one after the other."""
    cancel, kind = CancelRequest(reason="ill"), RequestKind.CANCEL
    booking = await to.asked("cancelled", kind, await to.free(), cancel)
    assert booking.state is CANCELLED
    await to.asked("cancelled_before", kind, booking, cancel)
    failed = await to.booked("", ("booking_com", "book", "refuse"), state=FAILED)
    await to.asked("refused_failed", kind, failed, cancel, "NOT_CANCELLABLE")

    booking = await to.free()
    part = cancel.model_copy(update={"components": [booking.items[3].component_id]})
    await to.asked("cancelled_in_part", kind, booking, part)
    set_terms(to.stack, booking.id, 2, [{"until": None, "fee": 100}])
    accepting = cancel.model_copy(update={"accepted_fee": 99})
    await to.asked("refused_another_fee", kind, booking, accepting, "FEE_CHANGED")

    booking = await to.free()
    await to.arm(booking.id, ("booking_com", "cancel", "refuse"))
    await to.asked("confirmed_hotel_not_let_go", kind, booking, cancel)
    booking = await to.free()
    await to.arm(booking.id, ("stripe", "refund", "refuse"))
    await to.asked("cancelled_not_refunded", kind, booking, cancel)

    booking = await to.free()
    part = cancel.model_copy(update={"components": [booking.items[3].component_id]})
    slow = {"seconds": 0.7, "reference": booking.id}
    await to.stack.sandbox.arm("viator", "cancel", "slow", **slow)
    await to.stack.send(kind, booking.id, part)
    run = await to.run_id(booking.id)
    while not await to.stack.sandbox.fired():
        await asyncio.sleep(0.05)
    await to.stack.ended(await to.stack.send(kind, booking.id, cancel))
    await to.save("gone_on_with_a_cancel", booking.id, run)
    await to.save("cancelled_after_going_on", booking.id)


async def modify_booking(to: Recorder) -> None:
    """Dearer, cheaper, undone, refused, made before, and given up for a cancellation."""
    stack = to.stack
    for name, nights in (("changed_dearer", 7), ("changed_cheaper", 2), ("undone", 7)):
        booking = await to.free()
        requested = changes.swap(booking.items[1], await changes.other_hotel(stack, nights=nights))
        if name == "undone":
            await to.arm(booking.id, ("stripe", "capture", "refuse"), times=2)
        quote = await changes.price(stack, booking.id, requested)
        request = changes.request(booking.id, requested, quote.new_total)
        outcome = await changes.put(stack, request)
        assert outcome.carried_out is (name != "undone")
        await stack.sandbox.clear()
        await to.save(name, booking.id)
    await to.asked("made_before", RequestKind.CHANGE, booking, request, "PAYMENT_DECLINED")

    booking = await to.free()
    requested = changes.swap(booking.items[1], await changes.other_hotel(stack, nights=7))
    quote = await changes.price(stack, booking.id, requested)
    await changes.put(stack, changes.request(booking.id, requested, quote.new_total - 1))
    await to.save("refused_dearer_than_accepted", booking.id)
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=booking.id)
    change = changes.request(booking.id, requested, quote.new_total)
    ending = asyncio.ensure_future(changes.put(stack, change))
    await asyncio.sleep(3)
    run = await to.run_id(booking.id)
    await stack.cancel(booking.id)
    await ending
    await to.save("undone_and_gone_on_with_a_cancel", booking.id, run)


async def refund_booking(to: Recorder) -> None:
    """Given, given before, owed, and more than there is."""
    grant, kind = GoodwillRefund(key="a", amount=700, reason="late tour"), RequestKind.REFUND
    booking = await to.asked("given", kind, await to.free(), grant)
    await to.asked("given_before", kind, booking, grant)
    much = GoodwillRefund(key="b", amount=booking.captured)
    await to.asked("refused_too_much", kind, booking, much, "NOT_REFUNDABLE")
    await to.arm(booking.id, ("stripe", "refund", "refuse"))
    more = GoodwillRefund(key="c", amount=500)
    await to.asked("granted_and_owed", kind, booking, more)


async def resolve_case(to: Recorder) -> None:
    """Items and money: done, believed, failed again; and a case that is not open."""
    refusals = (("booking_com", "book", "refuse"), ("amadeus", "cancel", "refuse"))
    failed = await to.booked("", *refusals, state=FAILED)
    await to.arm(failed.id, ("amadeus", "cancel", "refuse"))
    await to.resolved("item_refused_again", failed, "NOT_CANCELLABLE")
    booking = await to.resolved("item_undone", failed)
    stale = Resolution(case_id=unsettled(failed)[0].id or 0, decision="retry", note="")
    await to.asked("settled_before", RequestKind.RESOLVE, booking, stale, "CASE_SETTLED")
    failed = await to.booked("", *refusals, state=FAILED)
    await to.resolved("item_undone_by_hand", failed, decision="resolved")

    booking = await to.free()
    await to.arm(booking.id, ("booking_com", "cancel", "refuse"))
    stands = await to.stack.cancel(booking.id)
    assert (await to.resolved("item_cancelled", stands)).state is CANCELLED

    gone = await to.stack.cancel((await to.free()).id)
    await Gateway(to.stack).fail_refund(gone.payment.refunds[-1].id)
    gone = await to.resolved("money_given_back", await settled(to.stack, gone))
    await Gateway(to.stack).fail_refund(gone.payment.refunds[-1].id)
    owing = await settled(to.stack, gone)
    await to.resolved("money_paid_by_hand", owing, decision="resolved", paid_by_hand=True)
    booking = await to.free()
    await Gateway(to.stack).refund(booking.payment.id or "", 1000)
    less = await settled(to.stack, booking)
    await to.resolved("money_still_missing", less, "PAYMENT_DOWN")
    await to.resolved("money_let_go", less, decision="resolved")


async def settle_payment(to: Recorder) -> None:
    """Nothing to do, a refund that came back, money that adds up again, a stray payment."""
    gone = await to.stack.cancel((await to.free()).id)
    await to.stack.recorded((await settled(to.stack, gone)).id)
    await to.save("nothing_changed", gone.id)
    await Gateway(to.stack).fail_refund(gone.payment.refunds[-1].id)
    await settled(to.stack, gone)
    await to.save("case_a_refund_came_back", gone.id)
    await Gateway(to.stack).refund(gone.payment.id or "")
    await settled(to.stack, gone)
    await to.save("adds_up_again", gone.id)
    stray = await Gateway(to.stack).stray(gone.id, capture=True)
    await settled(to.stack, gone, stray=stray)
    await to.save("stray_given_back", gone.id)


async def follow_booking(to: Recorder) -> None:
    """Have suppliers say things afterwards, and be followed."""
    stack = to.stack

    async def follow(name: str, booking: Booking, number: int) -> None:
        waits = patience(stack.settings)
        assert await begin_following(stack.client, waits, booking, "recorded", items=[number])
        await to.save(name, booking.id)
        await stack.sandbox.clear()

    async def act(reference: str, what: str) -> None:
        path = f"/_sandbox/viator/bookings/{reference}/{what}"
        (await stack.sandbox.http.post(path, json={})).raise_for_status()

    for name, what in (
        ("confirmed", "confirm"),
        ("refused", "reject"),
        ("refused_not_refunded", "reject"),
    ):
        trip = confirmed_by_hand(await stack.sandbox.trip(activities=1))
        booking = await stack.book(trip=trip)
        item = next(item for item in booking.items if item.awaited)
        await act(item.reference, what)
        if name == "refused_not_refunded":
            await to.arm(booking.id, ("stripe", "refund", "refuse"))
        await follow(name, booking, item.number)
    booking = await stack.book(activities=1)
    tour = next(item for item in booking.items if item.supplier == "viator")
    await stack.sandbox.arm("viator", "find", "error", rate=1, reference=booking.id)
    await follow("without_an_answer", booking, tour.number)
    await act(tour.reference, "cancel")
    await follow("cancelled", booking, tour.number)

    request = await stack.request(activities=1)
    await to.arm(request.booking_id, ("stripe", "capture", "refuse"), times=2)
    refusal = ("viator", "cancel", "refuse")
    booking = await to.booked("", refusal, state=FAILED, request=request)
    await to.arm(booking.id, refusal)
    await follow("left_over_not_undone", booking, tour.number)
    await follow("left_over_undone", booking, tour.number)


async def going_on(to: Recorder) -> None:
    """Have cancellations come while other workflows are under way."""
    stack, waits = to.stack, patience(to.stack.settings)
    slow_look: Fault = ("stripe", "retrieve", "slow")
    booking = await to.free()
    await to.gone_on(booking, slow_look, settling(stack, booking))
    booking = await to.free()
    grant = GoodwillRefund(key="a", amount=700)
    await to.gone_on(booking, slow_look, stack.send(RequestKind.REFUND, booking.id, grant))
    booking = await to.free()
    following = begin_following(stack.client, waits, booking, "recorded", items=[4])
    await to.gone_on(booking, ("viator", "find", "slow"), following)
    booking = await to.free()
    await to.arm(booking.id, ("booking_com", "cancel", "refuse"))
    stands = await stack.cancel(booking.id, [booking.items[1].component_id])
    await stack.sandbox.clear()
    await to.gone_on(stands, ("booking_com", "cancel", "slow"), stack.resolve(booking.id))


async def reading(to: Recorder) -> None:
    """What changes nothing: prices of changes and cancellations, and the watches."""
    stack, client = to.stack, to.stack.client
    queue, waits = stack.settings.task_queue, patience(stack.settings)
    booking = await to.free()
    requested = changes.swap(booking.items[1], await changes.other_hotel(stack, nights=7))
    change = QuoteChangeRequest(booking_id=booking.id, requested=requested, patience=waits)
    await client.execute_workflow(QuoteChange.run, change, id="change", task_queue=queue)
    await to.save("quoted", "change")
    cancel = QuoteCancellationRequest(booking_id=booking.id, patience=waits)
    await client.execute_workflow(QuoteCancellation.run, cancel, id="cancel", task_queue=queue)
    await to.save("quoted", "cancel")
    for name in ("watched", "watched_in_part"):
        if name == "watched_in_part":
            await stack.sandbox.arm("stripe", "retrieve", "error", rate=1)
        await client.start_workflow(WatchMoney.run, WatchRequest(), id=name, task_queue=queue)
        await to.save(name, name)
        await stack.sandbox.clear()
    await client.execute_workflow(
        WatchSuppliers.run, FollowRound(), id="suppliers", task_queue=queue
    )
    await to.save("watched", "suppliers")


PARTS = {
    part.__name__: part
    for part in (
        book_trip,
        cancel_booking,
        modify_booking,
        refund_booking,
        resolve_case,
        settle_payment,
        follow_booking,
        going_on,
        reading,
        reservations,
        buying,
    )
}


async def main(names: Sequence[str]) -> None:
    """Bring up a stack of its own and record; everything where no part is named."""
    if not names:
        shutil.rmtree(HISTORIES, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory() as scratch,
        servers(Path(scratch) / "servers") as shared,
        running_sandbox(Path(scratch)) as sandbox_url,
    ):
        url = shared.create_database(f"t{uuid.uuid4().hex[:12]}")
        migrate(url)
        stack = await create_stack(
            database_url=url,
            temporal_address=shared.temporal_address,
            sandbox_url=sandbox_url,
            name="histories",
        )
        stack.start_worker()
        try:
            for name in names or PARTS:
                await PARTS[name](Recorder(stack))
        finally:
            await stack.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
