"""Every path of a booking's money, through the record's own transitions on the database."""

import asyncio

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from models.bookings.lifecycle import BookingState
from models.bookings.messages import Transition
from models.bookings.repository import record_transition
from models.kinds import HOOKS
from models.ledger import add_rule
from models.ledger.catching_up import catch_up
from tests.ledger.bookings import (
    FLIGHT,
    HOTEL,
    TOTAL,
    TOUR,
    book,
    cancel,
    capture,
    change,
    confirm,
    dispute,
    put_back,
    refund,
)
from tests.ledger.conftest import Books
from tests.ledger.walks import REFUND_STATES

S = BookingState


async def test_confirmed_then_an_item_cancelled_then_all(books: Books) -> None:
    booking = await books.record(confirm(await books.open()), S.CONFIRMED)
    assert (await books.totals(booking))["GATEWAY stripe"] == TOTAL

    cancel(booking, {3: 10_000})
    refund(booking, TOUR - 10_000)
    booking = await books.record(booking, S.CONFIRMED)
    assert (await books.totals(booking))["GATEWAY stripe"] == TOTAL - TOUR + 10_000

    cancel(booking, {1: FLIGHT, 2: 0})
    refund(booking, HOTEL)
    booking = await books.record(booking, S.CANCELLED)
    assert await books.totals(booking) == {
        "FEES amadeus": -FLIGHT,
        "FEES viator": -10_000,
        "GATEWAY stripe": FLIGHT + 10_000,
    }
    assert await books.wrong(booking) == []
    assert await books.cases(booking) == []


async def test_confirmed_without_an_experience_that_cannot_be_undone(books: Books) -> None:
    booking = await books.record(confirm(await books.open(), [1, 2]), S.CONFIRMED)
    before = await books.entries(booking)
    for state in (S.NEEDS_ATTENTION, S.CONFIRMED):
        booking = await books.record(booking, state)
    assert await books.entries(booking) == before
    assert await books.wrong(booking) == []


async def test_taken_and_given_back_before_it_was_confirmed(books: Books) -> None:
    booking = put_back(capture(book(await books.open())))
    booking = await books.record(booking, S.NEEDS_ATTENTION)
    assert await books.totals(booking) == {"GATEWAY stripe": TOTAL, "SUSPENSE": -TOTAL}
    assert await books.wrong(booking) == []
    refund(booking, TOTAL)
    booking = await books.record(booking, S.FAILED)
    assert await books.totals(booking) == {}
    assert await books.wrong(booking) == []


async def test_a_refund_that_fails_long_after_the_end(books: Books) -> None:
    booking = cancel(
        await books.record(confirm(await books.open()), S.CONFIRMED), {1: 0, 2: 0, 3: 0}
    )
    made = refund(booking, TOTAL, "pending")
    booking = await books.record(booking, S.CANCELLED)
    change(booking, made, "failed")
    booking = await books.record(booking, S.NEEDS_ATTENTION)
    assert (await books.totals(booking))["SUSPENSE"] == -TOTAL
    booking.paid_by_hand = TOTAL
    booking = await books.record(booking, S.CANCELLED)
    assert await books.totals(booking) == {"GATEWAY by_hand": -TOTAL, "GATEWAY stripe": TOTAL}
    assert await books.wrong(booking) == []


async def test_disputes_won_and_lost(books: Books) -> None:
    booking = await books.record(confirm(await books.open()), S.CONFIRMED)
    lost = dispute(booking, FLIGHT, "open")
    won = dispute(booking, HOTEL, "open")
    booking = await books.record(booking, S.CONFIRMED)
    assert (await books.totals(booking))["SUSPENSE disputes"] == FLIGHT + HOTEL
    dispute(booking, FLIGHT, "lost", lost)
    dispute(booking, HOTEL, "won", won)
    booking = await books.record(booking, S.COMPLETED)
    totals = await books.totals(booking)
    assert (totals["SUSPENSE"], totals["GATEWAY stripe"]) == (FLIGHT, TOTAL - FLIGHT)
    assert "SUSPENSE disputes" not in totals
    assert await books.wrong(booking) == ["suspense"], "the flight stands and is not paid for"
    booking.goodwill += FLIGHT
    booking = await books.record(booking, S.COMPLETED)
    assert (await books.totals(booking))["FEES goodwill"] == FLIGHT
    assert await books.wrong(booking) == []


async def test_money_unaccounted_for_at_rest_is_a_case_until_it_adds_up(
    books: Books, caplog: pytest.LogCaptureFixture
) -> None:
    booking = cancel(await books.record(confirm(await books.open()), S.CONFIRMED), {3: 0})
    booking = await books.record(booking, S.CONFIRMED)  # a bug: nothing was given back
    assert (await books.totals(booking))["SUSPENSE"] == -TOUR
    assert await books.cases(booking) == [("INVARIANT", True)]
    assert "400.00 USD is still owed to the traveller" in caplog.text
    assert await books.wrong(booking) == ["suspense"]

    booking = await books.record(booking, S.CONFIRMED)  # still so: the same case
    assert await books.cases(booking) == [("INVARIANT", True)]

    refund(booking, TOUR)
    booking = await books.record(booking, S.CONFIRMED)
    assert "SUSPENSE" not in await books.totals(booking)
    assert await books.cases(booking) == [("INVARIANT", False)]
    assert await books.wrong(booking) == []


async def test_what_adds_up_while_it_is_parked_closes_the_case_as_well(books: Books) -> None:
    booking = cancel(await books.record(confirm(await books.open()), S.CONFIRMED), {3: 0})
    booking = await books.record(booking, S.CONFIRMED)
    booking = await books.record(booking, S.NEEDS_ATTENTION)
    refund(booking, TOUR)
    booking = await books.record(booking, S.NEEDS_ATTENTION)
    assert "SUSPENSE" not in await books.totals(booking)
    assert await books.cases(booking) == [("INVARIANT", True)]
    booking = await books.record(booking, S.CONFIRMED)
    assert await books.cases(booking) == [("INVARIANT", False)]


