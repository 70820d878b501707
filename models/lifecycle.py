"""The life of a booking, of its items and of its payment: states and allowed transitions.

The one table of transitions: the workflows obey it, the database enforces it (a trigger reads
``booking_transitions``, which a migration fills from here) and docs/lifecycle.md is made from it.
"""

from enum import StrEnum


class BookingState(StrEnum):
    """Where a booking stands (design.md, "States")."""

    QUOTED = "QUOTED"
    PENDING = "PENDING"
    VALIDATING = "VALIDATING"
    HELD = "HELD"
    PAYMENT_PENDING = "PAYMENT_PENDING"
    PROCESSING = "PROCESSING"
    CONFIRMED = "CONFIRMED"
    CHECKED_IN = "CHECKED_IN"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"
    NO_SHOW = "NO_SHOW"
    FAILED = "FAILED"
    NEEDS_ATTENTION = "NEEDS_ATTENTION"


_S = BookingState

TRANSITIONS: dict[BookingState, frozenset[BookingState]] = {
    _S.QUOTED: frozenset({_S.PENDING, _S.HELD, _S.EXPIRED, _S.CANCELLED}),
    _S.PENDING: frozenset({_S.VALIDATING, _S.HELD, _S.FAILED, _S.CANCELLED, _S.EXPIRED}),
    _S.VALIDATING: frozenset({_S.PROCESSING, _S.HELD, _S.FAILED, _S.CANCELLED, _S.NEEDS_ATTENTION}),
    _S.HELD: frozenset({_S.PAYMENT_PENDING, _S.PROCESSING, _S.FAILED, _S.CANCELLED, _S.EXPIRED}),
    _S.PAYMENT_PENDING: frozenset(
        {_S.PROCESSING, _S.FAILED, _S.CANCELLED, _S.EXPIRED, _S.NEEDS_ATTENTION}
    ),
    _S.PROCESSING: frozenset(
        {_S.PAYMENT_PENDING, _S.CONFIRMED, _S.FAILED, _S.CANCELLED, _S.NEEDS_ATTENTION}
    ),
    _S.CONFIRMED: frozenset(
        {
            # CONFIRMED again: an item was cancelled or changed and the rest stands
            _S.CONFIRMED,
            _S.CHECKED_IN,
            _S.COMPLETED,
            _S.NO_SHOW,
            _S.CANCELLED,
            _S.NEEDS_ATTENTION,
        }
    ),
    _S.CHECKED_IN: frozenset({_S.CONFIRMED, _S.COMPLETED, _S.CANCELLED, _S.NEEDS_ATTENTION}),
    _S.NEEDS_ATTENTION: frozenset(
        # where an operator's decision leads; NEEDS_ATTENTION again when something is left
        {_S.CONFIRMED, _S.CANCELLED, _S.FAILED, _S.EXPIRED, _S.NEEDS_ATTENTION}
    ),
    _S.COMPLETED: frozenset(),
    _S.CANCELLED: frozenset(),
    _S.EXPIRED: frozenset(),
    _S.NO_SHOW: frozenset(),
    _S.FAILED: frozenset(),
}

FIRST_STATES = frozenset({_S.QUOTED, _S.PENDING})
"""States a booking may be born in."""

FINAL_STATES = frozenset(state for state, following in TRANSITIONS.items() if not following)
"""States nothing leads out of."""

SETTLED_STATES = FINAL_STATES | {_S.CONFIRMED, _S.CHECKED_IN}
"""States in which no workflow runs for the booking: the record answers for it."""


def may_become(current: BookingState, following: BookingState) -> bool:
    """Tell whether a booking in ``current`` may move to ``following``."""
    return following in TRANSITIONS[current]


class CancelledBy(StrEnum):
    """Who cancelled a booking."""

    GUEST = "GUEST"
    PROVIDER = "PROVIDER"
    OPERATOR = "OPERATOR"


class ItemStatus(StrEnum):
    """Where an item stands, as callers see it (contracts.md §1, "Stored per component")."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


class SagaState(StrEnum):
    """Where an item stands in the saga: finer than its status, for operators."""

    PLANNED = "PLANNED"
    QUOTED = "QUOTED"
    BOOKING = "BOOKING"
    BOOKED = "BOOKED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    UNDOING = "UNDOING"
    UNDONE = "UNDONE"
    UNDO_FAILED = "UNDO_FAILED"


class PaymentStatus(StrEnum):
    """Where the money stands, as callers see it (contracts.md §1, "Stored per payment")."""

    PENDING = "pending"
    AUTHORISED = "authorised"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RELEASED = "released"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"
