"""Our own offers and quotes read back, and refused where they are not what a supplier can be asked.

A trip component carries the offer that the planner found; a quote carries what ``book`` needs of
it. Both come back to us through clients and the database, so that both are read anew.
"""

import json
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from models.core.errors import InvalidRequest
from models.core.money import Currency
from models.core.supply import Quote, TripComponent
from suppliers.core.protocol import Party


class Kept(BaseModel):
    """What an offer or a quote of this application carries; fields we do not know are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Offer(Kept):
    """The offer of a trip component, as far as all suppliers have the same in it."""

    currency: Currency

    @property
    @abstractmethod
    def people(self) -> int:
        """How many it is for."""


Model = TypeVar("Model", bound=BaseModel)
Offered = TypeVar("Offered", bound=Offer)


def invalid(
    provider: str, operation: str, message: str, field: str | None = None
) -> InvalidRequest:
    """Return the error for what is wrong on our side, before the supplier was asked.

    Args:
        provider: the supplier's name.
        operation: what is asked of it.
        message: in words for whoever sent the request, without what was sent.
        field: the part of the request that is wrong, where it is not the offer.
    """
    return InvalidRequest(message, field=field, plain=True, provider=provider, operation=operation)


def read_model(model: type[Model], item: TripComponent, *, provider: str, operation: str) -> Model:
    """Read a component's offer as ``model``.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        # Through JSON: strict models read dates and times from it, and from it alone.
        return model.model_validate_json(json.dumps(item.offer, allow_nan=False))
    except (ValueError, TypeError, RecursionError) as error:
        message = f"{item.title or item.type} is not an offer of {provider}{_at(error)}"
        raise invalid(provider, operation, message) from error


def read_offer(
    model: type[Offered], item: TripComponent, party: Party, *, provider: str, operation: str
) -> Offered:
    """Read a component's offer, and compare it with its component and the party.

    Raises:
        InvalidRequest: it is none, or for another number of people or in another currency.
    """
    offer = read_model(model, item, provider=provider, operation=operation)
    if offer.people != len(party.travelers):
        message = f"the offer is for {offer.people} people, but {len(party.travelers)} travel"
        raise invalid(provider, operation, message, "travelers")
    if offer.currency != item.currency:
        message = f"the offer is in {offer.currency}, not {item.currency}"
        raise invalid(provider, operation, message)
    return offer


def read_quote(
    model: type[Model], quote: Quote, *, provider: str, operation: str = "book", **more: Any
) -> Model:
    """Read what our own quote carries; ``more`` is read with it.

    Raises:
        InvalidRequest: the quote was not made here.
    """
    kept: Mapping[str, Any] = {**quote.offer, **more}
    try:
        return model.model_validate(kept)
    except ValidationError as error:
        message = f"the quote of {quote.title} is not one of {provider}{_at(error)}"
        raise invalid(provider, operation, message) from error


def _at(error: Exception) -> str:
    """Say what is wrong first, without what was sent."""
    if not isinstance(error, ValidationError):
        return ""
    (place, *_) = (".".join(map(str, one["loc"])) for one in error.errors(include_url=False))
    return f": {place or 'the whole'} is missing or has another form"
