"""Intents: made, held, authenticated, taken, released; and the lists of them."""

import datetime as dt
import secrets
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from sandbox.payment_service.service import NAME, Document, Refused, Service, new_id
from sandbox.stripe.cards import MESSAGES, Card
from sandbox.world import Answer

_HOLD: Final = dt.timedelta(days=7)
_DISPUTED_FOR: Final = "fraudulent"


class Body(BaseModel):
    """What a request says; anything else is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Create(Body):
    """``POST /intents``."""

    amount: int = Field(ge=1, le=99_999_999_999)
    currency: str = Field(pattern="^[A-Z]{3}$")
    capture_method: Literal["manual", "automatic"]
    reference: str | None = Field(default=None, max_length=255)
    hold: int = Field(default=1, ge=1)
    metadata: dict[str, str] = {}


class Confirm(Body):
    """``POST /intents/{id}/confirm``."""

    payment_method: str
    return_url: str | None = None


class Capture(Body):
    """``POST /intents/{id}/capture``."""

    amount: int = Field(ge=1)


class Query(BaseModel):
    """``GET /intents?…``."""

    model_config = ConfigDict(extra="forbid")

    reference: str | None = None
    hold: int | None = None
    created_from: AwareDatetime | None = None
    created_to: AwareDatetime | None = None


def known_as(intent: Document) -> str:
    """Return what the log knows an intent by: its reference, else itself."""
    return str(intent["reference"] or intent["id"])


def answer(intent: Document, effect: str, amount: int) -> Answer:
    """Return the answer about an intent, with what the log wants to know."""
    shown = {**intent}
    extra = {"id": intent["id"], "amount": amount}
    return Answer(200, shown, effect=effect, reference=known_as(intent), extra=extra)


def log(service: Service, intent: Document, operation: str, effect: str, amount: int) -> None:
    """Write down what happened without anybody's request."""
    extra: dict[str, Any] = {"id": intent["id"], "amount": amount}
    service.world.log.append(NAME, operation, known_as(intent), effect, 0, **extra)


def create(service: Service, body: Create) -> Answer:
    """Plan a payment."""
    identifier = new_id("pay")
    intent: Document = {
        "id": identifier,
        "status": "requires_payment_method",
        **body.model_dump(),
        "amount_captured": 0,
        "amount_refunded": 0,
        "disputed": False,
        "payment_method": None,
        "transaction_id": None,
        "capture_before": None,
        "client_secret": f"{identifier}_secret_{secrets.token_hex(12)}",
        "next_action": None,
        "decline_code": None,
        "created_at": service.stamp(),
    }
    service.keep(service.intents, intent, "intent.created")
    return answer(intent, "created", body.amount)


def confirm(
    service: Service,
    intent: Document,
    body: Confirm,
    *,
    page: str,
    authenticate: bool = False,
    decline: bool = False,
    lasts: float | None = None,
) -> Answer:
    """Ask the card holder's bank.

    Args:
        service: where everything is.
        intent: the intent; changed.
        body: with which payment method.
        page: where the card holder is authenticated, if need be.
        authenticate: ask for authentication whatever the card.
        decline: decline whatever the card.
        lasts: the hold lapses after so many seconds, not after a week.

    Raises:
        Refused: wrong state, or 402 declined.
    """
    card = service.card(body.payment_method)
    _want(intent, "requires_payment_method", "requires_action")
    intent.update(payment_method=body.payment_method, decline_code=None, next_action=None)
    if decline:
        raise _declined(service, intent, "generic_decline")
    if not (card.authenticates or authenticate):
        return answer(intent, _held(service, intent, card, lasts), intent["amount"])
    redirect = {"url": page, "return_url": body.return_url}
    intent.update(
        status="requires_action",
        next_action={"type": "redirect_to_url", "redirect_to_url": redirect},
    )
    service.keep(service.intents, intent, "intent.requires_action")
    return answer(intent, "none", intent["amount"])


