"""Flight orders: made once per delivery, held until their delay is over, cancelled by DELETE.

Amadeus knows no idempotency key and no look-up by our reference: a second request makes a second
order. Only the back office finds orders by their remarks.

Rules taken from published captures and from the specification:

- An order's id is percent-encoded as it is told; a path is decoded once, so that the id goes into
  it as given. Encoded again it is the id of no order: 404.
- A retrieved order says of each flight whether it is confirmed; of one that is cancelled it says
  CANCELLED †. It is not found any more when it is to be deleted again.
- DELAY_TO_CANCEL of so many days acts at 00:00 local time of that day, here the office's.
"""

import base64
import copy
import datetime as dt
import re
import secrets
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Request, Response

from sandbox.amadeus.messages import Refused, failed, internal_error, success
from sandbox.amadeus.offers import Itinerary, Passenger
from sandbox.amadeus.pricing import dictionaries, is_abroad, priced, recognised
from sandbox.faults import Fault
from sandbox.world import Answer, ReservationRecord, World

Json = dict[str, Any]

SUPPLIER: Final = "amadeus"
_REMARK: Final = re.compile(r"TRIP (\S+)")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z '-]*")
_DELAY: Final = re.compile(r"([1-9][0-9]{0,2})D")
_REPORTED: Final = "STOLEN"
"""Documents whose number begins so are refused: an example of what the airline alone knows."""
_GENDERS: Final = {"MALE", "FEMALE", "UNSPECIFIED", "UNDISCLOSED"}
_OPTIONS: Final = {"CONFIRM", "DELAY_TO_QUEUE", "DELAY_TO_CANCEL"}
_KNOWN: Final = {
    "type",
    "flightOffers",
    "travelers",
    "remarks",
    "ticketingAgreement",
    "contacts",
    "queuingOfficeId",
    "automatedProcess",
    "formOfIdentifications",
}
_PNR_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_OFFICE: Final = "NCE4D31SB"
_OFFICE_ZONE: Final = ZoneInfo("Europe/Paris")
_AGES: Final = {
    "CHILD": range(12),
    "HELD_INFANT": range(2),
    "SEATED_INFANT": range(2),
    "SENIOR": range(60, 130),
}
"""Whom a fare is for by age in years; the others are for everybody from 12 on."""


