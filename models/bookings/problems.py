"""Why something did not happen: stable codes, and what travellers and operators are told."""

from enum import StrEnum
from typing import Any

from pydantic import BaseModel


class Code(StrEnum):
    """Stable machine codes of why a booking failed or lost an item (part of the API's promise)."""

    PRICE_CHANGED = "PRICE_CHANGED"
    UNAVAILABLE = "UNAVAILABLE"
    INVALID_TRIP = "INVALID_TRIP"
    NO_EXCHANGE_RATE = "NO_EXCHANGE_RATE"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    AMOUNT_TOO_SMALL = "AMOUNT_TOO_SMALL"
    AUTHENTICATION_REQUIRED = "AUTHENTICATION_REQUIRED"
    SUPPLIER_DOWN = "SUPPLIER_DOWN"
    SUPPLIER_ANSWER_WRONG = "SUPPLIER_ANSWER_WRONG"
    HOLD_EXPIRED = "HOLD_EXPIRED"
    NOT_APPROVED = "NOT_APPROVED"
    PAYMENT_DOWN = "PAYMENT_DOWN"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    CANCELLED_BY_TRAVELER = "CANCELLED_BY_TRAVELER"
    CANCELLED_BY_OPERATOR = "CANCELLED_BY_OPERATOR"
    NOT_CANCELLABLE = "NOT_CANCELLABLE"
    NOT_CHANGEABLE = "NOT_CHANGEABLE"
    FEE_CHANGED = "FEE_CHANGED"
    NOT_REFUNDABLE = "NOT_REFUNDABLE"
    CASE_SETTLED = "CASE_SETTLED"
    NEEDS_ATTENTION = "NEEDS_ATTENTION"
    TRIP_TAKEN = "TRIP_TAKEN"
    CONFIGURATION = "CONFIGURATION"
    INTERNAL = "INTERNAL"


RETRY_AFTER = "retryAfter"
"""In ``Problem.details``: seconds until asking again may help, where somebody can tell."""


class Problem(BaseModel):
    """Why something did not happen: stable code, plain words, and what it concerned."""

    code: Code
    step: str
    """validate, authorise, flight, hotel, activity, capture, cancel, undo."""
    message: str
    """Which part failed and why. It may be a supplier's own words, cleaned, for operators."""
    plain: bool = False
    """``message`` is in our own words: whoever sent the request is told it."""
    field: str | None = None
    """The part of the request it is about, such as ``travelers[1].document.number``."""
    item: int | None = None
    provider_code: str | None = None
    """The supplier's or gateway's own code, for operators."""
    details: dict[str, Any] = {}
    """E.g. ``{"oldPrice": 200000, "newPrice": 210000}`` for PRICE_CHANGED."""
