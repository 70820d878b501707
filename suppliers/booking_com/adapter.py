"""Hotels: Booking.com Demand API 3.2 (providers.md §4).

A quote is a preview: its order token holds price and terms for 15 minutes and orders exactly what
was previewed. Our reference travels as ``accommodation.label``; there is no look-up by it, so
``find`` lists the orders created since the attempt and matches labels.

Repeating ``book`` relies on the token working once (†, providers.md §4): the second order with one
token is refused as ``duplicate_request``. Where the token has expired meanwhile, the label is
looked up before another token is used. Both come after the settling period of the saga's own
look-ups.

The agency pays: ``payment.method`` is ``airplus``, which Booking.com bills to the agency's AirPlus
account by invoice. The traveller pays us, not the hotel, and no card number exists anywhere.
"""

import datetime as dt
from typing import Any, Final
from urllib.parse import urlsplit

from models.core.errors import (
    AuthConfig,
    Declined,
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    ProviderError,
    Refusal,
    Retryable,
    Unavailable,
)
from models.core.money import Money
from models.core.supply import (
    Cancellation,
    CancelQuote,
    Capabilities,
    Quote,
    Reservation,
    TripComponent,
)
from models.suppliers.rate_limits import Rate
from settings import Settings
from suppliers.booking_com import requests as ours
from suppliers.booking_com import responses as said
from suppliers.core.http import JsonAnswer, JsonClient
from suppliers.core.limiter import RateLimits
from suppliers.core.protocol import Party

NAME: Final = "booking_com"
_TOKEN_LIFE: Final = dt.timedelta(minutes=15)
_WEEK: Final = dt.timedelta(days=7)
_CLOCK_SKEW: Final = dt.timedelta(minutes=5)
_MAX_PAGES: Final = 50
_TEST_HOST: Final = "demandapi-sandbox.booking.com"
_TEST_RATE: Final = Rate(50, 60)

_BY_ERROR: Final[dict[str, type[Refusal] | type[Duplicate]]] = {
    "order_unavailable": Unavailable,
    "occupancy_mismatch": InvalidRequest,
    "duplicate_request": Duplicate,
    "missing_parameter": InvalidRequest,
    "invalid_parameter": InvalidRequest,
    "unknown_parameter": InvalidRequest,
    "conflicting_parameters": InvalidRequest,
    "malformed_request": InvalidRequest,
    "unauthorized": AuthConfig,
    "sandbox_blocked": AuthConfig,
}
"""The error table of providers.md §4, as far as the error's id decides."""

_TOKEN_GONE: Final = frozenset({"expired_token", "invalid_token"})


class _TokenGone(Exception):
    """The order token cannot be used (any more); nothing was ordered with it now."""


