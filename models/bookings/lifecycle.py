"""The life of a booking, of its items and of its payment: kinds, states and allowed transitions.

Transitions are a table for each kind of booking (:func:`transitions_of`). The record obeys it, the
database enforces it (a trigger reads ``booking_transitions``, which migrations fill from here) and
docs/lifecycle.md is made from it.
"""

from collections.abc import Mapping
from enum import StrEnum


class BookingKind(StrEnum):
    """What is booked. Only trips have a trip option."""

    TRIP = "TRIP"
    RESERVATION = "RESERVATION"
    STAY = "STAY"
    HOTEL_PACKAGE = "HOTEL_PACKAGE"
    TOUR_PACKAGE = "TOUR_PACKAGE"


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


class StatusGroup(StrEnum):
    """What dashboards show of a state (contracts.md §5)."""

    PENDING = "Pending"
    CONFIRMED = "Confirmed"
    CANCELLED = "Cancelled"


_S = BookingState

STATES_OF: Mapping[StatusGroup, frozenset[BookingState]] = {
    StatusGroup.PENDING: frozenset(
        {
            _S.QUOTED,
            _S.PENDING,
            _S.VALIDATING,
            _S.HELD,
            _S.PAYMENT_PENDING,
            _S.PROCESSING,
            # of a time when bookings waited in it: what became of the trip, nobody has said
            _S.NEEDS_ATTENTION,
        }
    ),
    StatusGroup.CONFIRMED: frozenset({_S.CONFIRMED, _S.CHECKED_IN, _S.COMPLETED, _S.NO_SHOW}),
    StatusGroup.CANCELLED: frozenset({_S.CANCELLED, _S.EXPIRED, _S.FAILED}),
}
"""Each state is in exactly one group."""

GROUP_OF: Mapping[BookingState, StatusGroup] = {
    state: group for group, states in STATES_OF.items() for state in states
}

Transitions = Mapping[BookingState, frozenset[BookingState]]
"""To which states a booking may move, by the state it is in."""


def _table(moves: Mapping[BookingState, set[BookingState]]) -> Transitions:
    """Return a table in which every state may also be recorded again.

    Something else of the booking has changed then (an item was cancelled, money has moved), or a
    worker's successor recorded with other content what the worker had recorded already.
    """
    return {state: frozenset(moves[state] | {state}) for state in BookingState}


_TRIP: Transitions = _table(
    {
        _S.QUOTED: {_S.PENDING, _S.HELD, _S.EXPIRED, _S.CANCELLED},
        _S.PENDING: {_S.VALIDATING, _S.HELD, _S.FAILED, _S.CANCELLED, _S.EXPIRED},
        _S.VALIDATING: {_S.PROCESSING, _S.HELD, _S.FAILED, _S.CANCELLED, _S.NEEDS_ATTENTION},
        _S.HELD: {_S.PAYMENT_PENDING, _S.PROCESSING, _S.FAILED, _S.CANCELLED, _S.EXPIRED},
        _S.PAYMENT_PENDING: {
            _S.PROCESSING,
            _S.FAILED,
            _S.CANCELLED,
            _S.EXPIRED,
            _S.NEEDS_ATTENTION,
        },
        _S.PROCESSING: {
            _S.PAYMENT_PENDING,
            _S.CONFIRMED,
            _S.FAILED,
            _S.CANCELLED,
            # the hold ended while the card was asked
            _S.EXPIRED,
            _S.NEEDS_ATTENTION,
        },
        _S.CONFIRMED: {
            _S.CHECKED_IN,
            _S.COMPLETED,
            _S.NO_SHOW,
            _S.CANCELLED,
            _S.NEEDS_ATTENTION,
        },
        _S.CHECKED_IN: {_S.CONFIRMED, _S.COMPLETED, _S.CANCELLED, _S.NEEDS_ATTENTION},
        # where an operator's decision leads
        _S.NEEDS_ATTENTION: {
            _S.CONFIRMED,
            _S.CHECKED_IN,
            _S.COMPLETED,
            _S.CANCELLED,
            _S.FAILED,
            _S.EXPIRED,
            _S.NO_SHOW,
        },
        # What is over stays over. Only its money may still move: a refund that comes back, a
        # payment that succeeds too late, a dispute.
        _S.COMPLETED: {_S.NEEDS_ATTENTION},
        _S.CANCELLED: {_S.NEEDS_ATTENTION},
        _S.EXPIRED: {_S.NEEDS_ATTENTION},
        _S.NO_SHOW: {_S.NEEDS_ATTENTION},
        _S.FAILED: {_S.NEEDS_ATTENTION},
    }
)

_GIVEN_UP = {_S.FAILED, _S.CANCELLED, _S.EXPIRED}
_RESERVATION: Transitions = _table(
    {
        _S.QUOTED: set(),
        _S.PENDING: {_S.VALIDATING} | _GIVEN_UP,
        # confirmed at once where nothing is to be paid
        _S.VALIDATING: {_S.HELD, _S.PAYMENT_PENDING, _S.PROCESSING, _S.CONFIRMED} | _GIVEN_UP,
        # reserved at the venue, and no workflow runs: a person has to approve it
        _S.HELD: {_S.PAYMENT_PENDING, _S.PROCESSING, _S.CONFIRMED} | _GIVEN_UP,
        # HELD: paid for as far as it can be, and yet to be approved
        _S.PAYMENT_PENDING: {_S.HELD, _S.PROCESSING} | _GIVEN_UP,
        # the place is sold: what is left is to take the money
        _S.PROCESSING: {_S.PAYMENT_PENDING, _S.CONFIRMED} | _GIVEN_UP,
        # COMPLETED at once where a venue keeps no list of who has come
        _S.CONFIRMED: {_S.CHECKED_IN, _S.COMPLETED, _S.NO_SHOW, _S.CANCELLED},
        _S.CHECKED_IN: {_S.CONFIRMED, _S.COMPLETED, _S.CANCELLED},
        # a guest who comes after all
        _S.NO_SHOW: {_S.CHECKED_IN},
        _S.NEEDS_ATTENTION: set(),
        _S.COMPLETED: set(),
        _S.CANCELLED: set(),
        _S.EXPIRED: set(),
        _S.FAILED: set(),
    }
)

