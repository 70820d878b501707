"""Further payments of a booking: how they are numbered.

A change that makes a booking dearer is paid by a payment of its own, a supplement: 1, 2, …
A booking's payments are told apart at the gateway by one count, ``hold`` (a hold that lapses is
replaced by another payment). Supplement n has the counts from ``n * 1000 + 1``, so keys made of
the count and look-ups by it work for supplements as they do for the first payment.
"""

from typing import Final

HOLDS: Final = 1000
"""So many counts each payment of a booking has; far more than a payment is ever made anew."""


def supplement_of(hold: int) -> int:
    """Return which supplement a count belongs to; 0 for the booking's first payment."""
    return hold // HOLDS


def first_hold(supplement: int) -> int:
    """Return the first count of a supplement (1, 2, …)."""
    return supplement * HOLDS + 1


def confirmations(hold: int, authorisations: int) -> range:
    """Return the counts under which authorisations of a payment were asked for.

    Args:
        hold: the payment's count.
        authorisations: how many have been asked for so far.
    """
    first = supplement_of(hold) * HOLDS
    return range(first + 1, first + authorisations + 1)
