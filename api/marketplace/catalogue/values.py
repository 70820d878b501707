"""Bodies as the columns they are kept in; what was not sent is not named."""

from typing import Any, Final

from sqlalchemy.dialects.postgresql import Range

from api.core.bodies import Body
from api.marketplace.catalogue import words
from models.marketplace.catalogue.rules import expect_zone

_NO_COLUMNS: Final = {
    "expected_version",
    "idempotency_key",
    "provider_id",
    "listing_id",
    "rooms",
    "itinerary",
    "pickups",
    "since",
    "until",
}


def values_of(body: Body, *without: str) -> dict[str, Any]:
    """Return what a body says, by the names of columns.

    Raises:
        OfferRefused: what it says cannot be.
    """
    sent = body.model_fields_set
    values = body.model_dump(exclude_unset=True, exclude={*_NO_COLUMNS, *without})
    if "about" in values:
        values["description"] = values.pop("about")
    said: Any = body
    if "terms" in sent:
        values["terms"] = words.terms(said.terms)
    if "taxes" in sent:
        values["taxes"] = words.taxes(said.taxes)
    if "no_show" in sent:
        values["no_show"] = words.kept(said.no_show, "no_show")
    if "price_rule" in sent:
        values["price_rule"] = said.price_rule.model_dump(mode="json")
    if "season" in sent and said.season is not None:
        values["season"] = Range(said.season.since, max(said.season.since, said.season.until))
    if "time_zone" in sent:
        expect_zone(said.time_zone)
    return values


def parts_of(body: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the itinerary and the pickups that a body sends, as rows."""
    found: dict[str, list[dict[str, Any]]] = {}
    if "itinerary" in body.model_fields_set:
        found["itinerary"] = [
            {"day": one.day, "title": one.title, "description": one.about} for one in body.itinerary
        ]
    if "pickups" in body.model_fields_set:
        found["pickups"] = [
            {"number": number, **one.model_dump()} for number, one in enumerate(body.pickups, 1)
        ]
    return found


def rooms_of(body: Any) -> list[dict[str, Any]] | None:
    """Return the rooms of a package that a body sends, as rows; None: it sends none."""
    if "rooms" not in body.model_fields_set:
        return None
    return [{"room_id": str(one.room_id), "units": one.units} for one in body.rooms]
