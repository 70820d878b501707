"""What the service keeps, and its refusals."""

import datetime as dt
import secrets
from typing import Any, Final

from sandbox.payment_service.events import Events
from sandbox.stripe.cards import TOKENS, Card, token_named
from sandbox.stripe.errors import ApiError
from sandbox.stripe.idempotency import IdempotencyKeys
from sandbox.world import Answer, Shelf, World

Document = dict[str, Any]

NAME: Final = "payment_service"


class Refused(ApiError):
    """An error answer: HTTP status and ``{"error": {"code", "message"}}``.

    ``executed``: the operation had begun, so that the answer is kept under the idempotency key.
    """

    def __init__(self, status: int, code: str, message: str, *, executed: bool = False) -> None:
        super().__init__(message, status=status, executed=executed)
        self.error = {"code": code, "message": message}


def in_our_shape(answer: Answer) -> Answer:
    """Return an answer whose error, if it is one, has the service's shape.

    The idempotency keys are Stripe's sandbox's and speak as it does.
    """
    error = (answer.body or {}).get("error") if answer.status >= 400 else None
    if error and "type" in error:
        reused = error["type"] == "idempotency_error"
        code = "idempotency_key_reused" if reused else error.get("code", "invalid_request")
        answer.status = 422 if reused else answer.status
        answer.body = {"error": {"code": code, "message": error["message"]}}
    return answer


class Service:
    """The documents of the service."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.intents = world.shelf(f"{NAME}.intents")
        self.refunds = world.shelf(f"{NAME}.refunds")
        self.disputes = world.shelf(f"{NAME}.disputes")
        self.events = Events(world)
        self.keys = IdempotencyKeys(world.shelf(f"{NAME}.idempotency_keys"))

    def stamp(self, ahead: dt.timedelta = dt.timedelta(0)) -> str:
        """Return the time now, or ``ahead`` of now, as answers write it."""
        return (self.world.now() + ahead).isoformat().replace("+00:00", "Z")

    def has_passed(self, stamp: str) -> bool:
        """Tell whether a written time is over."""
        return dt.datetime.fromisoformat(stamp) <= self.world.now()

    def get(self, shelf: Shelf, identifier: str) -> Document:
        """Return a document.

        Raises:
            Refused: 404 ``not_found``.
        """
        document = shelf.get(identifier)
        if document is None:
            raise Refused(404, "not_found", f"There is no {identifier!r}.")
        return document

    def keep(self, shelf: Shelf, document: Document, event: str | None = None) -> Document:
        """Keep a new or changed document and tell what happened to it."""
        shelf.put(document["id"], document)
        if event:
            intent = self.intents.documents[document.get("intent_id") or document["id"]]
            self.events.emit(event, intent["id"], intent["reference"])
        return document

    def card(self, method: str) -> Card:
        """Return how the card behind a payment method behaves.

        Raises:
            Refused: 404 ``not_found``.
        """
        token = token_named(method)
        if token is None:
            raise Refused(404, "not_found", f"There is no payment method {method!r}.")
        return TOKENS[token]


def new_id(prefix: str) -> str:
    """Return a fresh id such as ``pay_8f…``."""
    return f"{prefix}_{secrets.token_hex(12)}"