class Orders:
    """The orders of one sandbox."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def create(self, request: Request, data: Json) -> Response:
        """Answer ``POST /v1/booking/flight-orders``."""

        async def commit(fault: Fault | None) -> Answer:
            try:
                drifted = fault is not None and fault.kind == "price_drift"
                return self._book(request, data, drifted=drifted)
            except Refused as refused:
                return refused.answer

        def again(first: Answer) -> Answer:
            return success(first.status, first.body, reference=first.reference)

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="book",
            reference=reference_in(data),
            commit=commit,
            refuse=lambda: failed(
                34651, "Could not sell segment 1", pointer="/data/flightOffers/0"
            ),
            error=internal_error,
            duplicate=again,
            request=request,
        )

    async def read(self, request: Request, order_id: str) -> Response:
        """Answer ``GET /v1/booking/flight-orders/{id}``."""
        record = self._record(order_id)

        async def commit(_: Fault | None) -> Answer:
            if record is None:
                return _not_found()
            return success(200, _answer(request, shown(record)), extra={"id": record.id})

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="find",
            reference=record.reference if record else None,
            commit=commit,
            refuse=lambda: failed(38194, "Too many requests", status=429),
            error=internal_error,
            request=request,
        )

    async def cancel(self, request: Request, order_id: str) -> Response:
        """Answer ``DELETE /v1/booking/flight-orders/{id}``."""
        record = self._record(order_id)

        async def commit(_: Fault | None) -> Answer:
            if record is None or not record.live:
                return _not_found()
            if record.status == "TICKETED":
                return _ticketed()
            record.status, record.live = "CANCELLED", False
            return success(204, None, effect="cancelled", extra={"id": record.id})

        return await self._world.serve(
            supplier=SUPPLIER,
            operation="cancel",
            reference=record.reference if record else None,
            commit=commit,
            refuse=_ticketed,
            error=internal_error,
            request=request,
        )

    def back_office(self, remark: str) -> list[Json]:
        """Return the orders whose remarks contain ``remark``, newest first: for people."""
        records = [self._settled(record) for record in self._world.reservations.all(SUPPLIER)]
        return [
            {
                "id": record.id,
                "reference": record.reference,
                "pnr": record.data["order"]["associatedRecords"][0]["reference"],
                "status": record.status,
                "live": record.live,
                "price": record.price,
                "currency": record.currency,
                "order": record.data["order"],
            }
            for record in reversed(records)
            if any(remark in text for text in _remarks(record.data["order"]))
        ]

    def _book(self, request: Request, data: Json, *, drifted: bool) -> Answer:
        offer = self._sellable(data)
        if drifted:
            raise Refused(
                37200,
                "Current grand total price differs from the price sent",
                pointer="/data/flightOffers/0",
            )
        travelers = _travelers(data, offer)
        option, cancel_at, agreement = self._agreement(data, offer)
        document = priced(offer, str(data["flightOffers"][0]["id"]))
        now = self._world.now()
        order_id = _order_id()
        order: Json = {
            "type": "flight-order",
            "id": order_id,
            "queuingOfficeId": _OFFICE,
            "associatedRecords": [
                {
                    "reference": "".join(secrets.choice(_PNR_LETTERS) for _ in range(6)),
                    "creationDate": now.replace(tzinfo=None).isoformat(timespec="seconds"),
                    "originSystemCode": "GDS",
                    "flightOfferId": document["id"],
                }
            ],
            "flightOffers": [document],
            "travelers": travelers,
            "ticketingAgreement": agreement,
        }
        order.update({key: data[key] for key in ("remarks", "contacts") if key in data})
        if option == "CONFIRM":
            order["tickets"] = tickets(travelers)
        record = self._world.reservations.add(
            ReservationRecord(
                supplier=SUPPLIER,
                id=order_id,
                reference=reference_in(data),
                status="TICKETED" if option == "CONFIRM" else "CONFIRMED",
                live=True,
                price=offer.price,
                currency=offer.search.currency,
                data={"order": order, "cancel_at": cancel_at},
            )
        )
        return success(
            201,
            {**_answer(request, order), "dictionaries": dictionaries([offer])},
            effect="created",
            reference=record.reference,
            extra={"id": order_id, "amount": offer.price},
        )

    def _sellable(self, data: Json) -> Itinerary:
        if data.get("type") != "flight-order":
            raise Refused(477, "type must be flight-order", pointer="/data/type")
        unknown = sorted(set(data) - _KNOWN)
        if unknown:
            # "No payments object: rejected with 477" (providers.md §2).
            raise Refused(477, "INVALID FORMAT", pointer=f"/data/{unknown[0]}")
        offers = data.get("flightOffers")
        if not isinstance(offers, list) or not offers:
            raise Refused(32171, "flightOffers is missing", pointer="/data/flightOffers")
        if len(offers) > 1 or not isinstance(offers[0], dict):
            raise Refused(4926, "exactly one flight offer", pointer="/data/flightOffers")
        return recognised(offers[0], self._world.now(), must_be_priced=True)

    def _agreement(self, data: Json, offer: Itinerary) -> tuple[str, str | None, Json]:
        asked = data.get("ticketingAgreement", {"option": "CONFIRM"})
        option, delay = asked.get("option"), asked.get("delay")
        if option not in _OPTIONS:
            raise Refused(477, "unknown option", pointer="/data/ticketingAgreement/option")
        if option == "CONFIRM":
            return option, None, {"option": option}
        match = _DELAY.fullmatch(str(delay))
        if match is None:
            raise Refused(477, "INVALID FORMAT", pointer="/data/ticketingAgreement/delay")
        if offer.at_once:
            raise Refused(
                2668, "This offer requires instant ticketing", pointer="/data/ticketingAgreement"
            )
        day = self._world.now().astimezone(_OFFICE_ZONE).date() + dt.timedelta(days=int(match[1]))
        at = dt.datetime.combine(day, dt.time(), _OFFICE_ZONE).astimezone(dt.UTC)
        agreement = {"option": option, "delay": delay, "dateTime": day.isoformat()}
        return option, at.isoformat() if option == "DELAY_TO_CANCEL" else None, agreement

    def _record(self, order_id: str) -> ReservationRecord | None:
        """Return an order by its id as it stands in a path, decoded once."""
        record = self._world.reservations.get(SUPPLIER, quote(order_id, safe=""))
        return None if record is None else self._settled(record)

    def _settled(self, record: ReservationRecord) -> ReservationRecord:
        # A hold that nobody ticketed dies by itself when its delay is over.
        cancel_at = record.data["cancel_at"]
        if (
            record.live
            and cancel_at is not None
            and dt.datetime.fromisoformat(cancel_at) <= self._world.now()
        ):
            record.status, record.live = "CANCELLED", False
        return record


def shown(record: ReservationRecord) -> Json:
    """Return an order as it is retrieved: with what the airline says of each flight."""
    order: Json = copy.deepcopy(record.data["order"])
    told = record.data.get("segments", {})
    for way in order["flightOffers"][0]["itineraries"]:
        for flight in way["segments"]:
            stands = told.get(flight["id"], "CONFIRMED")
            flight["bookingStatus"] = stands if record.live else "CANCELLED"
    return order


def tickets(travelers: list[Json]) -> list[Json]:
    """Return a ticket for everybody."""
    return [
        {
            "documentType": "ETICKET",
            "documentNumber": f"125-{place:010}",
            "documentStatus": "ISSUED",
            "travelerId": traveler["id"],
        }
        for place, traveler in enumerate(travelers, start=1)
    ]


def _answer(request: Request, order: Json) -> Json:
    """Return an order in its envelope, whose link has the id as it is."""
    address = f"{request.base_url}v1/booking/flight-orders/{order['id']}"
    return {"data": order, "meta": {"count": 1, "links": {"self": address}}}


def reference_in(data: Json) -> str | None:
    """Return our reference from the first remark that says ``TRIP <reference>``, if any."""
    found = (_REMARK.fullmatch(text) for text in _remarks(data))
    return next((match[1] for match in found if match is not None), None)


def _remarks(order: Json) -> list[str]:
    remarks = order.get("remarks")
    general = remarks.get("general") if isinstance(remarks, dict) else None
    return [
        str(remark.get("text", ""))
        for remark in (general if isinstance(general, list) else [])
        if isinstance(remark, dict)
    ]


def _travelers(data: Json, offer: Itinerary) -> list[Json]:
    given = data.get("travelers")
    travelers = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    by_id = {str(traveler.get("id")): traveler for traveler in travelers}
    expected = {passenger.id for passenger in offer.search.passengers}
    if set(by_id) != expected or len(travelers) != len(expected):
        raise Refused(
            4926,
            "travelers do not match the travelerPricings of the offer",
            pointer="/data/travelers",
        )
    laps = [one.adult for one in offer.search.passengers if one.kind == "HELD_INFANT"]
    if len(set(laps)) < len(laps) or not expected.issuperset(filter(None, laps)):
        raise Refused(4926, "an infant needs an adult's lap", pointer="/data/travelers")
    for passenger in offer.search.passengers:
        traveler = by_id[passenger.id]
        _complete(traveler, f"/data/travelers/{travelers.index(traveler)}", passenger, offer)
    first = travelers[0].get("contact")
    if not isinstance(first, dict) or not first.get("emailAddress"):
        raise Refused(32171, "an e-mail address is needed", pointer="/data/travelers/0/contact")
    return travelers


def _complete(traveler: Json, where: str, passenger: Passenger, offer: Itinerary) -> None:
    name = traveler.get("name") if isinstance(traveler.get("name"), dict) else {}
    for part in ("firstName", "lastName"):
        text = str((name or {}).get(part) or "")
        if not text:
            raise Refused(32171, f"{part} is missing", pointer=f"{where}/name/{part}")
        if not _NAME.fullmatch(text):
            raise Refused(477, "INVALID FORMAT", pointer=f"{where}/name/{part}")
    if traveler.get("gender") not in _GENDERS:
        raise Refused(32171, "gender is missing or unknown", pointer=f"{where}/gender")
    try:
        born = dt.date.fromisoformat(str(traveler.get("dateOfBirth")))
    except ValueError:
        raise Refused(32171, "dateOfBirth is missing", pointer=f"{where}/dateOfBirth") from None
    flies = offer.search.depart
    age = flies.year - born.year - ((flies.month, flies.day) < (born.month, born.day))
    if age not in _AGES.get(passenger.kind, range(12, 130)):
        raise Refused(4926, "age does not fit the traveler type", pointer=f"{where}/dateOfBirth")
    documents = traveler.get("documents")
    if is_abroad(offer) and not (isinstance(documents, list) and documents):
        raise Refused(32171, "a travel document is needed", pointer=f"{where}/documents")
    for place, document in enumerate(documents if isinstance(documents, list) else []):
        number = str(document.get("number")) if isinstance(document, dict) else ""
        if number.startswith(_REPORTED):
            detail = f"document {number} is reported as lost"
            raise Refused(4926, detail, pointer=f"{where}/documents/{place}/number")


def _order_id() -> str:
    # As captured: the letters of Base64 that mean something in a path are encoded.
    return quote("eJzTd9f3" + base64.b64encode(secrets.token_bytes(13)).decode(), safe="")


def _not_found() -> Answer:
    return failed(1797, "no response found for this query parameter", status=404)


def _ticketed() -> Answer:
    return failed(4926, "The order is ticketed and cannot be cancelled")
