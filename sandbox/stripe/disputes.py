"""Disputes: a card holder takes the money back through their bank, until somebody decides.

Source: https://docs.stripe.com/disputes; specs/stripe (``dispute``). The money leaves the account
when the dispute is opened and comes back when it is won. An enquiry (``warning_…``) moves none.
"""

from typing import Final, Literal

from sandbox.stripe import forms
from sandbox.stripe.account import Account
from sandbox.stripe.errors import ApiError
from sandbox.stripe.forms import Parameters
from sandbox.stripe.objects import Document, new_id

_RESPONSE_SECONDS: Final = 9 * 86_400
_CLOSED: Final = frozenset({"won", "lost", "warning_closed"})
_WITHDRAWN: Final = frozenset({"needs_response", "under_review", "lost"})
"""The money is with the card holder."""


def withdrawn(account: Account, intent_id: str) -> int:
    """Return what disputes have taken back of an intent and not returned."""
    return sum(
        dispute["amount"]
        for dispute in account.shelves["du"].documents.values()
        if dispute["payment_intent"] == intent_id and dispute["status"] in _WITHDRAWN
    )


def opened(
    account: Account, charge: Document, amount: int | None = None, *, enquiry: bool = False
) -> Document:
    """Open a dispute over a charge, or an enquiry, and return it.

    Raises:
        ApiError: nothing was taken, or more is disputed than is left.
    """
    intent_id = charge["payment_intent"]
    left = charge["amount_captured"] - charge["amount_refunded"] - withdrawn(account, intent_id)
    if not charge["captured"] or left <= 0 or (amount is not None and not 0 < amount <= left):
        raise ApiError(f"Charge {charge['id']} has no {amount or 'money'} left to dispute.")
    dispute = account.put(
        {
            "id": new_id("du"),
            "object": "dispute",
            "amount": left if amount is None else amount,
            "balance_transactions": [],
            "charge": charge["id"],
            "created": account.now(),
            "currency": charge["currency"],
            "enhanced_eligibility_types": [],
            "evidence": {},
            "evidence_details": {
                "due_by": account.now() + _RESPONSE_SECONDS,
                "enhanced_eligibility": {},
                "has_evidence": False,
                "past_due": False,
                "submission_count": 0,
            },
            "is_charge_refundable": enquiry,
            "livemode": False,
            "metadata": {},
            "payment_intent": intent_id,
            "reason": "fraudulent",
            "status": "warning_needs_response" if enquiry else "needs_response",
        }
    )
    charge["disputed"] = True
    account.put(charge)
    account.emit("charge.dispute.created", dispute)
    if not enquiry:
        _note(account, dispute, "disputed", "charge.dispute.funds_withdrawn")
    return dispute


def closed(account: Account, dispute: Document, outcome: Literal["won", "lost"]) -> None:
    """End a dispute. A lost enquiry takes the money and ends at once.

    Raises:
        ApiError: it has ended already.
    """
    if dispute["status"] in _CLOSED:
        raise ApiError("This dispute is already closed.", param="dispute")
    enquiry = dispute["status"].startswith("warning_")
    dispute["status"] = "warning_closed" if enquiry and outcome == "won" else outcome
    dispute["is_charge_refundable"] = outcome == "won"
    account.put(dispute)
    if enquiry and outcome == "lost":
        _note(account, dispute, "disputed", "charge.dispute.funds_withdrawn")
    if not enquiry and outcome == "won":
        _note(account, dispute, "reinstated", "charge.dispute.funds_reinstated")
    account.emit("charge.dispute.closed", dispute)


def check_refundable(account: Account, charge: Document, left: int) -> None:
    """Refuse to refund what the card holder's bank has taken back; ``left`` is what is left then.

    Raises:
        ApiError: code ``charge_disputed``.
    """
    if left > 0:
        return
    for dispute in account.shelves["du"].documents.values():
        if dispute["charge"] == charge["id"] and not dispute["is_charge_refundable"]:
            raise ApiError(
                f"Charge {charge['id']} has been charged back; cannot issue a refund.",
                code="charge_disputed",
                executed=True,
            )


def of(account: Account, parameters: Parameters) -> list[Document]:
    """Return the disputes of an intent or a charge, or all, newest first."""
    found = forms.created(parameters, account.shelves["du"].newest_first())
    for name in ("payment_intent", "charge"):
        if value := forms.text(parameters, name):
            found = [dispute for dispute in found if dispute[name] == value]
    return found


def _note(account: Account, dispute: Document, effect: str, kind: str) -> None:
    account.emit(kind, dispute)
    intent = account.get("pi", dispute["payment_intent"])
    account.world.log.append(
        "stripe",
        "dispute",
        intent["metadata"].get("booking_id", intent["id"]),
        effect,
        0,
        id=dispute["id"],
        amount=dispute["amount"],
    )