class BookingComSupplier:
    """Hotels of Booking.com, behind :class:`suppliers.protocol.Supplier`."""

    name = NAME

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
            agency_phone: given to hotels for travellers who gave no number; without either an
                order is refused as ``InvalidRequest``, for Booking.com insists on one.
            limits: keep the rates and pauses of suppliers over all processes.
        """
        url = settings.supplier_url(NAME)
        timeout = settings.supplier_timeout(NAME)
        account = settings.supplier(NAME)
        self._agency_phone = settings.agency_phone if agency_phone is None else agency_phone
        self._http = JsonClient(
            provider=NAME,
            base_url=url,
            headers={
                "Authorization": f"Bearer {account.api_key.get_secret_value() or 'sandbox'}",
                "X-Affiliate-Id": account.account,
                "Accept": "application/json",
            },
            timeout=timeout,
            rate=_TEST_RATE if urlsplit(url).hostname == _TEST_HOST else None,
            limits=limits,
        )
        self.capabilities = Capabilities(
            finds=True,
            repeats=True,
            quotes_cancel=True,
            # The single use of a token is not documented for sure (†): at the real one, look-ups
            # have a minute to find what the first attempt may have made.
            repeat_after=dt.timedelta(seconds=0 if settings.is_sandbox(url) else 60),
            timeout=dt.timedelta(seconds=timeout),
        )

    # -- quote ------------------------------------------------------------------------------

    async def quote(self, item: TripComponent, party: Party) -> Quote:
        """Verify the hotel and the room, and preview the order; see the protocol."""
        stay = ours.read_offer(item, party, "quote")
        ours.phone(party, self._agency_phone, "quote")
        await self._verify_hotel(stay)
        await self._verify_room(stay)
        preview = await self._preview(stay, "quote")
        return Quote(
            price=preview.price,
            terms=preview.terms,
            title=f"{stay.name}, {stay.checkin:%-d %b} – {stay.checkout:%-d %b %Y}",
            expires_at=preview.issued_at + _TOKEN_LIFE,
            offer=preview.model_dump(mode="json", include={"order_token", "timing", "issued_at"}),
        )

    async def _verify_hotel(self, stay: ours.Stay) -> None:
        answer = await self._read(
            "/accommodations/details",
            {"accommodations": [stay.accommodation], "languages": ["en-gb"]},
            "quote",
        )
        hotels = answer.parse(said.Hotels).data
        hotel = next((hotel for hotel in hotels if hotel.id == stay.accommodation), None)
        if hotel is None:
            raise answer.failure(Unavailable, f"{stay.name} is not sold by Booking.com")
        names = {name.casefold() for name in hotel.name.values()}
        if stay.name.casefold() not in names:
            raise answer.failure(
                Unavailable, f"the hotel is {min(hotel.name.values(), default='')}, not {stay.name}"
            )

    async def _verify_room(self, stay: ours.Stay) -> None:
        answer = await self._read(
            "/accommodations/availability",
            {
                "accommodation": stay.accommodation,
                "booker": stay.booker,
                "checkin": stay.checkin.isoformat(),
                "checkout": stay.checkout.isoformat(),
                "guests": {"number_of_adults": stay.adults, "number_of_rooms": 1},
                "currency": stay.currency,
            },
            "quote",
        )
        found = answer.parse(said.Availability).data
        if found.id != stay.accommodation or stay.product not in {p.id for p in found.products}:
            raise answer.failure(Unavailable, f"{stay.name} has no such room left on these nights")

    async def _preview(self, stay: ours.Stay, operation: str) -> ours.Priced:
        asked_at = dt.datetime.now(dt.UTC)
        answer = await self._read(
            "/orders/preview",
            {
                "booker": stay.booker,
                "currency": stay.currency,
                "accommodation": {
                    "id": stay.accommodation,
                    "checkin": stay.checkin.isoformat(),
                    "checkout": stay.checkout.isoformat(),
                    "products": [
                        {"id": stay.product, "allocation": {"number_of_adults": stay.adults}}
                    ],
                },
            },
            operation,
        )
        return answer.parse(said.Preview).data.priced(answer, stay, asked_at)

    # -- book -------------------------------------------------------------------------------

    async def book(
        self, item: TripComponent, quote: Quote, party: Party, reference: str
    ) -> Reservation:
        """Order what was previewed, under our label; see the protocol."""
        stay = ours.read_offer(item, party, "book")
        priced = ours.read_quote(quote, stay)
        try:
            return await self._create(stay, priced, party, reference)
        except _TokenGone:
            # An earlier attempt may have used the old token: a new one could order a second time.
            if await self._matching(reference, priced.issued_at, "book"):
                raise Duplicate(
                    "our label is on an order already", provider=NAME, operation="book"
                ) from None
        fresh = await self._preview(stay, "book")
        if fresh.price != quote.price:
            raise PriceChanged(
                f"{stay.name} now costs {fresh.price}, not {quote.price}",
                new_price=fresh.price,
                provider=NAME,
                operation="book",
            )
        if not ours.as_lenient(fresh.terms, quote.terms, quote.price, fresh.issued_at):
            raise Unavailable(
                f"{stay.name} now has stricter cancellation terms", provider=NAME, operation="book"
            )
        try:
            return await self._create(stay, fresh, party, reference)
        except _TokenGone as error:
            raise Retryable(
                "a fresh order token was refused", provider=NAME, operation="book"
            ) from error

    async def _create(
        self, stay: ours.Stay, priced: ours.Priced, party: Party, reference: str
    ) -> Reservation:
        answer = await self._http.call(
            "POST",
            "/orders/create",
            operation="book",
            changes=True,
            body=ours.order(stay, priced, party, reference, self._agency_phone),
        )
        if not answer.ok:
            if said.error_of(answer)[0] in _TOKEN_GONE:
                raise _TokenGone
            raise _failure(answer)
        made = answer.parse(said.Created).data
        return Reservation(
            reference=reference,
            supplier_id=made.order,
            confirmation_code=made.accommodation.reservation,
            provider=stay.name,
            price=priced.price,
            details={
                "pincode": made.accommodation.pincode,
                "checkin": stay.checkin.isoformat(),
                "checkout": stay.checkout.isoformat(),
            },
        )

    # -- find -------------------------------------------------------------------------------

    async def find(self, reference: str, *, since: dt.datetime) -> Reservation | None:
        """Match our label among the orders created since; see the protocol.

        Orders appear with some delay: "not found" counts only after a settling period.
        """
        ids = await self._matching(reference, since, "find")
        if not ids:
            return None
        answer, orders = await self._orders(ids, "find")
        orders.sort(key=lambda order: not order.live(answer))
        if not orders or orders[0].label not in (None, reference):
            raise answer.unsettled("the orders listed under our label cannot be shown")
        found = orders[0].reservation_under(reference, answer)
        others = [order.id for order in orders[1:] if order.live(answer)]
        if others:
            # Never expected; an operator must see it rather than the first of them alone.
            found = found.model_copy(update={"details": {**found.details, "also_live": others}})
        return found

    async def _matching(self, reference: str, since: dt.datetime, operation: str) -> list[str]:
        start, now = since - _CLOCK_SKEW, dt.datetime.now(dt.UTC)
        found: list[str] = []
        while start < now:
            end = min(start + _WEEK, now + _CLOCK_SKEW)
            page: str | None = None
            for _ in range(_MAX_PAGES):
                answer = await self._read(
                    "/orders/details",
                    {
                        "created": {"from": start.isoformat(), "to": end.isoformat()},
                        # Required, and converts the listed prices: those are not used.
                        "currency": "EUR",
                        "services": ["accommodations"],
                        "maximum_results": 100,
                        **({"page": page} if page else {}),
                    },
                    operation,
                )
                listed = answer.parse(said.OrderList)
                found += [order.id for order in listed.data if order.label == reference]
                page = listed.metadata.next_page
                if page is None:
                    break
            else:
                raise answer.failure(Retryable, "the list of orders does not end")
            start = end
        return found

    async def _orders(
        self, ids: list[str], operation: str
    ) -> tuple[JsonAnswer, list[said.OrderDetail]]:
        answer = await self._read(
            "/orders/details/accommodations",
            {"orders": ids, "extras": ["accommodation_details", "policies"]},
            operation,
        )
        return answer, [o for o in answer.parse(said.OrderDetails).data if o.id in ids]

    # -- look -------------------------------------------------------------------------------

    async def look(self, reservation: Reservation) -> Reservation:
        """Show an order by its id; see the protocol.

        Check-in and check-out are days, told in ``details``: no moments that could be compared.
        """
        answer, order = await self._known(reservation)
        seen = order.reservation_under(reservation.reference, answer)
        return seen.model_copy(update={"details": {**reservation.details, **seen.details}})

    async def complete(
        self,
        reservation: Reservation,
        quote: Quote,  # noqa: ARG002
        party: Party,  # noqa: ARG002
        key: str,  # noqa: ARG002
    ) -> Reservation:
        """Orders are never held: return what there is."""
        return await self.look(reservation)

    async def cancel_quote(self, reservation: Reservation) -> CancelQuote:
        """Read the fee of the moment from the policies of the order; see the protocol."""
        answer, order = await self._known(reservation)
        return order.cancel_quote(answer, dt.datetime.now(dt.UTC))

    async def _known(self, reservation: Reservation) -> tuple[JsonAnswer, said.OrderDetail]:
        answer, orders = await self._orders([reservation.supplier_id], "find")
        if not orders or orders[0].label not in (None, reservation.reference):
            raise answer.unsettled(f"order {reservation.supplier_id} is not shown as ours")
        return answer, orders[0]

    # -- cancel -----------------------------------------------------------------------------

    async def cancel(self, reservation: Reservation, key: str) -> Cancellation:  # noqa: ARG002
        """Cancel an order; see the protocol. There is no idempotency key: 409 tells instead."""
        order = reservation.supplier_id
        answer = await self._http.call(
            "POST",
            "/orders/cancel",
            operation="cancel",
            changes=True,
            body={"order": order, "reason": "The trip was cancelled."},
        )
        if answer.status == 409:
            shown = await self._shown(order)
            if shown is None or shown[1].live(shown[0]):
                raise answer.failure(
                    NotCancellable,
                    f"{reservation.provider} does not cancel the reservation any more",
                    code=said.error_of(answer)[0],
                )
            return Cancellation(already=True, fee=shown[1].fee(shown[0]))
        if answer.status == 404:
            raise answer.failure(InvalidRequest, f"Booking.com knows no order {order}")
        if not answer.ok:
            raise _failure(answer)
        answer.parse(said.Cancelled)
        return Cancellation(fee=await self._fee(order))

    async def _shown(self, order: str) -> tuple[JsonAnswer, said.OrderDetail] | None:
        answer, orders = await self._orders([order], "cancel")
        return (answer, orders[0]) if orders else None

    async def _fee(self, order: str) -> Money | None:
        # The cancellation stands whatever this read says: without it the terms decide the fee.
        try:
            shown = await self._shown(order)
            return shown[1].fee(shown[0]) if shown else None
        except ProviderError:
            return None

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def _read(self, path: str, body: dict[str, Any], operation: str) -> JsonAnswer:
        answer = await self._http.call("POST", path, operation=operation, changes=False, body=body)
        if not answer.ok:
            raise _failure(answer)
        return answer


def _failure(answer: JsonAnswer) -> ProviderError:
    """Classify an error answer by the table of providers.md §4."""
    code, message = said.error_of(answer)
    if code.startswith("payment_refused"):
        return answer.failure(Declined, message, code=code)
    if answer.status < 500 and code in _BY_ERROR:
        return answer.failure(_BY_ERROR[code], message, code=code)
    if answer.status == 404 and not answer.changes:
        return answer.failure(Unavailable, message, code=code or None)
    return answer.by_status(message, code=code or None)
