"""Flights: Duffel API v2 (providers.md §7).

An offer that can be held is ordered as a hold: nothing is owed before it is paid, which happens
after the traveller's money was taken, because what is paid may not come back. Other offers are
paid from our balance at once. Our reference travels in the order's metadata; ``find`` lists orders,
newest first, and matches it.

Duffel has no idempotency header, and warns that repeating an order after a 5xx may make a second
one. That an offer request can be booked once (``offer_request_already_booked``) is not promised for
every airline, so an unanswered order is looked up for longer than an airline takes to answer
(documented: up to 120 s), and never repeated. What shows up later is undone.

200 and 202 instead of 201 mean that the order is being made; it shows up later, or an event
``order.creation_failed`` says that it never will. Such a reservation is PENDING, and is known by
its offer until it has an order's id.
"""

import datetime as dt
from typing import Any, Final

from models.core.errors import (
    OTHER_THAN_ASKED,
    Duplicate,
    PriceChanged,
    ProviderError,
    Retryable,
    Unavailable,
)
from models.core.money import Money
from models.core.paths import segment
from models.core.supply import (
    GONE,
    Cancellation,
    CancelQuote,
    Capabilities,
    Quote,
    Reservation,
    ReservationStatus,
    TripComponent,
)
from settings import Settings
from suppliers.core.answers import JsonAnswer
from suppliers.core.http import JsonClient
from suppliers.core.limiter import RateLimits
from suppliers.core.pointers import about, field_at
from suppliers.core.protocol import Party
from suppliers.duffel import requests
from suppliers.duffel.cancellation import Cancelling
from suppliers.duffel.errors import failure, pointer_of, with_request_id
from suppliers.duffel.lookup import Lookup, reservation_of
from suppliers.duffel.orders import Order, OrderAnswer
from suppliers.duffel.payment import Paying
from suppliers.duffel.responses import Offer, OfferAnswer
from suppliers.duffel.unsettled import accepted, other_than_asked
from suppliers.duffel.verification import differences, verify_offer

NAME: Final = requests.NAME
_VERSION: Final = "v2"
_AIRLINES_ANSWER: Final = dt.timedelta(seconds=150)
"""Airlines take up to 120 s (Duffel's guide on response handling)."""
_MAX_BYTES: Final = 8 * 1024 * 1024
"""A page of 50 orders of nine people each is about half of it."""


