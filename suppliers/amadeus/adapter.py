"""Flights: Amadeus Flight Offers Price, Flight Create Orders, Flight Order Management.

Amadeus has no idempotency key and cannot look an order up by our reference (providers.md §2).
So an order is asked for once; our reference goes into its remarks, where a person in the back
office finds it; and it is held (``DELAY_TO_CANCEL``), so that an order nobody knows of dies by
itself. Ticketing and the airline's payment run through a consolidator outside this API.
"""

import datetime as dt
from typing import Any, Final, TypeVar
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

from models.core.errors import InvalidRequest, NotCancellable, Refusal, Unavailable, UnknownOutcome
from models.core.money import Money
from models.core.supply import (
    FOUND_BY_HAND,
    Cancellation,
    CancelQuote,
    Capabilities,
    Quote,
    Reservation,
    ReservationStatus,
    TripComponent,
)
from models.suppliers.rate_limits import Rate
from settings import Settings
from suppliers.amadeus.client import AmadeusApi
from suppliers.amadeus.messages import FlightOffer, Order, OrderAnswer, PricedOffer, Pricing
from suppliers.amadeus.responses import NAME, ApiAnswer, failure
from suppliers.amadeus.terms import FURTHEST_ZONE, HOLD_DAYS, terms_of
from suppliers.amadeus.travelers import UnfitParty, order_contacts, order_travelers
from suppliers.core.limiter import RateLimits
from suppliers.core.protocol import Party

RATES: Final = {"test.api.amadeus.com": Rate(1, 0.1), "api.amadeus.com": Rate(40, 1)}
"""How fast each host may be asked: the test system 10 times a second, 100 ms apart."""

Model = TypeVar("Model", bound=BaseModel)


