"""Changes that are not made: the old booking stands exactly as it was, and so does the money."""

import asyncio
from typing import Literal

import httpx
import psycopg
import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import BookingState, ItemStatus, PaymentStatus
from models.bookings.problems import Code
from models.core.people import Traveler
from models.payments.messages import PAYMENT_METHOD_UPDATE, NewCard
from models.trips.changes import ChangeOutcome, ChangeRequest, TripChanges
from tests.support.selection import table
from tests.support.stack import Stack
from tests.trips.modifying.changes import (
    as_it_was,
    ask,
    confirmed,
    judged,
    offers,
    other_hotel,
    price,
    put,
    request,
    standing,
    swap,
)

PATIENT = 60


async def dearer(
    stack: Stack, booking: Booking, *, card: str | None = None, nights: int = 7
) -> ChangeRequest:
    requested = swap(booking.items[1], await other_hotel(stack, nights=nights))
    quote = await price(stack, booking.id, requested)
    return request(booking.id, requested, quote.new_total, card=card)


async def waiting(stack: Stack, booking_id: str) -> Booking:
    """The booking once its change waits for the traveller."""
    handle = stack.client.get_workflow_handle(booking_id)
    async with asyncio.timeout(30):
        while True:
            held = await stack.now(handle)
            if any(one.waits_until for one in held.payments):
                return held
            await asyncio.sleep(0.1)


async def test_a_price_that_has_changed_since_changes_nothing(stack: Stack) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await dearer(stack, booking)
    await stack.sandbox.arm("booking_com", "quote", "price_drift", rate=1)
    outcome = await put(stack, change)
    assert not outcome.carried_out
    assert outcome.problem is not None
    assert outcome.problem.code is Code.PRICE_CHANGED
    assert outcome.problem.details["oldPrice"] == change.accepted_total
    assert outcome.problem.details["newPrice"] > change.accepted_total
    after = await judged(stack, booking.id)
    assert after.booking == before.booking
    assert after.items == before.items
    assert after.payments == before.payments
    assert after.log == before.log or not [
        row for row in after.log[len(before.log) :] if row["effect"]
    ]
    assert await put(stack, change) == outcome, "the same answer again"


async def test_a_fee_that_has_begun_is_asked_about(stack: Stack) -> None:
    """Not only the new price counts: what is kept of the old may have changed as well."""
    from tests.trips.saga.test_cancel_confirmed import set_terms

    booking = await confirmed(stack)
    change = await dearer(stack, booking)
    set_terms(stack, booking.id, 2, [{"until": None, "fee": 100}])
    outcome = await put(stack, change)
    assert outcome.problem is not None
    assert outcome.problem.code is Code.PRICE_CHANGED
    assert outcome.problem.details["newPrice"] == change.accepted_total + 100
    await judged(stack, booking.id)


@pytest.mark.parametrize("card", ["pm_card_visa_chargeDeclinedStolenCard"])
async def test_a_card_that_is_refused_for_good(stack: Stack, card: str) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    outcome = await put(stack, await dearer(stack, booking, card=card))
    assert outcome.problem is not None
    assert outcome.problem.code is Code.PAYMENT_DECLINED
    after = await judged(stack, booking.id)
    as_it_was(before, after)
    assert [row["status"] for row in after.further] == [PaymentStatus.RELEASED]
    again = await put(stack, await dearer(stack, booking))
    assert again.carried_out, again.problem
    assert len((await judged(stack, booking.id)).further) == 2


@pytest.mark.exhaustive  # test_api sends one through the door
async def test_another_card_carries_the_change_out(stack: Stack) -> None:
    booking = await confirmed(stack)
    change = await dearer(stack, booking, card="pm_card_visa_chargeDeclined")
    ending = asyncio.ensure_future(put(stack, change))
    held = await waiting(stack, booking.id)
    assert held.state is BookingState.CONFIRMED
    assert held.problem is not None
    await stack.client.get_workflow_handle(booking.id).execute_update(
        PAYMENT_METHOD_UPDATE,
        NewCard(payment_method_id="pm_card_mastercard", who="ada"),
    )
    outcome = await ending
    assert outcome.carried_out, outcome.problem
    facts = await judged(stack, booking.id)
    assert facts.booking["problem"] is None
    assert facts.further[0]["payment_method_id"] == "pm_card_mastercard"


