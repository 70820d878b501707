"""Searching and pricing: offer requests and offers."""

import datetime as dt
from typing import Any, Final

from fastapi import Request, Response

from sandbox.amounts import digits
from sandbox.duffel import messages, offers
from sandbox.duffel.ledger import ledger_of
from sandbox.duffel.messages import SUPPLIER, Refused
from sandbox.duffel.orders import drift
from sandbox.faults import Fault
from sandbox.travel import Airport, airport_for
from sandbox.world import Answer, World

Json = dict[str, Any]

_INFANT_UNTIL: Final = 2
_ADULT_FROM: Final = 12


class Search:
    """Answers about what is on offer; every public method is one path."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._ledger = ledger_of(world)

    async def search(self, request: Request, asked: Json) -> Response:
        """Answer ``POST /air/offer_requests``, for one-way and return journeys."""
        inlined = request.query_params.get("return_offers", "true") == "true"

        async def commit(_: Fault | None) -> Answer:
            try:
                return messages.success(201, self._found(asked, inlined=inlined))
            except Refused as refused:
                return refused.answer

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="quote",
            reference=None,
            request=request,
            commit=commit,
            refuse=messages.too_many,
            error=messages.internal_error,
        )

    def _found(self, asked: Json, *, inlined: bool) -> Json:
        ways = _ways(asked.get("slices"), self._world.now().date())
        passengers, kinds = _passengers(asked.get("passengers"))
        currency = str(asked.get("currency", "USD"))  # † Duffel: the account's billing currency
        try:
            digits(currency)
        except ValueError:
            raise Refused("validation_inclusion", "currency is unknown") from None
        (start, end, depart), back = ways[0], ways[1:]
        cabin = "BUSINESS" if asked.get("cabin_class") in ("business", "first") else "ECONOMY"
        return_ = back[0][2] if back else None
        search = offers.search_of(start, end, depart, return_, kinds, currency, cabin)
        request_id = messages.new_id("orq_")
        found = [
            offers.keep(self._world, offer, request_id, passengers)
            for offer in offers.found(search)
            if offer.departs > self._world.now()
        ]
        document = {
            "id": request_id,
            "live_mode": False,
            "created_at": messages.stamp(self._world.now()),
            "cabin_class": asked.get("cabin_class"),
            "passengers": passengers,
            "slices": asked["slices"],
        }
        return {**document, "offers": found} if inlined else document

    async def offer(self, request: Request, offer_id: str) -> Response:
        """Answer ``GET /air/offers/{id}``: priced now."""

        async def commit(fault: Fault | None) -> Answer:
            offer = offers.shelf(self._world).get(offer_id)
            if offer is None:
                return messages.not_found()
            expired = messages.stamp(self._world.now()) >= offer["offer"]["expires_at"]
            booked = self._ledger.taken(offer) is not None
            if expired or booked or self._ledger.left(offer) < offer["seats"]:
                return messages.gone()
            if fault is not None and fault.kind == "price_drift":
                drift(self._world, offer)
            shown = {**offer["offer"], "updated_at": messages.stamp(self._world.now())}
            if request.query_params.get("return_available_services") != "true":
                shown.pop("available_services")
            return messages.success(200, shown)

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="quote",
            reference=None,
            request=request,
            commit=commit,
            refuse=messages.gone,
            error=messages.internal_error,
        )

    async def offers_of(self, request: Request) -> Response:
        """Answer ``GET /air/offers?offer_request_id=…``, cheapest first."""
        request_id = request.query_params.get("offer_request_id")
        found = [
            kept
            for kept in offers.shelf(self._world).documents.values()
            if kept["request"] == request_id
        ]
        found.sort(key=lambda kept: kept["price"])
        meta = {"limit": 50, "before": None, "after": None}
        return messages.success(200, [kept["offer"] for kept in found], meta=meta).response()


def _ways(slices: Any, today: dt.date) -> list[tuple[Airport, Airport, dt.date]]:
    if not isinstance(slices, list) or not 1 <= len(slices) <= 2:
        raise Refused("validation_length", "slices must be one or two")
    ways = []
    for way in slices:
        leg = way if isinstance(way, dict) else {}
        start = airport_for(str(leg.get("origin")))
        end = airport_for(str(leg.get("destination")))
        if start is None or end is None or start == end:
            raise Refused("validation_format", "origin or destination is unknown")
        try:
            day = dt.date.fromisoformat(str(leg.get("departure_date")))
        except ValueError:
            raise Refused("validation_format", "departure_date must be a date") from None
        if day < today:
            raise Refused("validation_format", "departure_date is in the past")
        ways.append((start, end, day))
    if len(ways) == 2 and (ways[1][:2] != (ways[0][1], ways[0][0]) or ways[1][2] < ways[0][2]):
        raise Refused("validation_format", "only one-way and return journeys are sold here")
    return ways


def _passengers(given: Any) -> tuple[list[Json], list[str]]:
    if not isinstance(given, list) or not 1 <= len(given) <= 9:
        raise Refused("validation_length", "passengers must be one to nine")
    people, kinds = [], []
    for one in given:
        age = one.get("age") if isinstance(one, dict) else None
        kind = one.get("type") if isinstance(one, dict) else None
        if isinstance(age, int) and 0 <= age < 130 and kind is None:
            infant, adult = age < _INFANT_UNTIL, age >= _ADULT_FROM
        elif kind in ("adult", "child", "infant_without_seat") and age is None:
            infant, adult = kind == "infant_without_seat", kind == "adult"
        else:
            raise Refused("validation_required", "a passenger has a type or an age")
        kinds.append("HELD_INFANT" if infant else "ADULT" if adult else "CHILD")
        people.append({"id": messages.new_id("pas_"), "type": kind, "age": age, "fare_type": None})
    return people, kinds
