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
        {
            # PAYMENT_PENDING again: another card was refused too, or wants a proof
            _S.PAYMENT_PENDING,
            _S.PROCESSING,
            _S.FAILED,
            _S.CANCELLED,
            _S.EXPIRED,
            _S.NEEDS_ATTENTION,
        }
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
    _S.CHECKED_IN: frozenset(
        {_S.CHECKED_IN, _S.CONFIRMED, _S.COMPLETED, _S.CANCELLED, _S.NEEDS_ATTENTION}
    ),
    _S.NEEDS_ATTENTION: frozenset(
        # where an operator's decision leads; NEEDS_ATTENTION again when something is left
        {
            _S.CONFIRMED,
            _S.CHECKED_IN,
            _S.COMPLETED,
            _S.CANCELLED,
            _S.FAILED,
            _S.EXPIRED,
            _S.NO_SHOW,
            _S.NEEDS_ATTENTION,
        }
    ),
    # A trip that is over stays over. Only its money may still move: a refund that comes back,
    # a payment that succeeds too late, a dispute. Then the same state is recorded again, or a
    # person must look.
    _S.COMPLETED: frozenset({_S.COMPLETED, _S.NEEDS_ATTENTION}),
    _S.CANCELLED: frozenset({_S.CANCELLED, _S.NEEDS_ATTENTION}),
    _S.EXPIRED: frozenset({_S.EXPIRED, _S.NEEDS_ATTENTION}),
    _S.NO_SHOW: frozenset({_S.NO_SHOW, _S.NEEDS_ATTENTION}),
    _S.FAILED: frozenset({_S.FAILED, _S.NEEDS_ATTENTION}),
}

FIRST_STATES = frozenset({_S.QUOTED, _S.PENDING})
"""States a booking may be born in."""

FINAL_STATES = frozenset({_S.COMPLETED, _S.CANCELLED, _S.EXPIRED, _S.NO_SHOW, _S.FAILED})
"""Ends of a trip: only its money may still have to be settled."""

CLOSED_STATES = frozenset({_S.CANCELLED, _S.EXPIRED, _S.FAILED})
"""Ends without a trip: nothing may be held or kept but the fees of the terms."""

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
    HELD = "HELD"
    """Kept for us at its supplier, to be completed."""
    AWAITED = "AWAITED"
    """Asked for; its supplier will say yes or no later, and the trip stands meanwhile."""
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
    NOT_REQUIRED = "not_required"
    """There is nothing to pay."""


class PaymentPurpose(StrEnum):
    """What a payment of a booking pays for."""

    BOOKING = "booking"
    """The booking as it was made."""
    CHANGE = "change"
    """What a later change costs more."""
