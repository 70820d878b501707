"""An experience that its operator confirms by hand: yes, no, late, and nobody there to say it."""

from models.bookings.lifecycle import BookingState
from tests.suppliers.following.world import World


async def test_confirmed_later_it_is_simply_there(world: World) -> None:
    booking, item = await world.awaited()
    assert any("yet to be confirmed" in warning for warning in booking.warnings)
    await world.act(f"viator/bookings/{item.reference}/confirm")

    summary = await world.round()

    assert summary.changes is not None
    assert summary.changes.listed >= 1
    row = await world.until(booking, item.number, "CONFIRMED")
    assert row["saga_state"] == "BOOKED"
    assert row["vendor_confirmation"]
    facts = await world.judged(booking)
    assert facts.booking["state"] == "CONFIRMED"
    assert facts.booking["warnings"] == []
    assert facts.payment["refunded"] == 0
    assert world.cases(booking) == []


async def test_refused_later_its_price_goes_back(world: World) -> None:
    booking, item = await world.awaited()
    await world.act(f"viator/bookings/{item.reference}/reject")
    # The list of changes does not answer: the look that is due finds it.
    await world.stack.sandbox.arm("viator", "changes", "error", rate=1)
    await world.round()
    world.make_due(booking, item.number)

    summary = await world.round()

    assert summary.changes is not None
    assert summary.changes.troubled == ["viator"]
    row = await world.until(booking, item.number, "FAILED")
    assert row["saga_state"] == "REFUSED"
    facts = await world.judged(booking)
    assert facts.booking["state"] == "CONFIRMED"
    assert facts.payment["refunded"] == item.price
    [warning] = facts.booking["warnings"]
    assert warning.startswith(f"{item.title} could not be confirmed by Viator; its price of ")
    assert warning.endswith(" goes back to you.")
    assert facts.refunds[0]["amount"] == item.price
    sold = [line for line in facts.ledger if line["owner"] == "viator"]
    assert sum(line["signed"] for line in sold) == 0
    assert world.cases(booking) == []
    # It is not looked at any more.
    await world.stack.sandbox.clear()
    world.make_due(booking, item.number)
    await world.round()
    assert world.look(booking, item.number) == []


async def test_a_refund_that_fails_is_a_case(world: World) -> None:
    booking, item = await world.awaited()
    await world.act(f"viator/bookings/{item.reference}/reject")
    await world.stack.sandbox.arm("stripe", "refund", "refuse", rate=1)
    await world.round()
    await world.until_case(booking)
    assert world.item(booking, item.number)["status"] == "FAILED"
    owing = await world.judged(booking)
    assert owing.booking["state"] == "CONFIRMED"
    assert owing.payment["refunded"] == 0
    await world.stack.sandbox.clear()

    decided = await world.stack.resolve(booking.id)

    assert not decided.needs_attention
    facts = await world.judged(booking)
    assert facts.booking["state"] == "CONFIRMED"
    assert facts.payment["refunded"] == item.price
    assert world.cases(booking) == []


async def test_what_nobody_answers_about_is_asked_again(world: World) -> None:
    booking, item = await world.awaited()
    await world.act(f"viator/bookings/{item.reference}/confirm")
    await world.stack.sandbox.arm("viator", "changes", "error", rate=1)
    await world.stack.sandbox.arm("viator", "find", "error", rate=1, reference=item.reference)
    await world.round()
    world.make_due(booking, item.number)
    summary = await world.round()
    assert summary.looks is not None
    assert "viator" in summary.looks.troubled
    [look] = world.look(booking, item.number)
    assert look["looks"] >= 1
    assert world.item(booking, item.number)["saga_state"] == "AWAITED"

    await world.stack.sandbox.clear()
    world.make_due(booking, item.number)
    await world.round()
    await world.until(booking, item.number, "CONFIRMED")
    await world.judged(booking)


async def test_after_three_days_a_person_asks(world: World) -> None:
    booking, item = await world.awaited()
    await world.round()
    world.rows(
        "UPDATE supplier_looks SET since = now() - interval '73 hours', due_at = now()"
        " WHERE booking_id = %s",
        booking.id,
    )
    await world.round()
    assert world.cases(booking) == ["SUPPLIER"]
    [look] = world.look(booking, item.number)
    assert look["outcome"] == "unchanged"
    world.make_due(booking, item.number)
    await world.round()
    assert world.cases(booking) == ["SUPPLIER"]


async def test_the_last_item_refused_ends_the_booking(world: World) -> None:
    booking, item = await world.awaited()
    others = [one.component_id for one in booking.items if one is not item]
    await world.stack.cancel(booking.id, others)
    await world.act(f"viator/bookings/{item.reference}/reject")
    await world.round()
    row = await world.until_state(booking, BookingState.CANCELLED)
    await world.at_rest(booking)
    assert row["cancelled_by"] == "PROVIDER"
    await world.judged(booking)
