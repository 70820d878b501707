"""What is refused about payments, refunds and their reconciliation."""

import datetime as dt

from models.bookings.booking import Booking
from models.bookings.problems import Problem
from models.core.domain_errors import DomainError
from models.core.money import Money


class NoCardExpected(DomainError):
    """The booking does not wait for another card."""

    def __init__(self, booking: Booking) -> None:
        super().__init__(f"booking {booking.id} waits for no card: it is {booking.state}")
        self.booking = booking


class CardInUse(DomainError):
    """Another card was sent a moment ago; the gateway has not answered yet."""

    def __init__(self, booking: Booking) -> None:
        super().__init__(f"booking {booking.id} asks another card this moment")
        self.booking = booking


class NothingToRefund(DomainError):
    """Nothing can be given back: the booking is not settled, or nothing of its money is left."""

    def __init__(self, booking: Booking) -> None:
        super().__init__(f"nothing can be given back of booking {booking.id}")
        self.booking = booking


class RefundTooLarge(DomainError):
    """More was to be given back than is ``left``."""

    def __init__(self, left: Money) -> None:
        super().__init__(f"only {left} is left to give back")
        self.left = left


class RefundRefused(DomainError):
    """The booking's workflow gave nothing back, for ``problem``.

    ``has_case``: a case about the booking's money is open, which comes first.
    """

    def __init__(self, problem: Problem, *, has_case: bool = False) -> None:
        super().__init__(f"nothing was given back: {problem.code}")
        self.problem = problem
        self.has_case = has_case


class RefundInOtherCurrency(DomainError):
    """Money goes back in the currency it was paid in. Both are ISO 4217 codes."""

    def __init__(self, *, paid: str, given: str) -> None:
        super().__init__(f"the booking was paid in {paid}, not in {given}")
        self.paid = paid
        self.given = given


class AmountNotPayable(DomainError):
    """Cards take this currency in multiples of ``step`` only."""

    def __init__(self, step: Money) -> None:
        super().__init__(f"cards take multiples of {step}")
        self.step = step


class DayNotReconciled(DomainError):
    """No reconciliation of this UTC day is on record."""

    def __init__(self, day: dt.date) -> None:
        super().__init__(f"{day} has not been reconciled")
        self.day = day
