"""Record one history for every end state, to be replayed by every later version.

By hand, after a deliberate change of workflows: ``python -m tests.support.record_histories``.
"""

import asyncio
import contextlib
import re
import sys
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

from temporalio.client import WorkflowFailureError

from activities.suppliers.following.beginning import begin_following
from codec.payloads import EncryptionCodec
from localworld.shared import servers
from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState
from models.bookings.messages import CANCEL_UPDATE, CancelRequest, Resolution
from models.operations.messages import WatchRequest
from models.payments.messages import PAYMENT_METHOD_UPDATE, NewCard
from models.suppliers.following import FollowRound
from models.trips.messages import QuoteChangeRequest
from temporal import patience
from tests.conftest import migrate
from tests.support.histories import decrypted
from tests.support.money import Gateway, settling
from tests.support.processes import ROOT, Process
from tests.support.stack import Stack, create_stack
from tests.support.trips import confirmed_by_hand
from tests.trips.modifying import changes
from tests.trips.saga.test_cancel_confirmed import cancel
from workflows.operations.watch_money import WatchMoney
from workflows.operations.watch_suppliers import WatchSuppliers
from workflows.trips.quote_change import QuoteChange

HISTORIES = ROOT / "tests" / "histories"


async def record(stack: Stack, *, only_held: bool = False) -> None:
    """Book, fail, cancel and park; save each history."""

    async def save(name: str, booking_id: str, run_id: str | None = None) -> None:
        handle = stack.client.get_workflow_handle(booking_id, run_id=run_id)
        codec = EncryptionCodec(stack.settings.key_ring, plaintext=True)
        history = await decrypted(await handle.fetch_history(), codec)
        # Stack traces name the machine they were made on; replaying does not need them.
        text = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history.to_json())
        (HISTORIES / f"{name}.json").write_text(text + "\n")
        print(name, len(history.events), "events")

    async def disturbed(
        name: str, *faults: tuple[str, str, str], payment_method: str = "pm_card_visa"
    ) -> str:
        wanted = await stack.request(payment_method=payment_method)
        for supplier, operation, kind in faults:
            about = {"rate": 1} if operation == "quote" else {"reference": wanted.booking_id}
            await stack.sandbox.arm(supplier, operation, kind, seconds=20, **about)
        handle = await stack.start(wanted)
        if name.startswith("needs_attention"):
            await stack.until(handle, BookingState.NEEDS_ATTENTION)
        elif name.startswith("cancelled_while_running"):
            await handle.execute_update(CANCEL_UPDATE, CancelRequest(who="ada"))
        else:
            await handle.result()
        if name == "needs_attention_resolved":
            await handle.execute_update("resolve", Resolution(decision="retry", who="op"))
            await handle.result()
        booking = await stack.now(handle)
        assert name.startswith((booking.state.lower(), "needs_attention")), (name, booking.state)
        await stack.sandbox.clear()
        await save(name, wanted.booking_id)
        return wanted.booking_id

    if only_held:
        await held(stack, save)
        return
    confirmed = await disturbed("confirmed")
    outcome = await cancel(stack, confirmed)
    assert outcome.booking.state is BookingState.CANCELLED
    await save("cancelled_after_confirmation", confirmed)
    await disturbed("confirmed_without_an_experience", ("viator", "book", "refuse"))
    await disturbed("confirmed_after_a_timeout", ("viator", "book", "commit_then_hang"))
    await disturbed("failed_price_changed", ("booking_com", "quote", "price_drift"))
    await disturbed("failed_declined", payment_method="pm_card_visa_chargeDeclined")
    await disturbed("failed_hotel_refused", ("booking_com", "book", "refuse"))
    await disturbed("failed_not_authenticated", ("stripe", "confirm", "authenticate"))
    await disturbed("cancelled_while_running")
    await disturbed("needs_attention", ("amadeus", "book", "reset"))
    await disturbed(
        "needs_attention_resolved",
        ("booking_com", "book", "refuse"),
        ("amadeus", "cancel", "refuse"),
    )
    await disturbed("confirmed_on_a_second_hold", ("stripe", "capture", "refuse"))
    await another_card(stack, save)
    await settled_by_hand(stack, save)
    await watched(stack, save)
    await followed(stack, save)
    await changed(stack, save)
    await held(stack, save)


