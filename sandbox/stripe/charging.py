"""What becomes of a payment intent: confirming, authenticating, charging, capturing."""

from typing import Any

from sandbox.stripe import disputes, holds, objects
from sandbox.stripe.account import Account
from sandbox.stripe.cards import MESSAGES
from sandbox.stripe.errors import ApiError, unexpected_state
from sandbox.stripe.objects import Document, new_id

_CONFIRMABLE = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})


def confirm(
    account: Account,
    intent: Document,
    *,
    base_url: str,
    method: str | None = None,
    return_url: str | None = None,
    off_session: bool = False,
    error_on_action: bool = False,
    authenticate: bool = False,
    decline: bool = False,
) -> str:
    """Try to charge the intent and return the effect (authorised, captured or none).

    Args:
        account: where everything is.
        intent: the intent; changed.
        base_url: where the 3-D Secure page is.
        method: a payment method in place of the one it has.
        return_url: where the traveller goes after 3-D Secure.
        off_session: nobody is there to authenticate: a card that wants it is declined.
        error_on_action: as ``off_session``, asked for by ``error_on_requires_action``.
        authenticate: ask for 3-D Secure whatever the card.
        decline: decline whatever the card.

    Raises:
        ApiError: wrong state, or 402 declined.
    """
    if intent["status"] not in _CONFIRMABLE:
        raise unexpected_state(
            account.show(intent),
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
        )
    chosen = method or intent["payment_method"]
    if chosen is None:
        raise unexpected_state(
            account.show(intent),
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can"
            " either update the PaymentIntent with a payment method and then confirm it again, or"
            " confirm it again directly with a payment method.",
        )
    found = account.payment_method(chosen)
    card = account.card(found)
    intent.update(payment_method=found["id"], last_payment_error=None, next_action=None)
    if decline:
        raise _declined(account, intent, found, "card_declined", "generic_decline")
    if not (card.authenticates or authenticate):
        return charge(account, intent)
    if off_session or error_on_action:
        raise _declined(
            account, intent, found, "authentication_required", "authentication_required"
        )
    page = f"{base_url}/stripe/_authenticate/{intent['id']}"
    intent["status"] = "requires_action"
    intent["next_action"] = (
        {"type": "redirect_to_url", "redirect_to_url": {"return_url": return_url, "url": page}}
        if return_url
        else {
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": page},
        }
    )
    account.put(intent)
    account.emit("payment_intent.requires_action", intent)
    return "none"


def authenticated(account: Account, intent: Document, *, succeeded: bool) -> str:
    """Go on after the traveller has been at the 3-D Secure page; return the effect.

    Raises:
        ApiError: nothing waits for authentication, or the card is declined.
    """
    if intent["status"] != "requires_action":
        raise unexpected_state(
            account.show(intent),
            f"This PaymentIntent has a status of {intent['status']}: it does not wait for"
            " authentication.",
        )
    intent["next_action"] = None
    if succeeded:
        return charge(account, intent, three_d_secure=True)
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        last_payment_error={
            "type": "invalid_request_error",
            "code": "payment_intent_authentication_failure",
            "message": (
                "The provided PaymentMethod has failed authentication. You can provide"
                " payment_method_data or a new PaymentMethod to attempt to fulfill this"
                " PaymentIntent again."
            ),
        },
    )
    account.put(intent)
    account.emit("payment_intent.payment_failed", intent)
    return "none"


def charge(account: Account, intent: Document, *, three_d_secure: bool = False) -> str:
    """Charge the intent's payment method and return the effect (authorised or captured).

    Raises:
        ApiError: 402 declined.
    """
    method = account.payment_method(intent["payment_method"])
    card = account.card(method)
    if card.code is not None:
        raise _declined(account, intent, method, card.code, card.decline_code)
    manual = intent["capture_method"] == "manual"
    made = account.put(
        objects.charge(
            account.now(),
            intent,
            method,
            capture_before=holds.ends_at(account, intent) if manual else None,
        )
    )
    if three_d_secure:
        made["payment_method_details"]["card"]["three_d_secure"] = {
            "authentication_flow": "challenge",
            "electronic_commerce_indicator": "05",
            "result": "authenticated",
            "result_reason": None,
            "transaction_id": new_id("tds"),
            "version": "2.2.0",
        }
    intent["latest_charge"] = made["id"]
    if manual:
        intent.update(status="requires_capture", amount_capturable=intent["amount"])
        account.put(intent)
        account.emit("charge.succeeded", made)
        account.emit("payment_intent.amount_capturable_updated", intent)
        holds.watch(account, intent)
        return "authorised"
    taken(account, intent, intent["amount"])
    account.emit("charge.succeeded", made)
    account.emit("payment_intent.succeeded", intent)
    return "captured"


def taken(account: Account, intent: Document, amount: int) -> Document:
    """Take ``amount`` of the intent's charge, release the rest, and return the charge."""
    made = account.get("ch", intent["latest_charge"])
    made.update(captured=True, amount_captured=amount)
    intent.update(status="succeeded", amount_capturable=0, amount_received=amount)
    account.put(intent)
    account.put(made)
    card = account.card(account.payment_method(made["payment_method"]))
    if card.disputed is not None:
        disputes.opened(account, made, enquiry=card.disputed == "enquiry")
    return made


def _declined(
    account: Account, intent: Document, method: Document, code: str, decline_code: str | None
) -> ApiError:
    """Record a failed charge and return the 402 that tells of it."""
    message = MESSAGES.get(decline_code or "", MESSAGES.get(code, MESSAGES["card_declined"]))
    failed = objects.charge(account.now(), intent, method, capture_before=None)
    failed.update(
        paid=False, status="failed", failure_code=code, failure_message=message,
        outcome={**failed["outcome"], "network_status": "declined_by_network",
                 "reason": decline_code, "seller_message": "The bank declined the payment.",
                 "type": "issuer_declined"},
    )  # fmt: skip
    account.put(failed)
    details: dict[str, Any] = {
        "code": code,
        "decline_code": decline_code if code in ("card_declined", decline_code) else None,
        "charge": failed["id"],
        "payment_method": account.show(method),
    }
    error = ApiError(message, status=402, kind="card_error", executed=True, **details)
    intent.update(
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        latest_charge=failed["id"],
        last_payment_error=dict(error.error),
    )
    account.put(intent)
    account.emit("charge.failed", failed)
    account.emit("payment_intent.payment_failed", intent)
    error.error["payment_intent"] = account.show(intent)
    return error
