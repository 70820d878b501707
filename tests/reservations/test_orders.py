"""Everything at once, in any order of the statements: one history by the table, one end (R4).

Expiry against payment against cancel at the same instant is here too: of one whose venue approves
it as its hold ends, and of one whose card is accepted then.
"""

import asyncio
import datetime as dt
from collections.abc import Coroutine
from typing import Any

import pytest

from models.bookings.booking import Booking
from models.bookings.lifecycle import FINAL_STATES, BookingState, PaymentStatus
from models.core.venues import VenueSlot
from tests.ledger.conftest import Books
from tests.ledger.conftest import scratch as scratch
from tests.ledger.conftest import scratch_url as scratch_url
from tests.reservations.books import slot
from tests.reservations.desk import Play
from tests.support.interleaving import Dice, in_any_order, with_gates

S = BookingState
CHOICES = 400


def seeds(quick: int) -> list[Any]:
    """Return a thousand, of which so many are played in every run."""
    others = range(quick, 1_000)
    return [*range(quick), *(pytest.param(n, marks=pytest.mark.exhaustive) for n in others)]


@pytest.fixture
async def play(scratch: Books) -> Play:
    with_gates(scratch.engine.sync_engine)
    async with scratch.connection() as connection:
        await connection.execute("DELETE FROM booking_due")
    return Play(scratch)


async def had_begun(play: Play) -> tuple[Booking, VenueSlot]:
    """A confirmed reservation that is over, if its guest never came; and another such time."""
    await play.diary.open_venue(check_in="tracked")
    begins = dt.datetime.now(dt.UTC).replace(second=0, microsecond=0) - dt.timedelta(hours=3)
    booking = await play.diary.reserve(slot(begins))
    assert booking is not None
    later = slot(begins + dt.timedelta(minutes=15))
    return await play.books.record(booking, S.CONFIRMED), later


async def judge_end(play: Play, booking: Booking) -> list[BookingState]:
    """Its history obeys the table and has one end, which its claims follow."""
    came_to = await play.history(booking)
    assert came_to[-1] in FINAL_STATES
    ends = [state for state in came_to if state in FINAL_STATES]
    # a no-show whose guest is checked in was no end
    assert len(ends) == 1 or (len(ends) == 2 and ends[0] is S.NO_SHOW), came_to
    assert await play.rows("SELECT 1 FROM booking_due WHERE booking_id = %s", booking) == []
    *before, last = await play.claims(booking)
    assert set(before) <= {"RELEASED"}, "a place that it was moved from"
    assert last == ("RELEASED" if ends == [S.CANCELLED] else "USED")
    return came_to


@pytest.mark.parametrize("seed", seeds(12))
async def test_cancel_check_in_sweep_and_complete_at_once(play: Play, seed: int) -> None:
    booking, _ = await had_begun(play)
    works: list[Coroutine[Any, Any, Any]] = [
        play.desk.cancel(booking.id),
        play.by_hand(booking.id, S.CHECKED_IN),
        play.lifecycle.round(),
        play.by_hand(booking.id, S.COMPLETED),
    ]
    await in_any_order(Dice.of(seed, CHOICES), works)
    await play.lifecycle.round()  # a guest who came after all goes when the visit is over
    await judge_end(play, booking)


@pytest.mark.parametrize("seed", seeds(12))
async def test_cancel_check_in_sweep_and_changes_at_once(play: Play, seed: int) -> None:
    """Two changes of the version that both have seen: a move, which is a workflow, and notes."""
    booking, later = await had_begun(play)
    works: list[Coroutine[Any, Any, Any]] = [
        play.desk.move(booking, later),
        play.note(booking),
        play.desk.cancel(booking.id),
        play.by_hand(booking.id, S.CHECKED_IN),
        play.lifecycle.round(),
    ]
    moved, noted, *_ = await in_any_order(Dice.of(seed, CHOICES), works)
    await play.lifecycle.round()
    came_to = await judge_end(play, booking)
    confirmed = came_to.count(S.CONFIRMED) - 1
    assert confirmed == (moved is None) + (noted is None) <= 1, (came_to, moved, noted)
    assert len(await play.claims(booking)) == (2 if moved is None else 1)
    ((starts_at, notes),) = await play.rows(
        "SELECT r.starts_at, b.travelers->0->>'notes' FROM reservations r"
        " JOIN bookings b ON b.id = r.booking_id WHERE r.booking_id = %s",
        booking,
    )
    assert (starts_at == later.starts_at) is (moved is None)
    assert (notes == "high chair") is (noted is None)


