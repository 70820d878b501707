"""Transitions are a table for each kind: complete, and the same in code and database."""

from itertools import pairwise

import psycopg
import pytest

from models.bookings.lifecycle import (
    FINAL_STATES,
    FIRST_STATES,
    GROUP_OF,
    MARKET,
    STATES_OF,
    BookingKind,
    BookingState,
    StatusGroup,
    may_become,
    transitions_of,
)

TRANSITIONS = transitions_of(BookingKind.TRIP)


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(BookingState)


def test_every_state_can_be_reached() -> None:
    reached = set(FIRST_STATES)
    while fresh := set().union(*(TRANSITIONS[state] for state in reached)) - reached:
        reached |= fresh
    assert reached == set(BookingState)


def test_nothing_leads_out_of_a_final_state() -> None:
    assert {
        BookingState.COMPLETED,
        BookingState.CANCELLED,
        BookingState.EXPIRED,
        BookingState.NO_SHOW,
        BookingState.FAILED,
    } == FINAL_STATES


def test_the_database_has_the_same_table(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute("SELECT kind, from_state, to_state FROM booking_transitions")
        stored = set(rows.fetchall())
    assert stored == {
        (kind.value, a.value, b.value)
        for kind in BookingKind
        for a, following in transitions_of(kind).items()
        for b in following
    }


def test_every_state_is_in_one_group_of_what_dashboards_show() -> None:
    shown = {
        StatusGroup.PENDING: "QUOTED PENDING VALIDATING HELD PAYMENT_PENDING PROCESSING"
        " NEEDS_ATTENTION",
        StatusGroup.CONFIRMED: "CONFIRMED CHECKED_IN COMPLETED NO_SHOW",
        StatusGroup.CANCELLED: "CANCELLED EXPIRED FAILED",
    }
    assert {group: set(states.split()) for group, states in shown.items()} == STATES_OF
    assert sorted(BookingState) == sorted(state for group in STATES_OF.values() for state in group)
    assert {state: group for group, states in STATES_OF.items() for state in states} == GROUP_OF


def test_a_hold_may_end_while_the_card_is_asked() -> None:
    assert may_become(BookingKind.TRIP, BookingState.PROCESSING, BookingState.EXPIRED)


@pytest.mark.parametrize("kind", sorted(MARKET))
def test_what_is_bought_is_held_and_then_paid(kind: BookingKind) -> None:
    s = BookingState
    tries = [s.HELD, s.PAYMENT_PENDING, s.HELD, s.PAYMENT_PENDING, s.PROCESSING]
    life = [s.QUOTED, *tries, s.PAYMENT_PENDING, s.PROCESSING, s.CONFIRMED, s.CHECKED_IN]
    assert all(may_become(kind, a, b) for a, b in pairwise([*life, s.COMPLETED]))
    assert not may_become(kind, BookingState.QUOTED, BookingState.CONFIRMED)
    assert not may_become(kind, BookingState.EXPIRED, BookingState.HELD)


BOOKING = """
INSERT INTO bookings (id, reference, caller_id, idempotency_key, fingerprint, run_id,
    trip_option_id, traveler_id, state, version, currency, accepted_total, captured, refunded,
    paid_by_hand, goodwill, grants, travelers, contact, warnings, created_at, updated_at)
VALUES (gen_random_uuid(), gen_random_uuid()::text, gen_random_uuid(), gen_random_uuid()::text,
    'f', 'r', 't', 'trv', %s, 1, 'USD', 100, 0, 0, 0, 0, '[]',
    '[]', '{}', '[]', now(), now()) RETURNING id
"""


def test_the_database_refuses_other_transitions(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(BOOKING, ["PENDING"]).fetchone()
        assert row is not None
        with pytest.raises(psycopg.errors.CheckViolation, match="cannot become CONFIRMED"):
            connection.execute(
                "UPDATE bookings SET state = 'CONFIRMED', version = 2 WHERE id = %s", row
            )


def test_the_database_refuses_a_version_left_out(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(BOOKING, ["PENDING"]).fetchone()
        assert row is not None
        with pytest.raises(psycopg.errors.CheckViolation, match="version"):
            connection.execute("UPDATE bookings SET state = 'VALIDATING' WHERE id = %s", row)


def test_the_database_refuses_a_booking_born_confirmed(database_url: str) -> None:
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(psycopg.errors.CheckViolation, match="born"),
    ):
        connection.execute(BOOKING, ["CONFIRMED"])


def test_the_database_refuses_to_capture_more_than_was_accepted(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(BOOKING, ["PENDING"]).fetchone()
        assert row is not None
        with pytest.raises(psycopg.errors.CheckViolation, match="money"):
            connection.execute(
                "UPDATE bookings SET state='VALIDATING', version=2, captured=101 WHERE id=%s", row
            )
