"""Which way an order goes: chosen by the ending of its id, or from outside (providers.md §3)."""

from dataclasses import dataclass, field
from typing import Final

AT_FINISH: Final = ("booking_form_expired", "email", "insufficient_b2b_balance")
"""``finish`` answers it as an error, and nothing is begun."""
AT_STATUS: Final = ("soldout", "book_limit", "provider")
"""The order is begun and fails with it."""
AT_CANCEL: Final = ("order_not_cancellable",)
"""The order is booked and cannot be cancelled."""
UNKNOWN: Final = ("unknown_success", "unknown_soldout", "unknown_provider", "unknown_book_limit")
"""``finish`` and ``status`` answer ``unknown`` for a while, then what stands behind."""
BY_ORDER_ONLY: Final = ("success", "block", "charge", "3ds", "not_allowed", "3ds_wanted")
"""Not to be had by an ending, as in RateHawk's own sandbox; ``3ds_wanted`` is the status ``3ds``,
the others are errors at ``status``."""

SUFFIXES: Final = (*UNKNOWN, *AT_FINISH, *AT_STATUS, *AT_CANCEL)
"""The longer before the shorter that they end with."""
ALL: Final = (*SUFFIXES, *BY_ORDER_ONLY)


@dataclass
class Outcomes:
    """What was chosen from outside, and not met yet."""

    waiting: list[tuple[str, str | None]] = field(default_factory=list)
    """Outcome, and what the order's id must contain; None for the next order, whichever it is."""

    def choose(self, outcome: str, reference: str | None) -> None:
        """Have the next order go this way, or the next whose id contains ``reference``.

        Raises:
            ValueError: there is no such outcome.
        """
        if outcome not in ALL:
            raise ValueError(f"outcome {outcome!r} is unknown; known: {', '.join(ALL)}")
        self.waiting.append((outcome, reference))

    def draw(self, partner_order_id: str) -> str:
        """Return the outcome of a new order, "" for an ordinary one."""
        for chosen in self.waiting:
            if chosen[1] is None or chosen[1] in partner_order_id:
                self.waiting.remove(chosen)
                return chosen[0]
        return next((one for one in SUFFIXES if partner_order_id.endswith(one)), "")