class AmadeusSupplier:
    """Flights of Amadeus, behind :class:`suppliers.protocol.Supplier`."""

    name = NAME

    def __init__(self, settings: Settings, *, limits: RateLimits | None = None) -> None:
        url = settings.supplier_url(NAME)
        timeout = settings.supplier_timeout(NAME)
        account = settings.supplier(NAME)
        self._api = AmadeusApi(
            url,
            key=account.api_key.get_secret_value() or "sandbox",
            secret=account.api_secret.get_secret_value() or "sandbox",
            timeout=timeout,
            rate=RATES.get(urlsplit(url).hostname or ""),
            limits=limits,
        )
        self.capabilities = Capabilities(
            finds=False,
            repeats=False,
            quotes_cancel=True,  # no fee, but whether it can be cancelled here
            timeout=dt.timedelta(seconds=timeout),
        )

    # -- quote ------------------------------------------------------------------------------

    async def quote(self, item: TripComponent, party: Party) -> Quote:
        """Price the flights, with their fare rules; see the protocol."""
        wanted = _read_offer(item)
        answer = await self._api.call(
            lambda client: client.shopping.flight_offers.pricing.post(
                item.offer, include="detailed-fare-rules"
            ),
            operation="quote",
            changes=False,
        )
        if answer.status != 200:
            raise failure(answer)
        pricing = _parse(Pricing, answer.body, answer)
        offer, price = pricing.offer, _money(pricing.offer, answer)
        _verify_pricing(item, wanted, offer, answer)
        try:
            order_travelers(party, offer, pricing.data.booking_requirements)
            order_contacts(party)
        except UnfitParty as error:
            raise answer.failure(InvalidRequest, str(error), code="travelers") from error
        priced = PricedOffer(
            flight_offer=(answer.body or {})["data"]["flightOffers"][0],
            provider=pricing.dictionaries.carriers.get(offer.airline, offer.airline),
            requirements=pricing.data.booking_requirements,
        )
        return Quote(
            price=price,
            terms=terms_of(
                offer,
                pricing.rules,
                price,
                departs=_utc(item.starts_at),
                now=dt.datetime.now(dt.UTC),
            ),
            title=str(offer),
            offer=priced.model_dump(mode="json"),
            holdable=True,  # DELAY_TO_CANCEL: an order is free to undo until it is ticketed
        )

    # -- book -------------------------------------------------------------------------------

    async def book(
        self, item: TripComponent, quote: Quote, party: Party, reference: str
    ) -> Reservation:
        """Order the priced flights as a hold; see the protocol. Asked once, never repeated."""
        try:
            priced = PricedOffer.model_validate(quote.offer)
            offer = FlightOffer.model_validate(priced.flight_offer)
            travelers = order_travelers(party, offer, priced.requirements)
            contacts = order_contacts(party)
        except ValidationError as error:
            raise _refused(
                InvalidRequest, f"the quote for {item.title} is not one of ours", "book"
            ) from error
        except UnfitParty as error:
            raise _refused(InvalidRequest, str(error), "book") from error
        remark = f"TRIP {reference}"
        body = {
            "data": {
                "type": "flight-order",
                "flightOffers": [priced.flight_offer],
                "travelers": travelers,
                "remarks": {"general": [{"subType": "GENERAL_MISCELLANEOUS", "text": remark}]},
                "ticketingAgreement": {"option": "DELAY_TO_CANCEL", "delay": f"{HOLD_DAYS}D"},
                "contacts": contacts,
            }
        }
        answer = await self._api.call(
            lambda client: client.post("/v1/booking/flight-orders", body),
            operation="book",
            changes=True,
        )
        if answer.status != 201:
            raise failure(answer)
        order = _parse(OrderAnswer, answer.body, answer).data
        _verify_order(order, offer, quote.price, travelers, remark, answer)
        return Reservation(
            reference=reference,
            supplier_id=order.id,
            confirmation_code=order.pnr,
            pnr=order.pnr,
            provider=priced.provider,
            price=quote.price,
            details=_facts(order),
        )

    async def find(self, reference: str, *, since: dt.datetime) -> Reservation | None:
        """Amadeus cannot look orders up; a person in the back office can, by the remark.

        Raises:
            UnknownOutcome: always (``capabilities.finds`` is false).
        """
        raise UnknownOutcome(
            f"Amadeus has no look-up by reference; search the back office for the remark"
            f" 'TRIP {reference}' from {since:%Y-%m-%d %H:%M} UTC on",
            provider=NAME,
            operation="find",
            code="no_look_up",
        )

    # -- look -------------------------------------------------------------------------------

    async def look(self, reservation: Reservation) -> Reservation:
        """Show an order by its id; see the protocol. One that is not there is cancelled.

        Its times are local, without a zone, and told in ``details``: no moments to compare with.
        """
        answer = await self._read(reservation.supplier_id)
        if answer.status == 404 and answer.issues:
            return reservation.model_copy(update={"status": ReservationStatus.CANCELLED})
        if answer.status != 200:
            raise failure(answer)
        order = _parse(OrderAnswer, answer.body, answer).data
        if order.id != reservation.supplier_id:
            raise answer.unsettled("Amadeus answered another order", code="other_order")
        return reservation.model_copy(
            update={
                "status": ReservationStatus.CONFIRMED,
                "pnr": order.pnr,
                "confirmation_code": order.pnr,
                "price": _money(order.offer, answer),
                "details": {**reservation.details, **_facts(order)},
            }
        )

    async def complete(
        self,
        reservation: Reservation,
        quote: Quote,  # noqa: ARG002
        party: Party,  # noqa: ARG002
        key: str,  # noqa: ARG002
    ) -> Reservation:
        """Tickets are issued outside this API: return what there is."""
        return await self.look(reservation)

    async def cancel_quote(self, reservation: Reservation) -> CancelQuote:
        """Amadeus names no fee: only whether an order can be cancelled here; see the protocol."""
        seen = await self.look(reservation)
        if seen.status is ReservationStatus.CANCELLED:
            return CancelQuote(
                cancellable=False, gone=True, reason="the order is cancelled already"
            )
        if seen.details.get("ticketed"):
            return CancelQuote(
                cancellable=False,
                reason="tickets are issued: only the consolidator can refund them",
            )
        return CancelQuote()

    # -- cancel -----------------------------------------------------------------------------

    async def cancel(self, reservation: Reservation, key: str) -> Cancellation:  # noqa: ARG002
        """Delete the order; see the protocol. Amadeus takes no key, and names no fee."""
        order_id = percent_encoded(reservation.supplier_id, safe="")
        if reservation.details.get(FOUND_BY_HAND) and not await self._is_ours(reservation):
            raise _refused(
                NotCancellable,
                f"Amadeus order {reservation.supplier_id} does not carry our reference"
                f" {reservation.reference}: it is another booking's, or there is none",
                "cancel",
            )
        answer = await self._api.call(
            lambda client: client.booking.flight_order(order_id).delete(),
            operation="cancel",
            changes=True,
        )
        if answer.status == 204:
            return Cancellation()
        if answer.status == 404 and answer.issues:
            return Cancellation(already=True)
        if answer.status == 400 and answer.issues:
            raise answer.failure(
                NotCancellable,
                f"Amadeus does not cancel order {reservation.pnr}: {answer.issues[0].text}",
                code=answer.issues[0].code,
            )
        raise failure(answer)

    async def _read(self, supplier_id: str) -> ApiAnswer:
        order_id = percent_encoded(supplier_id, safe="")
        return await self._api.call(
            lambda client: client.booking.flight_order(order_id).get(),
            operation="find",
            changes=False,
        )

    async def _is_ours(self, reservation: Reservation) -> bool:
        """Tell whether an order that a person named carries our reference in its remarks."""
        answer = await self._read(reservation.supplier_id)
        if answer.status == 404:
            return False
        if answer.status != 200 or answer.body is None:
            raise failure(answer)
        remarks = ((answer.body.get("data") or {}).get("remarks") or {}).get("general") or []
        return any(remark.get("text") == f"TRIP {reservation.reference}" for remark in remarks)

    async def close(self) -> None:
        """Start no calls any more."""
        self._api.close()


