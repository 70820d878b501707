"""Flights: Amadeus Flight Offers Price, Flight Create Orders, Flight Order Management.

Amadeus has no idempotency key and cannot look an order up by our reference (providers.md §2).
So an order is asked for once; our reference goes into its remarks, where a person in the back
office finds it; and it is held (``DELAY_TO_CANCEL``), so that an order nobody knows of dies by
itself. Ticketing and the airline's payment run through a consolidator outside this API.
"""

import asyncio
import datetime as dt
from typing import Any, Final
from urllib.parse import urlsplit

from models.core.errors import NotCancellable, ProviderError
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
from suppliers.amadeus.messages import (
    OfferInTrip,
    Order,
    OrderAnswer,
    PricedOffer,
    Pricing,
    Requirements,
)
from suppliers.amadeus.orders import Orders, in_path
from suppliers.amadeus.responses import NAME, failure
from suppliers.amadeus.terms import HOLD_DAYS, terms_of
from suppliers.amadeus.travelers import FIELDS, order_people
from suppliers.amadeus.verification import price_of, verify_order, verify_pricing
from suppliers.core.comparing import utc
from suppliers.core.limiter import RateLimits
from suppliers.core.offers import read_model, read_quote
from suppliers.core.pointers import about, field_at
from suppliers.core.protocol import Party