async def another_card(stack: Stack, save: Callable[[str, str], Awaitable[None]]) -> None:
    """Book with a refused card, then with a good one."""
    wanted = await stack.request(payment_method="pm_card_visa_chargeDeclined")
    wanted.patience.authentication_deadline = 60
    handle = await stack.start(wanted)
    await stack.until(handle, BookingState.PAYMENT_PENDING)
    card = NewCard(payment_method_id="pm_card_visa", who="ada")
    await handle.execute_update(PAYMENT_METHOD_UPDATE, card)
    assert (await handle.result()).state is BookingState.CONFIRMED
    await save("confirmed_with_another_card", wanted.booking_id)


async def settled_by_hand(stack: Stack, save: Callable[[str, str], Awaitable[None]]) -> None:
    """Have a refund come back, and an operator say that it was paid otherwise."""
    gone = (await cancel(stack, (await stack.book()).id)).booking
    await Gateway(stack).fail_refund(gone.payment.refunds[-1].id)
    handle = await settling(stack, gone)
    await stack.until(handle, BookingState.NEEDS_ATTENTION)
    await handle.execute_update("resolve", Resolution(decision="resolved", who="op"))
    assert (await handle.result()).state is BookingState.CANCELLED
    await save("cancelled_refund_paid_by_hand", gone.id)


async def watched(stack: Stack, save: Callable[[str, str], Awaitable[None]]) -> None:
    """Have the money looked at: whole, and without the gateway."""
    for name, fault in (("watched", None), ("watched_in_part", "error")):
        if fault:
            await stack.sandbox.arm("stripe", "retrieve", fault, rate=1)
        handle = await stack.client.start_workflow(
            WatchMoney.run, WatchRequest(), id=name, task_queue=stack.settings.task_queue
        )
        with contextlib.suppress(WorkflowFailureError):
            await handle.result()
        await stack.sandbox.clear()
        await save(name, handle.id)


async def followed(stack: Stack, save: Callable[[str, str], Awaitable[None]]) -> None:
    """Have suppliers say things afterwards, and be followed."""

    async def follow(name: str, booking: Booking, number: int) -> None:
        waits = patience(stack.settings)
        assert await begin_following(stack.client, waits, booking, "recorded", items=[number])
        handle = stack.client.get_workflow_handle(booking.id)
        if name == "followed_to_an_operator":
            await stack.until(handle, BookingState.NEEDS_ATTENTION)
            await stack.sandbox.clear()
            await handle.execute_update("resolve", Resolution(decision="retry", who="op"))
        await handle.result()
        await save(name, booking.id)

    async def act(reference: str, what: str) -> None:
        path = f"/_sandbox/viator/bookings/{reference}/{what}"
        (await stack.sandbox.http.post(path, json={})).raise_for_status()

    for name, what in (
        ("followed_confirmed", "confirm"),
        ("followed_refused", "reject"),
        ("followed_to_an_operator", "reject"),
    ):
        trip = confirmed_by_hand(await stack.sandbox.trip(activities=1))
        booking = await stack.book(trip=trip)
        item = next(item for item in booking.items if item.awaited)
        await act(item.reference, what)
        if name == "followed_to_an_operator":
            await stack.sandbox.arm("stripe", "refund", "refuse", rate=1)
        await follow(name, booking, item.number)
    booking = await stack.book(activities=1)
    tour = next(item for item in booking.items if item.supplier == "viator")
    await stack.sandbox.arm("viator", "find", "error", rate=1, reference=booking.id)
    await follow("followed_without_an_answer", booking, tour.number)
    await stack.sandbox.clear()
    await act(tour.reference, "cancel")
    await follow("followed_cancelled", booking, tour.number)
    handle = await stack.client.start_workflow(
        WatchSuppliers.run, FollowRound(), id="suppliers", task_queue=stack.settings.task_queue
    )
    await handle.result()
    await save("suppliers_watched", handle.id)


