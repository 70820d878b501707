"""Refunds of captured money: full, partial, pending and failing ones."""

from typing import Final

from sandbox.stripe import disputes, forms
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError
from sandbox.stripe.forms import Parameters
from sandbox.stripe.intents import reference
from sandbox.stripe.money import check_steps
from sandbox.stripe.objects import Document, new_id
from sandbox.world import Answer

_CREATE: Final = frozenset({"amount", "charge", "metadata", "payment_intent", "reason"})
_REASONS: Final = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
NOT_GIVEN_BACK: Final = frozenset({"failed", "canceled"})
"""Refunds of these states gave nothing back."""
_BANK_SECONDS: Final = 2.0
"""How long the bank takes to settle a pending refund, or to send one back."""


def refunded(account: Account, intent_id: str) -> int:
    """Return what has been given back of an intent (minor units); pending refunds count."""
    return sum(
        refund["amount"]
        for refund in account.shelves["re"].documents.values()
        if refund["payment_intent"] == intent_id and refund["status"] not in NOT_GIVEN_BACK
    )


def intent_of(account: Account, parameters: Parameters) -> Document:
    """Return the intent a refund is asked of, by intent or by charge."""
    named = forms.text(parameters, "payment_intent")
    if named:
        return account.get("pi", named, "payment_intent")
    charge = account.get("ch", forms.required(parameters, "charge"), "charge")
    return account.get("pi", charge["payment_intent"], "payment_intent")


def create(account: Account, parameters: Parameters) -> Answer:
    """Give money back."""
    forms.only(parameters, _CREATE)
    asked = forms.integer(parameters, "amount", least=1)
    reason = forms.choice(parameters, "reason", _REASONS)
    metadata = forms.metadata(parameters)
    intent = intent_of(account, parameters)
    if intent["status"] != "succeeded":
        raise ApiError(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
            executed=True,
        )
    charge = account.get("ch", intent["latest_charge"])
    left = charge["amount_captured"] - refunded(account, intent["id"])
    left -= disputes.withdrawn(account, intent["id"])
    disputes.check_refundable(account, charge, left)
    if left == 0:
        raise ApiError(
            f"Charge {charge['id']} has already been refunded.",
            code="charge_already_refunded",
            executed=True,
        )
    amount = left if asked is None else asked
    if amount > left:
        raise ApiError(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).",
            param="amount",
            executed=True,
        )
    check_steps(amount, charge["currency"], "amount")
    refund = account.put(
        {
            "id": new_id("re"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": account.now(),
            "currency": charge["currency"],
            "destination_details": {
                "card": {
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "metadata": metadata,
            "payment_intent": intent["id"],
            "reason": reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "pending" if _fate(account, charge) == "pending" else "succeeded",
            "transfer_reversal": None,
        }
    )
    _count(account, charge)
    account.emit("refund.created", refund)
    account.emit("charge.refunded", charge)
    _watch(account, refund)
    return Answer(
        200,
        account.show(refund, forms.strings(parameters, "expand")),
        effect="refunded",
        reference=reference(intent),
        extra={"id": refund["id"], "amount": amount},
    )


def of(account: Account, parameters: Parameters) -> list[Document]:
    """Return the refunds of an intent or a charge, or all, newest first."""
    found = forms.created(parameters, account.shelves["re"].newest_first())
    for name in ("payment_intent", "charge"):
        if value := forms.text(parameters, name):
            found = [refund for refund in found if refund[name] == value]
    return found


def failed(account: Account, refund: Document, reason: str) -> None:
    """Have the bank send a refund back: its money returns to the account.

    Raises:
        ApiError: it gave nothing back anyway.
    """
    if refund["status"] in NOT_GIVEN_BACK:
        raise ApiError(f"Refund {refund['id']} is {refund['status']} already.")
    refund.update(status="failed", failure_reason=reason)
    _changed(account, refund)
    account.emit("refund.failed", refund)
    intent = account.get("pi", refund["payment_intent"])
    account.world.log.append(
        "stripe",
        "refund",
        reference(intent),
        "refund_failed",
        0,
        id=refund["id"],
        amount=refund["amount"],
    )


def watch_all(account: Account) -> None:
    """Go on with the refunds that an earlier process left unsettled."""
    for refund in [*account.shelves["re"].documents.values()]:
        _watch(account, refund)


def _fate(account: Account, charge: Document) -> str:
    """Return what becomes of refunds to the charge's card: succeeded, pending or failed."""
    return account.card(account.payment_method(charge["payment_method"])).refund


def _watch(account: Account, refund: Document) -> None:
    fate = _fate(account, account.get("ch", refund["charge"]))
    waits = {"pending": "pending", "failed": "succeeded"}.get(fate)
    if refund["status"] == waits:
        account.world.spawn(_settle(account, refund, fate))


async def _settle(account: Account, refund: Document, fate: str) -> None:
    before = refund["status"]
    await account.world.pause(_BANK_SECONDS)
    if account.world.closing.is_set() or refund["status"] != before:
        return
    if fate == "failed":
        failed(account, refund, "expired_or_canceled_card")
    else:
        refund["status"] = "succeeded"
        _changed(account, refund)


def _changed(account: Account, refund: Document) -> None:
    account.put(refund)
    _count(account, account.get("ch", refund["charge"]))
    account.emit("refund.updated", refund)
    account.emit("charge.refund.updated", refund)


def _count(account: Account, charge: Document) -> None:
    back = refunded(account, charge["payment_intent"])
    charge.update(amount_refunded=back, refunded=back == charge["amount_captured"])
    account.put(charge)