# One that succeeds is in test_api; one that fails, for the first payment, in saga/test_cards.
@pytest.mark.parametrize("answer", table(["succeed", "fail", None], quick=[None]))
async def test_the_difference_may_need_a_proof(stack: Stack, answer: str | None) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await dearer(stack, booking)
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=booking.id)
    ending = asyncio.ensure_future(put(stack, change))
    held = await waiting(stack, booking.id)
    _, supplement = held.payments
    assert supplement.client_secret
    assert supplement.next_action is not None
    if answer is not None:
        async with httpx.AsyncClient() as http:
            url = supplement.next_action["redirect_to_url"]["url"]
            assert (await http.post(url, params={"outcome": answer})).status_code < 400
    outcome = await ending
    after = await judged(stack, booking.id)
    if answer == "succeed":
        assert outcome.carried_out, outcome.problem
        return
    assert outcome.problem is not None
    expected = Code.PAYMENT_DECLINED if answer else Code.AUTHENTICATION_REQUIRED
    assert outcome.problem.code is expected
    as_it_was(before, after)


async def test_a_difference_too_small_for_a_card_is_refused_with_its_price(stack: Stack) -> None:
    """Twenty-two cents more: no card can be charged that little."""
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    hotel = await other_hotel(stack, nights=7)
    more = hotel.price - booking.items[1].price
    with psycopg.connect(stack.settings.database.url) as connection:
        connection.execute(
            "UPDATE booking_items SET amount = amount + %s WHERE booking_id = %s AND number = 2",
            [more - 22, booking.id],
        )
    outcome = await ask(stack, booking.id, swap(booking.items[1], hotel))
    assert outcome.problem is not None
    assert outcome.problem.code is Code.AMOUNT_TOO_SMALL
    assert outcome.problem.message.startswith("0.22 USD would be charged")
    assert "less than 0.50 USD" in outcome.problem.message
    with psycopg.connect(stack.settings.database.url) as connection:
        connection.execute(
            "UPDATE booking_items SET amount = amount - %s WHERE booking_id = %s AND number = 2",
            [more - 22, booking.id],
        )
    as_it_was(before, await judged(stack, booking.id))


@pytest.mark.exhaustive  # as in test_an_undo_that_fails_is_a_case
async def test_a_capture_that_is_refused_undoes_the_new_items(stack: Stack) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await dearer(stack, booking)
    await stack.sandbox.arm("stripe", "capture", "refuse", times=2, reference=booking.id)
    outcome = await put(stack, change)
    assert not outcome.carried_out
    after = await judged(stack, booking.id)
    as_it_was(before, after)
    assert [item["saga_state"] for item in after.items][4] == "UNDONE"


async def test_one_of_several_refused_undoes_the_others(stack: Stack) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    hotel = await other_hotel(stack, nights=7)
    (tour,) = await offers(stack, "ACTIVITY", activities=1)
    requested = TripChanges(swap=swap(booking.items[1], hotel).swap, add=[tour])
    quote = await price(stack, booking.id, requested)
    await stack.sandbox.arm("viator", "book", "refuse", reference=booking.id)
    outcome = await put(stack, request(booking.id, requested, quote.new_total))
    assert outcome.problem is not None
    assert outcome.problem.code is Code.UNAVAILABLE
    after = await judged(stack, booking.id)
    as_it_was(before, after)
    assert [item["saga_state"] for item in after.items][4:] == ["UNDONE", "REFUSED"]


async def test_an_undo_that_fails_is_a_case(stack: Stack) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await dearer(stack, booking)
    await stack.sandbox.arm("stripe", "capture", "refuse", times=2, reference=booking.id)
    await stack.sandbox.arm("booking_com", "cancel", "refuse", reference=booking.id)
    outcome = await put(stack, change)
    assert not outcome.carried_out
    as_it_was(before, await judged(stack, booking.id), parked=[5])
    parked = await stack.recorded(booking.id)
    assert [case.item for case in parked.cases] == [5]
    after = await stack.resolve(booking.id)
    assert not after.needs_attention
    as_it_was(before, await judged(stack, booking.id))


@pytest.mark.parametrize(
    ("decision", "nights"),
    table(["retry", "resolved"], [7, 2], quick=[("retry", 7)]),
)
async def test_an_old_item_that_cannot_be_cancelled_is_a_case(
    stack: Stack, decision: Literal["retry", "resolved"], nights: int
) -> None:
    booking = await confirmed(stack)
    change = await dearer(stack, booking, nights=nights)
    about = {"reference": booking.id}
    if decision == "retry":
        await stack.sandbox.arm("booking_com", "cancel", "refuse", **about)
    else:  # it is cancelled, and never says so: a person finds that out
        await stack.sandbox.arm("booking_com", "cancel", "commit_then_error", rate=1, **about)
    outcome = await put(stack, change)
    assert outcome.carried_out, outcome.problem
    held = await stack.recorded(booking.id)
    assert [case.item for case in held.cases] == [2]
    assert held.items[1].status is ItemStatus.CANCELLED, "the traveller has agreed to that"
    assert held.owed == 0
    assert held.items[4].status is ItemStatus.CONFIRMED, "what is new stands"
    if decision == "retry":
        await judged(stack, booking.id)
    after = await stack.resolve(booking.id, decision)
    assert after.items[1].status is ItemStatus.CANCELLED
    assert not after.needs_attention
    await judged(stack, booking.id)


