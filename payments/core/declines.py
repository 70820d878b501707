"""Why a card was refused, classified once: words for the traveller, our own code, what may help.

Source of the codes: https://docs.stripe.com/declines/codes ("Card decline codes") and, for error
codes, https://docs.stripe.com/error-codes. What Stripe asks to present as a generic decline (lost,
stolen, suspected of fraud) reads here like one; only the advice differs.
"""

from dataclasses import dataclass
from typing import Final

from models.payments.messages import Advice


@dataclass(frozen=True)
class Decline:
    """What a refused card means."""

    code: str
    """Our code, stable: the same whatever the gateway calls it."""
    words: str
    """For the traveller, one sentence."""
    advice: Advice
    transient: bool = False
    """The same card may pass soon: worth a few more tries, each under a new key."""


_OTHER_CARD, _DO_NOT_RETRY = Advice.OTHER_CARD, Advice.DO_NOT_RETRY
_PLAIN: Final = "Your bank declined the payment."

GENERIC: Final = Decline("card_declined", _PLAIN, _OTHER_CARD)
"""The bank gave no reason, or one that we do not know."""
_SUSPECT: Final = Decline("card_declined", _PLAIN, _DO_NOT_RETRY)
_BUSY: Final = Decline(
    "bank_unavailable", "Your bank could not be reached just now.", _OTHER_CARD, transient=True
)
_FUNDS: Final = Decline(
    "insufficient_funds",
    "There is not enough money or credit on the card for this payment.",
    _OTHER_CARD,
)
_LIMIT: Final = Decline(
    "limit_exceeded", "The payment is more than the card's limit allows.", _OTHER_CARD
)
_EXPIRED: Final = Decline("card_expired", "The card has expired.", _OTHER_CARD)
_NUMBER: Final = Decline("card_details", "The card number is not right.", _OTHER_CARD)
_SECURITY_CODE: Final = Decline(
    "card_details", "The card's security code is not right.", _OTHER_CARD
)
_EXPIRY: Final = Decline("card_details", "The card's expiry date is not right.", _OTHER_CARD)
_ADDRESS: Final = Decline(
    "card_details", "The billing address does not match the card's.", _OTHER_CARD
)
_DETAILS: Final = Decline(
    "card_details", "Your bank did not recognise the details of the card.", _OTHER_CARD
)
_KIND: Final = Decline(
    "card_not_accepted", "The card cannot be used for this kind of purchase.", _OTHER_CARD
)
_CURRENCY: Final = Decline(
    "card_not_accepted", "The card cannot be charged in this currency.", _OTHER_CARD
)
_INVALID: Final = Decline("card_not_accepted", "The card can no longer be used.", _OTHER_CARD)
_IN_PERSON: Final = Decline(
    "card_not_accepted", "The card can only be used in person.", _OTHER_CARD
)
_APPROVAL: Final = Decline(
    "authentication_required",
    "Your bank wants you to approve the payment, and it was not approved.",
    _OTHER_CARD,
)
_TWICE: Final = Decline(
    "duplicate", "Your bank took the payment for one it has only just seen.", _OTHER_CARD
)
_OFTEN: Final = Decline("card_declined", "The card has been declined too often today.", _OTHER_CARD)
_AMOUNT: Final = Decline(
    "amount_not_accepted", "Your bank does not allow a payment of this amount.", _OTHER_CARD
)
_ENDED: Final = Decline(
    "hold_ended", "The amount that was set aside on the card is no longer set aside.", _OTHER_CARD
)
_TEST_CARD: Final = Decline(
    "card_not_accepted", "A test card cannot pay for a real trip.", _OTHER_CARD
)

_BY_MEANING: Final[dict[Decline, str]] = {
    GENERIC: """
        card_declined generic_decline do_not_honor call_issuer no_action_taken approval_required
        not_permitted service_not_allowed transaction_not_allowed security_violation
        stop_payment_order revocation_of_authorization revocation_of_all_authorizations
        payment_method_customer_decline payment_method_provider_decline
        payment_intent_payment_attempt_failed refer_to_customer
    """,
    _SUSPECT: """
        fraudulent lost_card stolen_card pickup_card restricted_card merchant_blacklist
        do_not_try_again
    """,
    _BUSY: """
        processing_error try_again_later issuer_not_available reenter_transaction approve_with_id
        payment_method_provider_timeout three_d_secure_authentication_upstream_error
    """,
    _FUNDS: "insufficient_funds",
    _LIMIT: """
        card_velocity_exceeded withdrawal_count_limit_exceeded charge_exceeds_source_limit
        charge_exceeds_transaction_limit
    """,
    _EXPIRED: "expired_card expired_payment_method",
    _NUMBER: "incorrect_number invalid_number",
    _SECURITY_CODE: "incorrect_cvc invalid_cvc",
    _EXPIRY: "invalid_expiry_month invalid_expiry_year",
    _ADDRESS: "incorrect_address incorrect_zip incorrect_postal_code postal_code_invalid",
    _DETAILS: "confirm_card_data",
    _KIND: "card_not_supported invalid_card_type payment_method_restricted country_unsupported",
    _CURRENCY: "currency_not_supported payment_method_currency_mismatch",
    _INVALID: """
        invalid_account new_account_information_available payment_method_not_available
        payment_method_unactivated
    """,
    _IN_PERSON: """
        incorrect_pin invalid_pin pin_try_exceeded offline_pin_required
        online_or_offline_pin_required mobile_device_authentication_required
    """,
    _APPROVAL: """
        authentication_required authentication_not_handled authentication_failure
        payment_intent_authentication_failure payment_intent_action_required
        payment_intent_payment_attempt_expired three_d_secure_authentication_not_supported
    """,
    _TWICE: "duplicate_transaction",
    _OFTEN: "card_decline_rate_limit_exceeded payment_intent_rate_limit_exceeded",
    _AMOUNT: "invalid_amount invalid_charge_amount amount_too_large amount_too_small",
    _ENDED: "authorisation_expired charge_expired_for_capture capture_charge_authorization_expired",
    _TEST_CARD: "testmode_decline testmode_charges_only",
}

DECLINES: Final[dict[str, Decline]] = {
    code: decline for decline, codes in _BY_MEANING.items() for code in codes.split()
}
"""Every code that we know, by the gateway's name for it."""

_UNEXPLAINED: Final = frozenset(
    {"card_declined", "generic_decline", "do_not_honor", "call_issuer", "no_action_taken"}
)
_ADVICE_CODES: Final = frozenset({"try_again_later", "do_not_try_again", "confirm_card_data"})


def explain(code: str | None) -> Decline:
    """Return what a decline means, by the gateway's code; an unknown one is a generic decline."""
    return DECLINES.get(code or "", GENERIC)


def telling_code(
    code: str | None, decline_code: str | None, advice_code: str | None = None
) -> str | None:
    """Return which of Stripe's codes says most about a refused card.

    A decline code says more than an error code. Where neither gives a reason, the bank's advice
    does (https://docs.stripe.com/declines/card, "Retrying issuer declines"): ``do_not_try_again``
    and ``try_again_later`` were decline codes themselves before they became advice. Where the
    reason is known (expired, wrong data), the advice is about that one card and adds nothing.
    """
    reason = decline_code or code
    if advice_code in _ADVICE_CODES and (reason is None or reason in _UNEXPLAINED):
        return advice_code
    return reason
