"""Payment intents: create, confirm, capture, cancel, list, search.

Each operation takes the request's parameters and returns what it did; the state machine is that
of providers.md §1, "PaymentIntent states".
"""

import re
from typing import Final

from sandbox.stripe import charging, forms, holds, objects
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError, unexpected_state
from sandbox.stripe.forms import Parameters
from sandbox.stripe.money import check_amount, check_currency, check_steps
from sandbox.stripe.objects import Document
from sandbox.world import Answer

_CONFIRM: Final = frozenset(
    {
        "allowed_payment_method_types",
        "error_on_requires_action",
        "off_session",
        "payment_method",
        "payment_method_types",
        "receipt_email",
        "return_url",
        "use_stripe_sdk",
    }
)
_CREATE: Final = _CONFIRM | {
    "amount",
    "automatic_payment_methods",
    "capture_method",
    "confirm",
    "currency",
    "customer",
    "description",
    "metadata",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
}
_CAPTURE: Final = frozenset({"amount_to_capture", "final_capture", "metadata"})
_CANCEL: Final = frozenset({"cancellation_reason"})
_REASONS: Final = frozenset({"abandoned", "duplicate", "fraudulent", "requested_by_customer"})
_CANCELLABLE: Final = frozenset(
    {"requires_payment_method", "requires_confirmation", "requires_action", "requires_capture"}
)
_CLAUSE: Final = re.compile(
    r"""\s*(?:metadata\[(?P<q>["'])(?P<key>[^"']+)(?P=q)\]|(?P<field>status|currency|customer))"""
    r"""\s*:\s*(?P<r>["'])(?P<value>[^"']*)(?P=r)\s*"""
)


def reference(intent: Document) -> str:
    """Return what the log knows an intent by: its booking, else itself."""
    return str(intent["metadata"].get("booking_id") or intent["id"])


def charge_of(account: Account, intent: Document) -> Document:
    """Return the charge through which the intent's money goes.

    Raises:
        ApiError: there is none.
    """
    if intent["latest_charge"] is None:
        raise ApiError(f"This PaymentIntent ({intent['id']}) has no charge.")
    return account.get("ch", intent["latest_charge"])


def done(
    account: Account, intent: Document, effect: str, amount: int, parameters: Parameters
) -> Answer:
    """Return the answer of an operation on an intent, with what the log wants to know."""
    return Answer(
        200,
        account.show(intent, forms.strings(parameters, "expand")),
        effect=effect,
        reference=reference(intent),
        extra={"id": intent["id"], "amount": amount},
    )


def create(
    account: Account,
    parameters: Parameters,
    *,
    base_url: str,
    authenticate: bool = False,
) -> Answer:
    """Make an intent, and confirm it at once when asked to."""
    forms.only(parameters, _CREATE)
    forms.required(parameters, "amount")
    amount = forms.integer(parameters, "amount") or 0
    currency = check_currency(forms.required(parameters, "currency"))
    check_steps(check_amount(amount, currency), currency, "amount")
    automatic = forms.mapping(parameters, "automatic_payment_methods")
    _refuse_types(parameters)
    types = forms.strings(parameters, "allowed_payment_method_types")
    if types and "card" not in types:
        raise ApiError(
            "The sandbox's account takes cards only.",
            code="payment_intent_invalid_parameter",
            param="allowed_payment_method_types",
        )
    confirm = forms.boolean(parameters, "confirm") or False
    if forms.text(parameters, "return_url") and not confirm:
        raise ApiError(
            "The parameter return_url cannot be passed when creating a PaymentIntent unless"
            " confirm is set to true.",
            param="return_url",
        )
    capture_method = forms.choice(
        parameters, "capture_method", {"automatic", "automatic_async", "manual"}
    )
    metadata = forms.metadata(parameters)
    customer = forms.text(parameters, "customer")
    if customer:
        account.get("cus", customer, "customer")
    chosen = forms.text(parameters, "payment_method")
    method = account.payment_method(chosen)["id"] if chosen else None
    intent = objects.payment_intent(
        account.now(),
        amount,
        currency,
        capture_method=capture_method or "automatic_async",
        customer=customer,
        description=forms.text(parameters, "description"),
        metadata=metadata,
        payment_method=method,
        payment_method_types=types or ["card"],
        automatic_payment_methods=None
        if types
        else {
            "allow_redirects": automatic.get("allow_redirects", "always"),
            "enabled": True,
        },
        receipt_email=forms.text(parameters, "receipt_email"),
        status="requires_confirmation" if method else "requires_payment_method",
    )
    account.put(intent)
    account.emit("payment_intent.created", intent)
    effect = "created"
    if confirm:
        effect = _confirm(account, intent, parameters, base_url=base_url, authenticate=authenticate)
        if effect == "none":
            effect = "created"
    return done(account, intent, effect, amount, parameters)