def authenticated(service: Service, intent: Document, *, succeeded: bool) -> str:
    """Go on after the traveller has been at the bank's page; return the effect."""
    _want(intent, "requires_action")
    intent["next_action"] = None
    if not succeeded:
        raise _declined(service, intent, "authentication_failure")
    return _held(service, intent, service.card(intent["payment_method"]))


def capture(service: Service, intent: Document, body: Capture) -> Answer:
    """Take what is held, or part of it; the rest is released."""
    expire(service, intent)
    _want(intent, "requires_capture")
    if body.amount > intent["amount"]:
        raise Refused(422, "amount_too_large", "More than is held cannot be taken.")
    _taken(service, intent, body.amount)
    return answer(intent, "captured", body.amount)


def cancel(service: Service, intent: Document) -> Answer:
    """Give the intent up, releasing what is held."""
    expire(service, intent)
    _want(intent, "requires_payment_method", "requires_action", "requires_capture")
    held = intent["status"] == "requires_capture"
    _released(service, intent)
    return answer(intent, "released" if held else "cancelled", intent["amount"])


def read(service: Service, intent: Document) -> Answer:
    """Return an intent as it is now."""
    expire(service, intent)
    return answer(intent, "none", intent["amount"])


def search(service: Service, query: Query) -> list[Document]:
    """Return the intents that a query asks for, oldest first."""

    def matches(intent: Document) -> bool:
        created = dt.datetime.fromisoformat(intent["created_at"])
        return (
            query.reference in (None, intent["reference"])
            and query.hold in (None, intent["hold"])
            and (query.created_from is None or query.created_from <= created)
            and (query.created_to is None or created < query.created_to)
        )

    return [intent for intent in service.intents.documents.values() if matches(intent)]


def expire(service: Service, intent: Document) -> None:
    """Release a hold that has lapsed."""
    if intent["status"] != "requires_capture" or not service.has_passed(intent["capture_before"]):
        return
    _released(service, intent)
    log(service, intent, "cancel", "released", intent["amount"])


def _held(service: Service, intent: Document, card: Card, lasts: float | None = None) -> str:
    if card.code is not None:
        raise _declined(service, intent, card.decline_code or card.code)
    intent["transaction_id"] = new_id("txn")
    if intent["capture_method"] == "automatic":
        _taken(service, intent, intent["amount"])
        return "captured"
    hold = _HOLD if lasts is None else dt.timedelta(seconds=lasts)
    intent.update(status="requires_capture", capture_before=service.stamp(hold))
    service.keep(service.intents, intent, "intent.authorised")
    if lasts is not None:
        service.world.spawn(_lapse(service, intent, lasts))
    return "authorised"


async def _lapse(service: Service, intent: Document, seconds: float) -> None:
    await service.world.pause(seconds)
    expire(service, intent)


def _taken(service: Service, intent: Document, amount: int) -> None:
    intent.update(status="succeeded", amount_captured=amount)
    service.keep(service.intents, intent, "intent.captured")
    if service.card(intent["payment_method"]).disputed == "dispute":
        dispute = {
            "id": new_id("dis"),
            "intent_id": intent["id"],
            "amount": amount,
            "currency": intent["currency"],
            "status": "open",
            "reason": _DISPUTED_FOR,
            "created_at": service.stamp(),
        }
        intent["disputed"] = True
        service.keep(service.intents, intent)
        service.keep(service.disputes, dispute, "dispute.created")
        log(service, intent, "dispute", "disputed", amount)


def _released(service: Service, intent: Document) -> None:
    intent.update(status="canceled", next_action=None)
    service.keep(service.intents, intent, "intent.canceled")


def _declined(service: Service, intent: Document, code: str) -> Refused:
    intent.update(
        status="requires_payment_method", payment_method=None, next_action=None, decline_code=code
    )
    service.keep(service.intents, intent, "intent.declined")
    message = MESSAGES.get(code, MESSAGES["card_declined"])
    return Refused(402, code, message, executed=True)


def _want(intent: Document, *states: str) -> None:
    if intent["status"] not in states:
        message = f"The intent is {intent['status']}; it must be {' or '.join(states)}."
        raise Refused(409, "wrong_state", message, executed=True)
