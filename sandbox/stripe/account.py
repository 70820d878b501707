"""The objects of the one Stripe account: keeping, finding and showing them."""

import json
from dataclasses import dataclass
from typing import Any, Final

from sandbox.stripe import objects
from sandbox.stripe.cards import TOKENS, Card, token_named
from sandbox.stripe.errors import ApiError, missing
from sandbox.stripe.events import Events
from sandbox.stripe.idempotency import IdempotencyKeys
from sandbox.stripe.objects import Document
from sandbox.world import World

_SHELVES: Final = {
    "pi": "payment_intents",
    "ch": "charges",
    "re": "refunds",
    "cus": "customers",
    "pm": "payment_methods",
    "du": "disputes",
}
_EXPANDABLE: Final = frozenset(
    {"latest_charge", "payment_method", "customer", "payment_intent", "charge"}
)
_DEEPEST: Final = 4


@dataclass(frozen=True)
class Caller:
    """What a request is known by: its id and idempotency key, for events."""

    request_id: str | None = None
    key: str | None = None


class Account:
    """Customers, payment methods, intents, charges, refunds, disputes and events."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shelves = {prefix: world.shelf(f"stripe.{name}") for prefix, name in _SHELVES.items()}
        self._tokens = world.shelf("stripe.tokens")
        self.hold_seconds = world.shelf("stripe.hold_seconds")
        """How long an intent's hold lasts, where that is not as usual."""
        self.events = Events(world)
        self.keys = IdempotencyKeys(world.shelf("stripe.idempotency_keys"))
        self.caller = Caller()
        """Whose request is being executed; execution never waits, so there is only one."""

    def now(self) -> int:
        """Return the time in unix seconds."""
        return int(self.world.now().timestamp())

    def put(self, document: Document) -> Document:
        """Keep a new or changed object."""
        self.shelves[document["id"].split("_")[0]].put(document["id"], document)
        return document

    def get(self, prefix: str, identifier: str, param: str = "id") -> Document:
        """Return an object.

        Raises:
            ApiError: 404 ``resource_missing``.
        """
        document = self.shelves[prefix].get(identifier)
        if document is None:
            raise missing(_SHELVES[prefix].removesuffix("s"), identifier, param)
        return document

    def emit(self, kind: str, subject: Document) -> None:
        """Record an event about ``subject``."""
        self.events.emit(kind, subject, request_id=self.caller.request_id, key=self.caller.key)

    # -- payment methods --------------------------------------------------------------------

    def payment_method(self, identifier: str, param: str = "payment_method") -> Document:
        """Return a payment method; a test token becomes a new one of its kind."""
        token = token_named(identifier)
        if token is None:
            return self.get("pm", identifier, param)
        method = self.put(objects.payment_method(self.now(), TOKENS[token]))
        self._tokens.put(method["id"], {"token": token})
        return method

    def card(self, method: Document) -> Card:
        """Return how the card behind a payment method behaves."""
        kept = self._tokens.get(method["id"])
        return TOKENS[kept["token"]] if kept else TOKENS["pm_card_visa"]

    # -- showing ----------------------------------------------------------------------------

    def show(self, document: Document, expand: list[str] | None = None) -> Document:
        """Return a copy of an object as it is now, with what the caller wants expanded.

        Raises:
            ApiError: the property cannot be expanded.
        """
        shown: Document = json.loads(json.dumps(document))
        for path in expand or []:
            parts = path.split(".")
            if len(parts) > _DEEPEST:
                raise ApiError(
                    f"You cannot expand more than {_DEEPEST} levels of a property.", param="expand"
                )
            self._expand(shown, parts, path)
        return shown

    def listed(
        self, url: str, documents: list[Document], expand: list[str] | None = None, **paging: Any
    ) -> Document:
        """Return one page of ``documents`` (newest first) as a list object.

        ``paging`` may hold ``limit`` (default 10), ``starting_after`` and ``ending_before``.
        """
        limit = paging.get("limit") or 10
        if not 1 <= limit <= 100:
            raise ApiError("Limit must be between 1 and 100.", param="limit")
        names = [document["id"] for document in documents]
        for cursor in ("starting_after", "ending_before"):
            if paging.get(cursor) and paging[cursor] not in names:
                raise missing("object", paging[cursor], cursor)
        if after := paging.get("starting_after"):
            documents = documents[names.index(after) + 1 :]
            page, more = documents[:limit], len(documents) > limit
        elif before := paging.get("ending_before"):
            documents = documents[: names.index(before)]
            page, more = documents[-limit:], len(documents) > limit
        else:
            page, more = documents[:limit], len(documents) > limit
        inner = [path.removeprefix("data.") for path in expand or []]
        return {
            "object": "list",
            "data": [self.show(document, inner) for document in page],
            "has_more": more,
            "url": url,
        }

    def _expand(self, shown: Document, parts: list[str], path: str) -> None:
        name, *rest = parts
        if name not in _EXPANDABLE or name not in shown:
            raise ApiError(
                f"This property cannot be expanded ({path}).",
                code="property_cannot_be_expanded",
                param="expand",
            )
        value = shown[name]
        if isinstance(value, str):
            value = shown[name] = self.show(self.get(value.split("_")[0], value))
        if rest and isinstance(value, dict):
            self._expand(value, rest, path)