async def judge_money(play: Play, booking: Booking) -> list[BookingState]:
    """Money is taken for a place that is sold, and for no other; nothing is left on the card."""
    came_to = await play.history(booking)
    assert len({S.CONFIRMED, S.EXPIRED} & set(came_to)) <= 1, came_to
    assert came_to.count(S.PROCESSING) <= 1
    stored = await play.books.stored(booking)
    (claim,) = await play.claims(booking)
    assert stored.captured == (4_000 if S.CONFIRMED in came_to else 0)
    assert stored.payment.status is not PaymentStatus.AUTHORISED
    assert claim in {
        S.CONFIRMED: {"SOLD"},
        S.EXPIRED: {"EXPIRED", "RELEASED"},
        # whose hold had ended as well, or whose sold place is given back
        S.CANCELLED: {"EXPIRED", "RELEASED"},
    }.get(came_to[-1], set()), (came_to, claim)
    return came_to


@pytest.mark.parametrize("seed", seeds(12))
async def test_approved_and_cancelled_at_the_instant_at_which_the_hold_ends(
    play: Play, seed: int
) -> None:
    await play.diary.open_venue(approval="manual")
    dice = Dice.of(seed, CHOICES)
    booking = await play.wait(S.HELD)
    await play.end_claim(booking, dice.pick(range(-50, 600)))
    works: list[Coroutine[Any, Any, Any]] = [
        play.desk.approve(booking.id),
        play.lifecycle.round(),
        play.sweep_claims(),
        play.desk.approve(booking.id),
    ]
    if dice.pick(range(3)):
        works.append(play.desk.cancel(booking.id))
    await in_any_order(dice, works)
    await play.lifecycle.round()
    await judge_money(play, booking)


@pytest.mark.parametrize("seed", seeds(12))
async def test_paid_and_cancelled_at_the_instant_at_which_the_hold_ends(
    play: Play, seed: int
) -> None:
    """The first card is accepted late, and another one as well; a guest waits for the table."""
    await play.diary.open_venue()
    dice = Dice.of(seed, CHOICES)
    booking = await play.wait(S.PAYMENT_PENDING, table="table-7")
    await play.end_claim(booking, dice.pick(range(-50, 600)))
    works: list[Coroutine[Any, Any, Any]] = [
        play.diary.reserve(slot(table="table-7")),
        play.desk.pay(booking.id),
        play.desk.pay(booking.id),
        play.desk.run_out(booking.id),
        play.sweep_claims(),
    ]
    if dice.pick(range(3)):
        works.append(play.desk.cancel(booking.id))
    other, *_ = await in_any_order(dice, works)
    came_to = await judge_money(play, booking)
    assert other is None or S.CONFIRMED not in came_to or came_to[-1] is S.CANCELLED
    if other is None and came_to[-1] is not S.CONFIRMED:  # given back a moment later: free again
        assert await play.diary.reserve(slot(table="table-7")) is not None


async def test_two_that_wait_for_approval_never_have_one_table(play: Play) -> None:
    """Report 2 of the design: what is not approved yet keeps others away all the same."""
    await play.diary.open_venue(approval="manual")
    asked = [play.diary.reserve(slot(table="table-7")) for _ in range(8)]
    had = [booking for booking in await asyncio.gather(*asked) if booking is not None]
    assert len(had) == 1
    await play.books.record(had[0], S.HELD)
    assert await play.diary.reserve(slot(table="table-7")) is None
