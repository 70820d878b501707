"""The published test payment methods and how each behaves (providers.md §1).

Only the last four digits are kept: no card number is anywhere in here.
"""

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Card:
    """How a test card behaves."""

    last4: str
    brand: str = "visa"
    code: str | None = None
    """Error code of every charge, None when charges succeed."""
    decline_code: str | None = None
    authenticates: bool = False
    """Asks for 3-D Secure before it is charged."""
    refund: str = "succeeded"
    """What becomes of refunds: succeeded, pending (succeeds later) or failed (fails later)."""
    disputed: Literal["dispute", "enquiry"] | None = None
    """The holder disputes every charge, or their bank enquires about it."""


def _declined(last4: str, decline_code: str, *, authenticates: bool = False) -> Card:
    return Card(last4, "visa", "card_declined", decline_code, authenticates)


TOKENS: Final[dict[str, Card]] = {
    "pm_card_visa": Card("4242"),
    "pm_card_visa_debit": Card("5556"),
    "pm_card_mastercard": Card("4444", "mastercard"),
    "pm_card_amex": Card("0005", "amex"),
    "pm_card_discover": Card("1117", "discover"),
    "pm_card_visa_chargeDeclined": _declined("0002", "generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": _declined("9995", "insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": _declined("9987", "lost_card"),
    "pm_card_visa_chargeDeclinedStolenCard": _declined("9979", "stolen_card"),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": _declined("6975", "card_velocity_exceeded"),
    "pm_card_chargeDeclinedFraudulent": _declined("0019", "fraudulent"),
    "pm_card_chargeDeclinedExpiredCard": Card("0069", "visa", "expired_card", "expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": Card("0127", "visa", "incorrect_cvc", "incorrect_cvc"),
    "pm_card_chargeDeclinedProcessingError": Card(
        "0119", "visa", "processing_error", "processing_error"
    ),
    "pm_card_chargeCustomerFail": _declined("0341", "generic_decline"),
    "pm_card_threeDSecureRequired": Card("3063", authenticates=True),
    "pm_card_threeDSecure2Required": Card("3220", authenticates=True),
    "pm_card_authenticationRequired": Card("3184", authenticates=True),
    "pm_card_authenticationRequiredOnSetup": Card("3155", authenticates=True),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": _declined(
        "3178", "insufficient_funds", authenticates=True
    ),
    "pm_card_createDispute": Card("0259", disputed="dispute"),
    "pm_card_createDisputeInquiry": Card("1976", disputed="enquiry"),
    "pm_card_pendingRefund": Card("7726", refund="pending"),
    "pm_card_refundFail": Card("5126", refund="failed"),
}
"""Test tokens by name."""

MESSAGES: Final[dict[str, str]] = {
    "card_declined": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": (
        "An error occurred while processing your card. Try again in a little bit."
    ),
    "authentication_required": (
        "Your card was declined. This transaction requires authentication."
    ),
}


def token_named(name: str) -> str | None:
    """Return the token of that name, in either spelling in use (with and without ``visa_``)."""
    for spelling in (name, name.replace("pm_card_", "pm_card_visa_"), name.replace("visa_", "")):
        if spelling in TOKENS:
            return spelling
    return None