async def test_a_request_to_cancel_ends_a_change_and_is_carried_out(stack: Stack) -> None:
    booking = await confirmed(stack)
    change = await dearer(stack, booking)
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=booking.id)
    ending = asyncio.ensure_future(put(stack, change))
    await waiting(stack, booking.id)
    after = await stack.cancel(booking.id)
    outcome = await ending
    assert outcome.problem is not None
    assert outcome.problem.code is Code.CANCELLED_BY_TRAVELER
    assert after.state is BookingState.CANCELLED
    assert after.captured == after.refunded
    await judged(stack, booking.id)


async def test_a_cancel_in_temporal_ends_only_the_change(stack: Stack) -> None:
    booking = await confirmed(stack)
    before = await judged(stack, booking.id)
    change = await dearer(stack, booking)
    await stack.sandbox.arm("stripe", "confirm", "authenticate", reference=booking.id)
    ending = asyncio.ensure_future(put(stack, change))
    await waiting(stack, booking.id)
    await stack.client.get_workflow_handle(booking.id).cancel()
    outcome = await ending
    assert outcome.problem is not None
    assert outcome.problem.code is Code.CANCELLED_BY_OPERATOR
    as_it_was(before, await judged(stack, booking.id))


async def test_another_change_meanwhile_is_carried_out_next(stack: Stack) -> None:
    booking = await confirmed(stack)
    change = await dearer(stack, booking)
    tour = booking.items[2].component_id
    other = request(booking.id, TripChanges(drop=[tour]), 10**9)
    await stack.sandbox.arm("booking_com", "book", "slow", seconds=0.9, reference=booking.id)
    ending = asyncio.ensure_future(put(stack, change))
    await asyncio.sleep(0.4)
    assert (await put(stack, other)).carried_out
    assert (await ending).carried_out
    after = standing(await judged(stack, booking.id))
    assert tour not in after
    assert change.requested.new[0].component_id in after


async def problem_of(stack: Stack, booking: Booking, requested: TripChanges) -> ChangeOutcome:
    asked = await ask(stack, booking.id, requested)
    assert asked.problem is not None
    acted = await put(stack, request(booking.id, requested, 10**9))
    assert acted.problem == asked.problem
    return asked


async def test_what_cannot_be_changed_is_reported(stack: Stack) -> None:
    booking = await confirmed(stack, activities=0)
    before = await judged(stack, booking.id)
    everything = [item.component_id for item in booking.items]
    people = [Traveler.model_validate(one) for one in before.booking["travelers"]]
    others = [people[0].model_copy(update={"last_name": "Other"}), *people[1:]]
    for requested, words in [
        (TripChanges(drop=["nothing-like-it"]), "no component"),
        (TripChanges(drop=everything), "cancel the booking"),
        (TripChanges(travelers=others), "swap"),
    ]:
        outcome = await problem_of(stack, booking, requested)
        assert outcome.problem is not None
        assert outcome.problem.code is Code.NOT_CHANGEABLE
        assert words in outcome.problem.message
    assert (await judged(stack, booking.id)).booking == before.booking


async def test_other_travellers_on_a_wholly_new_trip(stack: Stack) -> None:
    booking = await confirmed(stack, activities=0)
    before = await judged(stack, booking.id)
    hotel = await other_hotel(stack, nights=4)
    (flight,) = await offers(stack, "FLIGHT", activities=0)
    people = [Traveler.model_validate(one) for one in before.booking["travelers"]]
    others = [people[0].model_copy(update={"last_name": "Other"}), *people[1:]]
    requested = TripChanges(
        swap=[*swap(booking.items[0], flight).swap, *swap(booking.items[1], hotel).swap],
        travelers=others,
    )
    quote = await price(stack, booking.id, requested)
    outcome = await put(stack, request(booking.id, requested, quote.new_total))
    assert outcome.carried_out, outcome.problem
    after = await judged(stack, booking.id)
    assert after.booking["travelers"][0]["lastName"] == "Other"
    assert after.items[2]["travelers"][0]["lastName"] == "Other"
