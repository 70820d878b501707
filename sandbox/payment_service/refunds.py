"""Refunds: succeeding at once, later, or failing, depending on the card."""

from typing import Final

from pydantic import Field

from sandbox.payment_service.intents import Body, known_as, log
from sandbox.payment_service.service import Document, Refused, Service, new_id
from sandbox.stripe.refunds import NOT_GIVEN_BACK
from sandbox.world import Answer

_BANK_SECONDS: Final = 2.0
"""How long the bank takes to settle a pending refund, or to send one back."""


class Create(Body):
    """``POST /refunds``."""

    intent_id: str
    amount: int = Field(ge=1)
    reference: str | None = Field(default=None, max_length=255)


def create(service: Service, body: Create) -> Answer:
    """Give money back."""
    intent = service.get(service.intents, body.intent_id)
    if any(
        dispute["intent_id"] == intent["id"] and dispute["status"] != "won"
        for dispute in service.disputes.documents.values()
    ):
        raise Refused(422, "charge_disputed", "The bank has taken it back already.", executed=True)
    left = intent["amount_captured"] - intent["amount_refunded"]
    if body.amount > left:
        message = f"Of what was taken, {left} is left to give back."
        raise Refused(422, "exceeds_captured", message, executed=True)
    card = service.card(intent["payment_method"])
    refund: Document = {
        "id": new_id("ref"),
        **body.model_dump(),
        "currency": intent["currency"],
        "status": "pending" if card.refund == "pending" else "succeeded",
        "failure_reason": None,
        "created_at": service.stamp(),
    }
    service.keep(service.refunds, refund, "refund.created")
    _count(service, intent)
    if card.refund != "succeeded":
        service.world.spawn(_settle(service, refund, card.refund))
    extra = {"id": refund["id"], "amount": body.amount}
    return Answer(200, {**refund}, effect="refunded", reference=known_as(intent), extra=extra)


async def _settle(service: Service, refund: Document, outcome: str) -> None:
    await service.world.pause(_BANK_SECONDS)
    if outcome == "failed":
        refund.update(status="failed", failure_reason="expired_or_canceled_card")
    else:
        refund["status"] = "succeeded"
    event = "refund.failed" if outcome == "failed" else "refund.updated"
    service.keep(service.refunds, refund, event)
    intent = service.get(service.intents, refund["intent_id"])
    _count(service, intent)
    if outcome == "failed":
        log(service, intent, "refund", "refund_failed", refund["amount"])


def _count(service: Service, intent: Document) -> None:
    intent["amount_refunded"] = sum(
        refund["amount"]
        for refund in service.refunds.documents.values()
        if refund["intent_id"] == intent["id"] and refund["status"] not in NOT_GIVEN_BACK
    )
    service.keep(service.intents, intent)