class DuffelSupplier:
    """Flights of Duffel, behind :class:`suppliers.core.protocol.Supplier`."""

    name = NAME
    completes: Final = "after_capture"

    def __init__(
        self,
        settings: Settings,
        *,
        agency_phone: str | None = None,
        limits: RateLimits | None = None,
    ) -> None:
        """Make the adapter.

        Args:
            settings: address, credentials and patience.
            agency_phone: given to airlines for travellers who gave no number.
            limits: keep the rates and pauses of suppliers over all processes.
        """
        url = settings.supplier_url(NAME)
        timeout = settings.supplier_timeout(NAME)
        token = settings.supplier(NAME).api_key.get_secret_value()
        self._agency_phone = settings.agency_phone if agency_phone is None else agency_phone
        self._http = JsonClient(
            provider=NAME,
            base_url=url,
            headers={
                "Authorization": f"Bearer {token or 'duffel_test_sandbox'}",
                "Duffel-Version": _VERSION,
                "Accept": "application/json",
            },
            timeout=timeout,
            limits=limits,
            max_bytes=_MAX_BYTES,
        )
        self._lookup = Lookup(self._call)
        self._paying = Paying(self._call, self._lookup)
        self._cancelling = Cancelling(self._call, self._lookup)
        sandbox = settings.is_sandbox(url)
        self._look_pause = dt.timedelta(seconds=0.5 if sandbox else 10)
        self.capabilities = Capabilities(
            repeats=False,
            repeat_after=dt.timedelta(0) if sandbox else _AIRLINES_ANSWER,
            timeout=dt.timedelta(seconds=timeout),
        )

    # -- quote ------------------------------------------------------------------------------

    @staticmethod
    def check(item: TripComponent, party: Party, agency_phone: str) -> None:
        """Refuse what the offer as it was found tells to be wrong; see the registry."""
        in_trip = requests.read_offer(item, "quote")
        requests.order_people(requests.Priced.of(in_trip), party, agency_phone, "quote")

    async def quote(self, item: TripComponent, party: Party) -> Quote:
        """Price the offer again, and compare it with the trip's; see the protocol."""
        in_trip = requests.read_offer(item, "quote")
        offer, answer = await self._offer(in_trip.id, "quote")
        verify_offer(item, in_trip, offer, answer)
        price, priced = offer.price(answer), requests.Priced.of(offer)
        people = requests.order_people(priced, party, self._agency_phone, "quote")
        return Quote(
            price=price,
            terms=offer.terms(price, offer.departs or item.starts_at),
            title=str(offer),
            warnings=people.warnings,
            expires_at=offer.expires_at,
            offer=priced.model_dump(mode="json"),
            holdable=priced.hold,
            legs=offer.legs,
        )

    async def _offer(self, offer_id: str, operation: str) -> tuple[Offer, JsonAnswer]:
        answer = await self._call(
            "GET",
            f"/air/offers/{segment(offer_id, provider=NAME, operation=operation)}"
            "?return_available_services=false",
            operation,
        )
        if not answer.ok:
            raise failure(answer)
        return answer.parse(OfferAnswer).data, answer

    # -- book -------------------------------------------------------------------------------

    async def book(
        self, item: TripComponent, quote: Quote, party: Party, reference: str
    ) -> Reservation:
        """Order the priced offer, as a hold or paid at once; see the protocol."""
        priced = requests.read_quote(quote)
        if requests.read_offer(item, "book").id != priced.offer_id:
            raise requests.invalid("the quote is of another offer than the trip's", "book")
        people = requests.order_people(priced, party, self._agency_phone, "book")
        body = requests.order(priced, quote.price, people, reference)
        answer = await self._call("POST", "/air/orders", "book", changes=True, body=body)
        if not answer.ok:
            field = field_at(pointer_of(answer), party, people.order, requests.FIELDS)
            raise await self._not_booked(about(failure(answer), field), priced, reference)
        if answer.status in (200, 202):
            return accepted(priced, quote, reference, self._look_pause)
        order = answer.parse(OrderAnswer).data
        if wrong := differences(order, priced, quote.price, body, reference, answer):
            return other_than_asked(order, priced, quote, reference, wrong)
        return reservation_of(order, reference, answer)

    async def _not_booked(
        self, error: ProviderError, priced: requests.Priced, reference: str
    ) -> ProviderError:
        """Return what a refusal means, after a look at what it is about; that may fail."""
        try:
            if isinstance(error, PriceChanged):
                offer, answer = await self._offer(priced.offer_id, "book")
                error.new_price = offer.price(answer)
            elif isinstance(error, Duplicate):
                others = await self._lookup.on_offer(priced.offer_id, "book")
                if others and all(order.reference != reference for order, _ in others):
                    return Unavailable(
                        "this offer has been booked under another reference",
                        provider=NAME,
                        operation="book",
                        code=error.code,
                        status=error.status,
                        request_id=error.request_id,
                    )
        except ProviderError:
            return error
        return error

    # -- look-ups ---------------------------------------------------------------------------

    async def find(self, reference: str, *, since: dt.datetime) -> Reservation | None:
        """Match our reference among the orders made since; see the protocol.

        An order can appear late: "not found" counts only after a settling period.
        """
        return await self._lookup.by_reference(reference, since, "find")

    async def look(self, reservation: Reservation) -> Reservation:
        """Return an order as Duffel has it now; see the protocol."""
        seen = await self._seen(reservation, "find")
        if isinstance(seen, ReservationStatus):
            waiting = seen is ReservationStatus.PENDING
            later = dt.datetime.now(dt.UTC) + self._look_pause if waiting else None
            return reservation.model_copy(update={"status": seen, "look_after": later})
        shown = reservation_of(seen[0], reservation.reference, seen[1], reservation)
        if OTHER_THAN_ASKED in reservation.details and shown.status not in GONE:
            return reservation
        return shown

    async def _seen(
        self, reservation: Reservation, operation: str
    ) -> tuple[Order, JsonAnswer] | ReservationStatus:
        """Return the order; or PENDING or REJECTED while there is none."""
        if not reservation.supplier_id.startswith("off_"):
            return await self._lookup.order(reservation.supplier_id, operation)
        return await self._lookup.accepted(reservation, operation)

    async def _known(
        self, reservation: Reservation, operation: str
    ) -> tuple[Order, JsonAnswer] | None:
        """Return the order; None when it was never made.

        Raises:
            Retryable: it is being made.
        """
        seen = await self._seen(reservation, operation)
        if seen is ReservationStatus.REJECTED:
            return None
        if isinstance(seen, ReservationStatus):
            raise Retryable(
                "the order is being made and cannot be seen yet", provider=NAME, operation=operation
            )
        return seen

    # -- complete ---------------------------------------------------------------------------

    async def complete(
        self,
        reservation: Reservation,
        quote: Quote,
        party: Party,  # noqa: ARG002
        key: str,  # noqa: ARG002
    ) -> Reservation:
        """Pay a held order from our balance; see the protocol. Duffel takes no key."""
        if reservation.supplier_id.startswith("off_"):
            seen = await self._known(reservation, "complete")
            if seen is None:
                raise Unavailable("the order was never made", provider=NAME, operation="complete")
            reservation = reservation_of(seen[0], reservation.reference, seen[1])
        return await self._paying.pay(reservation, quote.price)

    async def _order_id(self, reservation: Reservation, operation: str) -> str | None:
        if not reservation.supplier_id.startswith("off_"):
            return reservation.supplier_id
        seen = await self._known(reservation, operation)
        return None if seen is None else seen[0].id

    # -- cancel -----------------------------------------------------------------------------

    async def cancel_quote(self, reservation: Reservation) -> CancelQuote:
        """Ask for a cancellation without confirming it; see the protocol."""
        order_id = await self._order_id(reservation, "cancel")
        if order_id is None:
            return CancelQuote(fee=Money(amount=0, currency=reservation.price.currency))
        return await self._cancelling.quote(order_id, reservation.price)

    async def cancel(self, reservation: Reservation, key: str) -> Cancellation:  # noqa: ARG002
        """Ask for a cancellation and confirm it; see the protocol. Duffel takes no key."""
        order_id = await self._order_id(reservation, "cancel")
        if order_id is None:
            return Cancellation(already=True)
        return await self._cancelling.cancel(order_id, reservation.price)

    # -- the wire ---------------------------------------------------------------------------

    async def _call(
        self,
        method: str,
        path: str,
        operation: str,
        *,
        changes: bool = False,
        body: dict[str, Any] | None = None,
    ) -> JsonAnswer:
        answer = await self._http.call(
            method,
            path,
            operation=operation,
            changes=changes,
            body=None if body is None else {"data": body},
        )
        return answer if answer.ok else with_request_id(answer)

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()