MARKET = frozenset({BookingKind.STAY, BookingKind.HOTEL_PACKAGE, BookingKind.TOUR_PACKAGE})
"""Kinds that are bought of providers: held first, out of a quote, and paid then."""

_MARKET: Transitions = _table(
    {
        # written down with its hold: a quote alone is no booking
        _S.QUOTED: {_S.HELD},
        # at once where nothing is to be paid
        _S.HELD: {_S.PAYMENT_PENDING, _S.PROCESSING} | _GIVEN_UP,
        # HELD: the card was declined, and another one may be tried until the hold ends
        _S.PAYMENT_PENDING: {_S.HELD, _S.PROCESSING} | _GIVEN_UP,
        # The stock is sold: what is left is to take the money. PAYMENT_PENDING: it could not be
        # taken, and another card may be tried; the stock stays sold meanwhile.
        _S.PROCESSING: {_S.PAYMENT_PENDING, _S.CONFIRMED} | _GIVEN_UP,
        # COMPLETED at once where nobody keeps a list of who has come
        _S.CONFIRMED: {_S.CHECKED_IN, _S.COMPLETED, _S.NO_SHOW, _S.CANCELLED},
        # CONFIRMED: checked in by mistake
        _S.CHECKED_IN: {_S.CONFIRMED, _S.COMPLETED, _S.CANCELLED},
        # a guest who comes after all
        _S.NO_SHOW: {_S.CHECKED_IN},
        _S.PENDING: set(),
        _S.VALIDATING: set(),
        _S.NEEDS_ATTENTION: set(),
        _S.COMPLETED: set(),
        _S.CANCELLED: set(),
        _S.EXPIRED: set(),
        _S.FAILED: set(),
    }
)

_TRANSITIONS: Mapping[BookingKind, Transitions] = {
    BookingKind.TRIP: _TRIP,
    BookingKind.RESERVATION: _RESERVATION,
    **dict.fromkeys(sorted(MARKET), _MARKET),
}


MARKET_STATES = frozenset(state for state in _MARKET if _MARKET[state] - {state}) | {
    _S.COMPLETED,
    _S.CANCELLED,
    _S.EXPIRED,
    _S.FAILED,
}
"""States that what is bought of providers may have."""


def transitions_of(kind: BookingKind) -> Transitions:
    """Return the table of a kind; empty for a kind that cannot be booked yet."""
    return _TRANSITIONS.get(kind, {})


BOOKABLE = tuple(kind for kind in BookingKind if transitions_of(kind))
"""Kinds of which there may be bookings."""


FIRST_STATES = frozenset({_S.QUOTED, _S.PENDING})
"""States a booking may be born in. What is bought of providers passes to HELD at once."""

FINAL_STATES = frozenset({_S.COMPLETED, _S.CANCELLED, _S.EXPIRED, _S.NO_SHOW, _S.FAILED})
"""Ends of a trip: only its money may still have to be settled."""

CLOSED_STATES = frozenset({_S.CANCELLED, _S.EXPIRED, _S.FAILED})
"""Ends without a trip: nothing may be held or kept but the fees of the terms."""

SETTLED_STATES = FINAL_STATES | {_S.CONFIRMED, _S.CHECKED_IN}
"""States in which no workflow runs for the booking: the record answers for it.

So it does for a booking that is HELD while no workflow waits (:func:`is_at_rest`)."""


def is_at_rest(state: BookingState, *, waits: bool) -> bool:
    """Tell whether no workflow runs for a booking, so that the record answers for it.

    ``waits`` says whether a workflow waits for its traveller.
    """
    return state in SETTLED_STATES or (state is BookingState.HELD and not waits)


def may_become(kind: BookingKind, current: BookingState, following: BookingState) -> bool:
    """Tell whether a booking of a kind may move from ``current`` to ``following``."""
    return following in transitions_of(kind).get(current, frozenset())


class CancelledBy(StrEnum):
    """Who cancelled a booking."""

    GUEST = "GUEST"
    PROVIDER = "PROVIDER"
    OPERATOR = "OPERATOR"

    @property
    def pays_fee(self) -> bool:
        """Whether the fee of the terms is kept: who does not deliver gives everything back."""
        return self is not CancelledBy.PROVIDER


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

    NOT_REQUIRED = "not_required"
    """There is nothing to pay: the amount is 0 and no payment method is known."""
    PENDING = "pending"
    AUTHORISED = "authorised"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RELEASED = "released"
    REFUNDED = "refunded"
    PARTIALLY_REFUNDED = "partially_refunded"


OPEN_STATUSES = frozenset({PaymentStatus.PENDING, PaymentStatus.AUTHORISED})
"""Money may be held, or may still come to be."""


class PaymentPurpose(StrEnum):
    """What a payment of a booking pays for."""

    BOOKING = "booking"
    """The booking as it was made."""
    CHANGE = "change"
    """What a later change costs more."""