async def test_what_an_operator_calls_resolved_must_add_up_too(books: Books) -> None:
    booking = cancel(await books.record(confirm(await books.open()), S.CONFIRMED), {3: 0})
    booking = await books.record(booking, S.NEEDS_ATTENTION)
    before = await books.entries(booking)
    booking = await books.record(booking, S.CONFIRMED)
    assert await books.entries(booking) == before  # nothing moved, and that is what is wrong
    assert ("INVARIANT", True) in await books.cases(booking)


async def test_recording_a_transition_again_writes_nothing(books: Books) -> None:
    booking = confirm(await books.open())
    transition = Transition(booking=booking, from_state=S.PROCESSING, who="test", why="test")
    versions = set()
    for _ in range(2):
        async with books.sessions.begin() as session:
            versions.add(await record_transition(session, transition, HOOKS))
    assert len(versions) == 1
    assert len(await books.entries(booking)) == 4


async def test_entries_vanish_with_a_transition_that_is_not_committed(books: Books) -> None:
    booking = await books.open()
    following = confirm(booking.model_copy(deep=True))
    transition = Transition(booking=following, from_state=S.PROCESSING, who="test", why="test")
    async with books.sessions() as session:
        await record_transition(session, transition, HOOKS)
        await session.rollback()
    assert await books.entries(booking) == []
    assert (await books.stored(booking)).state is S.PROCESSING


async def test_many_bookings_at_once_keep_their_chains_apart(books: Books) -> None:
    async def live() -> list[str]:
        booking = await books.record(confirm(await books.open()), S.CONFIRMED)
        for _ in range(3):
            refund(booking, 1_000)
            booking.goodwill += 1_000
            booking = await books.record(booking, S.CONFIRMED)
        return await books.wrong(booking)

    assert await asyncio.gather(*(live() for _ in range(8))) == [[]] * 8


async def test_commission_comes_from_the_rule_of_that_moment(books: Books) -> None:
    async with books.sessions.begin() as session:
        await add_rule(
            session,
            supplier="viator",
            provider="Harbour Tours",
            basis_points=2000,
            valid_from=None,
            who="test",
        )
    booking = await books.record(confirm(await books.open()), S.CONFIRMED)
    assert (await books.totals(booking))["COMMISSION"] == -TOUR // 5


# -- what it costs -------------------------------------------------------------------------------


async def test_the_statements_of_a_booking(books: Books) -> None:
    """Nothing while no money moves; three for a confirmation, one to see that nothing is new."""
    ledger: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "ledger_" in statement or "commission_rules" in statement:
            ledger.append(statement)

    event.listen(books.engine.sync_engine, "before_cursor_execute", note)
    booking = book(await books.open())
    booking = await books.record(booking, S.PAYMENT_PENDING)
    booking = await books.record(booking, S.PROCESSING)
    assert ledger == []
    booking = await books.record(confirm(booking), S.CONFIRMED)
    assert len(ledger) == 3, ledger
    booking = await books.record(booking, S.CONFIRMED)
    assert len(ledger) == 4, ledger
    cancel(booking, {1: 0, 2: 0, 3: 0})
    refund(booking, TOTAL)
    await books.record(booking, S.CANCELLED)
    assert len(ledger) == 6, ledger


# -- older than the ledger -----------------------------------------------------------------------


async def test_bookings_older_than_the_ledger_are_caught_up(books: Books) -> None:
    booking = await books.paid_before_the_ledger(await books.open())
    assert await books.wrong(booking) == ["cash"]
    assert await catch_up(books.sessions) >= 1
    assert (await books.totals(booking))["FEES viator"] == -10_000
    assert await books.wrong(booking) == []
    assert await catch_up(books.sessions) == 0


# -- anything ------------------------------------------------------------------------------------

_MOVES = st.lists(
    st.tuples(
        st.sampled_from(["refund", "change", "dispute", "goodwill", "attention", "rest"]),
        st.integers(1, TOTAL),
        st.sampled_from(REFUND_STATES),
        st.sampled_from(["open", "won", "lost"]),
    ),
    max_size=6,
)


@settings(
    max_examples=15,
    deadline=None,
    # Shrinking on the database takes minutes; test_properties does it without one.
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(moves=_MOVES)
async def test_after_anything_the_check_finds_only_what_is_really_owed(
    books: Books, moves: list[tuple[str, int, str, str]]
) -> None:
    booking = await books.record(confirm(await books.open()), S.CONFIRMED)
    for kind, amount, status, decided in moves:
        paid = booking.payment
        state = booking.state
        if kind == "refund" and paid.captured > paid.refunded:
            refund(booking, min(amount, paid.captured - paid.refunded), status)
        elif kind == "change" and paid.refunds:
            change(booking, paid.refunds[0], status)
        elif kind == "dispute":
            dispute(booking, amount, decided, paid.disputes[0].id if paid.disputes else "")
        elif kind == "goodwill":
            booking.goodwill = amount
        elif kind in {"attention", "rest"}:
            state = S.NEEDS_ATTENTION if kind == "attention" else S.CONFIRMED
        booking = await books.record(booking, state)
    resting = booking.state is S.CONFIRMED
    waits = 0 <= booking.owed <= booking.disputed
    assert await books.wrong(booking) == (["suspense"] if resting and not waits else [])
    if resting:
        assert (("INVARIANT", True) in await books.cases(booking)) is not waits