def confirm(
    account: Account,
    intent: Document,
    parameters: Parameters,
    *,
    base_url: str,
    authenticate: bool = False,
    decline: bool = False,
) -> Answer:
    """Ask the card holder's bank."""
    forms.only(parameters, _CONFIRM)
    effect = _confirm(
        account,
        intent,
        parameters,
        base_url=base_url,
        authenticate=authenticate,
        decline=decline,
    )
    return done(account, intent, effect, intent["amount"], parameters)


def _confirm(
    account: Account,
    intent: Document,
    parameters: Parameters,
    *,
    base_url: str,
    authenticate: bool = False,
    decline: bool = False,
) -> str:
    _refuse_types(parameters)
    # Stripe also takes "one_off" and "recurring" here.
    off_session = forms.text(parameters, "off_session") not in (None, "false")
    return charging.confirm(
        account,
        intent,
        base_url=base_url,
        method=forms.text(parameters, "payment_method"),
        return_url=forms.text(parameters, "return_url"),
        off_session=off_session,
        error_on_action=forms.boolean(parameters, "error_on_requires_action") or False,
        authenticate=authenticate,
        decline=decline,
    )


def _refuse_types(parameters: Parameters) -> None:
    """Refuse what version 2026-09-30.endive has removed."""
    if "payment_method_types" in parameters:
        raise ApiError(
            "The parameter payment_method_types is not supported any more. Use"
            " allowed_payment_method_types or excluded_payment_method_types.",
            code="payment_method_types_no_longer_supported",
            param="payment_method_types",
        )


def capture(account: Account, intent: Document, parameters: Parameters) -> Answer:
    """Take what is held, or part of it; the rest is released."""
    forms.only(parameters, _CAPTURE)
    asked = forms.integer(parameters, "amount_to_capture", least=1)
    holds.expire(account, intent)
    if intent["status"] != "requires_capture":
        raise unexpected_state(
            account.show(intent),
            "This PaymentIntent could not be captured because it has a status of"
            f" {intent['status']}. Only a PaymentIntent with one of the following statuses may be"
            " captured: requires_capture.",
        )
    amount = intent["amount_capturable"] if asked is None else asked
    if amount > intent["amount_capturable"]:
        raise ApiError(
            f"The amount to capture ({amount}) must be less than or equal to the capturable"
            f" amount ({intent['amount_capturable']}).",
            code="amount_too_large",
            param="amount_to_capture",
        )
    check_steps(amount, intent["currency"], "amount_to_capture")
    intent["metadata"] |= forms.metadata(parameters)
    charge = charging.taken(account, intent, amount)
    account.emit("charge.captured", charge)
    account.emit("payment_intent.succeeded", intent)
    return done(account, intent, "captured", amount, parameters)


def cancel(account: Account, intent: Document, parameters: Parameters) -> Answer:
    """Give the intent up, releasing what is held."""
    forms.only(parameters, _CANCEL)
    reason = forms.choice(parameters, "cancellation_reason", _REASONS)
    holds.expire(account, intent)
    if intent["status"] not in _CANCELLABLE:
        raise unexpected_state(
            account.show(intent),
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}."
            " Only a PaymentIntent with one of the following statuses may be canceled:"
            " requires_payment_method, requires_capture, requires_reauthorization,"
            " requires_confirmation, requires_action, processing.",
        )
    held = intent["status"] == "requires_capture"
    holds.cancelled(account, intent, reason)
    return done(account, intent, "released" if held else "cancelled", intent["amount"], parameters)


def retrieve(account: Account, intent: Document, parameters: Parameters) -> Answer:
    """Read an intent."""
    forms.only(parameters, {"client_secret"})
    holds.expire(account, intent)
    return done(account, intent, "none", intent["amount"], parameters)


def booking_in(query: str) -> str | None:
    """Return the booking that a search asks for, or None."""
    match = re.search(r"""metadata\[["']booking_id["']\]\s*:\s*["']([^"']*)["']""", query)
    return match[1] if match else None


def search(account: Account, parameters: Parameters) -> Answer:
    """Find intents by ``metadata['key']:'value'``, ``status:'…'`` and the like, joined by AND."""
    forms.only(parameters, {"query", "limit", "page"})
    query = forms.required(parameters, "query")
    found = account.shelves["pi"].newest_first()
    for part in re.split(r"\s+AND\s+", query.strip(), flags=re.IGNORECASE):
        match = _CLAUSE.fullmatch(part)
        if match is None:
            raise ApiError(f"We were unable to parse your search query: {query}", param="query")
        if match["key"]:
            found = [i for i in found if i["metadata"].get(match["key"]) == match["value"]]
        else:
            found = [i for i in found if i[match["field"]] == match["value"]]
    body = account.listed(
        "/v1/payment_intents/search",
        found,
        forms.strings(parameters, "expand"),
        limit=forms.integer(parameters, "limit"),
    )
    return Answer(
        200, {**body, "object": "search_result", "next_page": None}, reference=booking_in(query)
    )