def _read_offer(item: TripComponent) -> FlightOffer:
    try:
        return FlightOffer.model_validate(item.offer)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _refused(
            InvalidRequest,
            f"the trip's flight is not an Amadeus flight offer: {place}: {first['msg']}",
            "quote",
        ) from error


def _verify_pricing(
    item: TripComponent, wanted: FlightOffer, offer: FlightOffer, answer: ApiAnswer
) -> None:
    if not offer.same_flights(wanted):
        raise answer.failure(
            Unavailable, f"Amadeus has {offer}, not {wanted} as in the trip", code="other_flights"
        )
    if not offer.same_people(wanted):
        raise answer.failure(
            Unavailable, f"{offer} was priced for other travellers", code="other_people"
        )
    if offer.price.currency != item.currency:
        raise answer.failure(
            Unavailable,
            f"{offer} is sold in {offer.price.currency}, not in {item.currency}",
            code="other_currency",
        )
    for name, local, told in (
        ("leaves", offer.departs, item.starts_at),
        ("arrives", offer.arrives, item.ends_at),
    ):
        # Local time at an airport we know no zone of: close enough to be the same flight.
        if abs(local - _utc(told).replace(tzinfo=None)) > FURTHEST_ZONE:
            raise answer.failure(
                Unavailable,
                f"{offer} {name} on {local:%d %b %Y %H:%M}, not on {told:%d %b %Y %H:%M}",
                code="other_dates",
            )


def _verify_order(
    order: Order,
    offer: FlightOffer,
    price: Money,
    travelers: list[dict[str, Any]],
    remark: str,
    answer: ApiAnswer,
) -> None:
    """Check that what was ordered is what we asked for.

    Raises:
        UnknownOutcome: it is not; something was booked, so a person must look at it.
    """
    names = {(t["id"], t["name"]["firstName"], t["name"]["lastName"]) for t in travelers}
    wrong: list[str] = []
    if (booked := _money(order.offer, answer)) != price:
        wrong.append(f"it costs {booked} instead of {price}")
    if not order.offer.same_flights(offer):
        wrong.append(f"it is for {order.offer} instead of {offer}")
    if order.names() != names:
        wrong.append("its travellers are others")
    if remark.upper() not in (text.text.upper() for text in order.remarks.general):
        wrong.append(f"it does not carry our remark {remark!r}")
    if wrong:
        raise answer.failure(
            UnknownOutcome,
            f"Amadeus made order {order.id} (PNR {order.pnr}), but {'; '.join(wrong)}",
            code="unexpected_order",
        )


def _facts(order: Order) -> dict[str, Any]:
    """Return what is worth keeping beside the reservation; local times as they were told."""
    facts = {
        "flights": str(order.offer),
        "departs": order.offer.departs.isoformat(),
        "arrives": order.offer.arrives.isoformat(),
        "held_until": order.ticketing_agreement.date_time,
        "ticketed": order.ticketed or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _parse(model: type[Model], body: dict[str, Any] | None, answer: ApiAnswer) -> Model:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise answer.unsettled(
            f"Amadeus answered {answer.status} with a body that is not the published one",
            code="malformed_answer",
        ) from error


def _money(offer: FlightOffer, answer: ApiAnswer) -> Money:
    try:
        return offer.price.money
    except ValueError as error:
        raise answer.unsettled(
            f"Amadeus answered an impossible amount: {error}", code="malformed_answer"
        ) from error


def _refused(kind: type[Refusal], message: str, operation: str) -> Refusal:
    return kind(message, provider=NAME, operation=operation)


def _utc(moment: dt.datetime) -> dt.datetime:
    return moment.replace(tzinfo=dt.UTC) if moment.tzinfo is None else moment.astimezone(dt.UTC)
