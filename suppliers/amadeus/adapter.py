"""Flights: Amadeus Flight Offers Price, Flight Create Orders, Flight Order Management.

Amadeus has no idempotency key and cannot look an order up by our reference (providers.md §2).
So an order is asked for once; our reference goes into its remarks, where a person in the back
office finds it; and it is held (``DELAY_TO_CANCEL``), so that an order nobody knows of dies by
itself. Ticketing and the airline's payment run through a consolidator outside this API.
"""

import datetime as dt
from typing import Any, Final
from urllib.parse import quote as percent_encoded
from urllib.parse import urlsplit

from models.core.errors import InvalidRequest, NotCancellable, Refusal
from models.core.paths import segment
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
from suppliers.amadeus.terms import HOLD_DAYS, terms_of
from suppliers.amadeus.travelers import UnfitParty, order_contacts, order_travelers
from suppliers.amadeus.verification import price_of, verify_order, verify_pricing
from suppliers.core.comparing import utc
from suppliers.core.limiter import RateLimits
from suppliers.core.offers import read_model, read_quote
from suppliers.core.protocol import Party

RATES: Final = {"test.api.amadeus.com": Rate(1, 0.1), "api.amadeus.com": Rate(40, 1)}
"""How fast each host may be asked: the test system 10 times a second, 100 ms apart."""


class AmadeusSupplier:
    """Flights of Amadeus, behind :class:`suppliers.core.protocol.Supplier`."""

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
            repeats=False,
            timeout=dt.timedelta(seconds=timeout),
        )

    # -- quote ------------------------------------------------------------------------------

    async def quote(self, item: TripComponent, party: Party) -> Quote:
        """Price the flights, with their fare rules; see the protocol."""
        in_trip = read_model(FlightOffer, item, provider=NAME, operation="quote")
        answer = await self._api.call(
            lambda client: client.shopping.flight_offers.pricing.post(
                item.offer, include="detailed-fare-rules"
            ),
            operation="quote",
            changes=False,
        )
        if answer.status != 200:
            raise failure(answer)
        pricing = answer.parse(Pricing)
        offer, price = pricing.offer, price_of(pricing.offer, answer)
        verify_pricing(item, in_trip, offer, answer)
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
                departs=utc(item.starts_at),
                now=dt.datetime.now(dt.UTC),
            ),
            title=str(offer),
            offer=priced.model_dump(mode="json"),
            holdable=True,  # DELAY_TO_CANCEL: an order is free to undo until it is ticketed
        )

    # -- book -------------------------------------------------------------------------------

    async def book(
        self,
        item: TripComponent,  # noqa: ARG002 - the quote carries the priced offer
        quote: Quote,
        party: Party,
        reference: str,
    ) -> Reservation:
        """Order the priced flights as a hold; see the protocol. Asked once, never repeated."""
        priced = read_quote(PricedOffer, quote, provider=NAME)
        offer = priced.offer
        try:
            travelers = order_travelers(party, offer, priced.requirements)
            contacts = order_contacts(party)
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
        order = answer.parse(OrderAnswer).data
        verify_order(order, offer, quote.price, travelers, remark, answer)
        return Reservation(
            reference=reference,
            supplier_id=order.id,
            confirmation_code=order.pnr,
            pnr=order.pnr,
            provider=priced.provider,
            price=quote.price,
            details=_facts(order),
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
        order = answer.parse(OrderAnswer).data
        if order.id != reservation.supplier_id:
            raise answer.unsettled("Amadeus answered another order", code="other_order")
        return reservation.model_copy(
            update={
                "status": ReservationStatus.CONFIRMED,
                "pnr": order.pnr,
                "confirmation_code": order.pnr,
                "price": price_of(order.offer, answer),
                "details": {**reservation.details, **_facts(order)},
            }
        )

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
        order_id = _segment(reservation.supplier_id, "cancel")
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
        order_id = _segment(supplier_id, "find")
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


def _segment(order_id: str, operation: str) -> str:
    checked = segment(order_id, provider=NAME, operation=operation, encoded=True)
    return percent_encoded(checked, safe="")


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


def _refused(kind: type[Refusal], message: str, operation: str) -> Refusal:
    return kind(message, provider=NAME, operation=operation)