async def changed(stack: Stack, save: Callable[[str, str, str | None], Awaitable[None]]) -> None:
    """Change trips: dearer, cheaper, undone, and given up for a cancellation."""
    for name, nights in (("changed_dearer", 7), ("changed_cheaper", 2), ("changed_undone", 7)):
        booking = await changes.confirmed(stack)
        wish = changes.swap(booking.items[1], await changes.other_hotel(stack, nights=nights))
        if name == "changed_undone":
            about = {"reference": booking.id}
            await stack.sandbox.arm("stripe", "capture", "refuse", times=2, **about)
        outcome = await changes.change(stack, booking.id, wish)
        assert outcome.carried_out is (name != "changed_undone")
        await stack.sandbox.clear()
        await save(name, booking.id, None)
    booking = await changes.confirmed(stack)
    wish = changes.swap(booking.items[1], await changes.other_hotel(stack, nights=7))
    quote = await changes.price(stack, booking.id, wish)
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=booking.id)
    request = changes.request(booking.id, wish, quote.new_total)
    ending = asyncio.ensure_future(changes.put(stack, request))
    await asyncio.sleep(3)
    run = (await stack.client.get_workflow_handle(booking.id).describe()).run_id
    await cancel(stack, booking.id)
    await ending
    await changes.now(stack, booking.id)
    await save("changed_until_cancelled", booking.id, run)
    handle = await stack.client.start_workflow(
        QuoteChange.run,
        QuoteChangeRequest(booking_id=booking.id, wish=wish, patience=patience(stack.settings)),
        id="change-quoted",
        task_queue=stack.settings.task_queue,
    )
    await handle.result()
    await save("change_quoted", handle.id, None)


async def held(stack: Stack, save: Callable[[str, str], Awaitable[None]]) -> None:
    """Trips of which a part is held and completed, one confirmed later, one awaited."""
    suppliers = {"flight": "duffel", "hotel": "ratehawk", "activity": "getyourguide"}
    for name, faults in (
        ("confirmed_after_holding", ()),
        ("failed_hold_not_paid", (("duffel", "complete", "refuse"),)),
        ("confirmed_after_an_unanswered_payment", (("duffel", "complete", "commit_then_hang"),)),
    ):
        wanted = await stack.request(suppliers=suppliers)
        for supplier, operation, kind in faults:
            await stack.sandbox.arm(
                supplier, operation, kind, seconds=20, reference=wanted.booking_id
            )
        booking = await (await stack.start(wanted)).result()
        assert name.startswith(booking.state.lower()), (name, booking.problem)
        await save(name, wanted.booking_id)
    trip = confirmed_by_hand(await stack.sandbox.trip())
    booking = await (await stack.start(await stack.request(trip=trip))).result()
    assert booking.live_items[-1].awaited or booking.live_items[-2].awaited
    await save("confirmed_while_one_is_awaited", booking.id)


async def main() -> None:
    """Bring up a stack of its own and record; ``held`` records only what is held."""
    HISTORIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, servers(Path(scratch) / "servers") as shared:
        url = shared.create_database(f"t{uuid.uuid4().hex[:12]}")
        migrate(url)
        announce = Path(scratch) / "url"
        sandbox = Process("-m", "sandbox", "--port", "0", "--announce-file", str(announce), env={})
        stack = await create_stack(
            database_url=url,
            temporal_address=shared.temporal_address,
            sandbox_url=sandbox.wait_for(announce),
            name="histories",
        )
        stack.start_worker()
        try:
            await record(stack, only_held="held" in sys.argv[1:])
        finally:
            await stack.close()
            sandbox.stop()


if __name__ == "__main__":
    asyncio.run(main())
