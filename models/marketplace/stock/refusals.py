"""Why stock is not to be had. Who raises one of these has changed nothing, or asks to roll back."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

from models.core.domain_errors import DomainError


class StockRefused(DomainError):
    """Something cannot be held, sold or moved.

    Attributes:
        code: stable, of the problem that callers are told (record-and-marketplace.md §1.5).
        details: facts for them; JSON, no personal data.
    """

    code: str

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class SoldOut(StockRefused):
    """There is less left than is wanted. Nothing was taken, not even what was left."""

    code = "SOLD_OUT"

    @classmethod
    def nights(cls, missing: Sequence[tuple[str, dt.date]]) -> "SoldOut":
        """Of these nights of these rooms, in order."""
        told = [{"room_id": room, "night": night.isoformat()} for room, night in missing]
        return cls(f"{len(missing)} nights are sold out", nights=told)

    @classmethod
    def departure(cls, departure_id: str) -> "SoldOut":
        """Of a departure."""
        return cls(f"departure {departure_id} has too few seats left", departure_id=departure_id)


class NotOnSale(StockRefused):
    """The offer is not for sale now: paused, archived, its provider suspended, or it has begun."""

    code = "NOT_ON_SALE"


class QuoteExpired(StockRefused):
    """The quote's time is over: another one has to be asked for."""

    code = "QUOTE_EXPIRED"


class QuoteTaken(StockRefused):
    """The quote has become another booking; ``booking_id`` of the details names it."""

    code = "QUOTE_TAKEN"


class TooManyHolds(StockRefused):
    """Somebody holds so much already, unpaid, that nothing more is held for them."""

    code = "TOO_MANY_HOLDS"
