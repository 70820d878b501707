"""What suppliers have under a booking's references though the record knows nothing of it.

References are made of the booking's id and the item's number alone (``models.core.keys``), so they
can be asked for after the database that made them has been lost.
"""

import asyncio
import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from models.core.errors import ProviderError
from models.core.keys import is_booking_id, item_reference
from models.core.supply import GONE, Reservation
from suppliers.core.protocol import FindsReservations, Supplier

MISSES = 3
"""After so many numbers in a row that nobody knows, the search ends. Items are numbered without
gaps, but one may be at a supplier that cannot be asked."""
MOST = 100
"""How many numbers are asked for at most: a trip has up to 20 components, its changes add some."""


@dataclass
class Standing:
    """What is live at the suppliers, for people, and who could not say."""

    live: list[str] = field(default_factory=list)
    unasked: set[str] = field(default_factory=set)

    def __str__(self) -> str:
        found = "; ".join(self.live) or "nothing"
        if not self.unasked:
            return found
        return f"{found} (not to be asked: {', '.join(sorted(self.unasked))})"


class ForgottenReservations:
    """Asks every supplier that can look our references up."""

    def __init__(self, suppliers: Mapping[str, Supplier]) -> None:
        self._suppliers = suppliers

    async def standing(self, booking_id: str, since: dt.datetime, *, known: int = 0) -> Standing:
        """Return what stands under a booking's references after the first ``known`` items.

        A supplier that gives no answer, or has no look-up, is named.

        Args:
            booking_id: as the payment names it; nobody is asked about one that is no UUID.
            since: before the booking's payment was made (UTC).
            known: how many items the record has.
        """
        result = Standing()
        if not is_booking_id(booking_id):
            return result
        asked: dict[str, FindsReservations] = {}
        for name, supplier in self._suppliers.items():
            if isinstance(supplier, FindsReservations):
                asked[name] = supplier
            else:
                result.unasked.add(name)
        misses = 0
        for number in range(known + 1, known + 1 + MOST):
            reference = item_reference(booking_id, number)
            answers = await asyncio.gather(
                *(one.find(reference, since=since) for one in asked.values()),
                return_exceptions=True,
            )
            found = False
            for name, answer in zip(asked, answers, strict=True):
                if isinstance(answer, ProviderError):
                    result.unasked.add(name)
                elif isinstance(answer, BaseException):
                    raise answer
                elif answer is not None:
                    found = True
                    if answer.status not in GONE:
                        result.live.append(_named(answer, name))
            misses = 0 if found else misses + 1
            asked = {name: one for name, one in asked.items() if name not in result.unasked}
            if misses == MISSES or not asked:
                break
        return result


def _named(found: Reservation, supplier: str) -> str:
    return f"{supplier} {found.confirmation_code} ({found.reference})"