RATES: Final = {"test.api.amadeus.com": Rate(1, 0.1), "api.amadeus.com": Rate(40, 1)}
"""How fast each host may be asked: the test system 10 times a second, 100 ms apart."""
_DECIDES: Final = dt.timedelta(minutes=10)
"""How long an airline is waited for that has put a flight on its waiting list."""
_NOT_CONFIRMED: Final = "not_confirmed"


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
        self._orders = Orders(self._api)
        self._agency_phone = settings.agency_phone
        self._look_pause = dt.timedelta(seconds=0.5 if settings.is_sandbox(url) else 10)
        self.capabilities = Capabilities(
            repeats=False,
            timeout=dt.timedelta(seconds=timeout),
        )

    # -- quote ------------------------------------------------------------------------------

    @staticmethod
    def check(item: TripComponent, party: Party, agency_phone: str) -> None:
        """Refuse what the offer as it was found tells to be wrong; see the registry.

        What the airline wants to know is only told with the price.
        """
        in_trip = read_model(OfferInTrip, item, provider=NAME, operation="quote")
        order_people(party, in_trip, Requirements(), agency_phone, "quote")

    async def quote(self, item: TripComponent, party: Party) -> Quote:
        """Price the flights, with their fare rules; see the protocol."""
        in_trip = read_model(OfferInTrip, item, provider=NAME, operation="quote")
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
        verify_pricing(item, in_trip, offer, price, answer)
        people = order_people(party, offer, pricing.requirements, self._agency_phone, "quote")
        priced = PricedOffer(
            flight_offer=(answer.body or {})["data"]["flightOffers"][0],
            provider=pricing.airline,
            requirements=pricing.requirements,
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
            # DELAY_TO_CANCEL: an order is free to undo until it is ticketed.
            holdable=not offer.instant_ticketing_required,
            warnings=people.warnings,
            # In a thread, because the first one reads all airports of the world.
            legs=await asyncio.to_thread(pricing.legs),
        )

    # -- book -------------------------------------------------------------------------------

    async def book(
        self,
        item: TripComponent,  # noqa: ARG002 - the quote carries the priced offer
        quote: Quote,
        party: Party,
        reference: str,
    ) -> Reservation:
        """Order the priced flights, as a hold where they can be held; see the protocol.

        Asked once, never repeated. What the airline does not confirm at once is PENDING, never
        gone: there is an order, and undoing it deletes it.
        """
        priced = read_quote(PricedOffer, quote, provider=NAME)
        offer = priced.offer
        people = order_people(party, offer, priced.requirements, self._agency_phone, "book")
        remark = f"TRIP {reference}"
        body = {
            "data": {
                "type": "flight-order",
                "flightOffers": [priced.flight_offer],
                "travelers": people.travelers,
                "remarks": {"general": [{"subType": "GENERAL_MISCELLANEOUS", "text": remark}]},
                "ticketingAgreement": (
                    {"option": "CONFIRM"}
                    if offer.instant_ticketing_required
                    else {"option": "DELAY_TO_CANCEL", "delay": f"{HOLD_DAYS}D"}
                ),
                "contacts": people.contacts,
            }
        }
        answer = await self._api.call(
            lambda client: client.post("/v1/booking/flight-orders", body),
            operation="book",
            changes=True,
        )
        if answer.status != 201:
            pointer = next((issue.pointer for issue in answer.issues), None)
            raise about(failure(answer), field_at(pointer, party, people.order, FIELDS))
        order = answer.parse(OrderAnswer).data
        verify_order(order, offer, quote.price, people.travelers, remark, answer)
        made = Reservation(
            reference=reference,
            supplier_id=order.id,
            confirmation_code=order.pnr or "",
            pnr=order.pnr,
            provider=priced.provider,
            price=quote.price,
            details=_facts(order),
        )
        if order.not_confirmed:
            now = dt.datetime.now(dt.UTC)
            decided = now + _DECIDES if order.undecided else now
            return made.model_copy(
                update={
                    "status": ReservationStatus.PENDING,
                    "settles_by": decided,
                    "look_after": min(decided, now + self._look_pause),
                }
            )
        return made

    # -- look -------------------------------------------------------------------------------

    async def look(self, reservation: Reservation) -> Reservation:
        """Show an order by its id; see the protocol.

        CANCELLED only if the order itself says so of all its flights, PENDING if it does not
        stand as it was booked. Its times are local, without a zone, and told in ``details``: no
        moments to compare with.
        """
        order, answer = await self._orders.show(reservation, "find")
        waiting = order.status is ReservationStatus.PENDING
        told = {k: v for k, v in reservation.details.items() if k != _NOT_CONFIRMED}
        try:
            price = price_of(order.offer, answer)
        except ProviderError:
            price = reservation.price  # as it was booked
        return reservation.model_copy(
            update={
                "status": order.status,
                "pnr": order.pnr or reservation.pnr,
                "confirmation_code": order.pnr or reservation.confirmation_code,
                "price": price,
                "look_after": dt.datetime.now(dt.UTC) + self._look_pause if waiting else None,
                "details": {**told, **_facts(order)},
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
        """Delete the order; see the protocol. Amadeus takes no key, and names no fee.

        That it is not found is no proof that it is gone: then it is read, and counts as cancelled
        if it says so itself.
        """
        order_id = in_path(reservation.supplier_id, "cancel")
        if reservation.details.get(FOUND_BY_HAND) and not await self._orders.is_ours(reservation):
            raise NotCancellable(
                f"Amadeus order {reservation.supplier_id} does not carry our reference"
                f" {reservation.reference}: it is another booking's, or there is none",
                provider=NAME,
                operation="cancel",
            )
        answer = await self._api.call(
            lambda client: client.booking.flight_order(order_id).delete(),
            operation="cancel",
            changes=True,
        )
        if answer.status == 204:
            return Cancellation()
        if answer.finds_nothing:
            order, _ = await self._orders.show(reservation, "cancel")
            if order.status is ReservationStatus.CANCELLED:
                return Cancellation(already=True)
            raise answer.failure(
                NotCancellable,
                f"Amadeus shows order {reservation.supplier_id} (PNR {reservation.pnr}) and does"
                " not find it when it is to be cancelled; cancel it in the back office",
                code=answer.issues[0].code,
            )
        if answer.status == 400 and answer.issues:
            raise answer.failure(
                NotCancellable,
                f"Amadeus does not cancel order {reservation.pnr}: {answer.issues[0].text}",
                code=answer.issues[0].code,
            )
        raise failure(answer)

    async def close(self) -> None:
        """Start no calls any more."""
        self._api.close()


def _facts(order: Order) -> dict[str, Any]:
    """Return what is worth keeping beside the reservation; local times as they were told."""
    facts = {
        "flights": str(order.offer),
        "departs": order.offer.departs.isoformat(),
        "arrives": order.offer.arrives.isoformat(),
        "held_until": order.cancelled_at,
        "ticketed": order.ticketed or None,
        _NOT_CONFIRMED: order.not_confirmed or None,
    }
    return {name: value for name, value in facts.items() if value is not None}
