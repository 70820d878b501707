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
from typing import Final
from urllib.parse import urlsplit

from models.core.errors import (
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    ProviderError,
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
from suppliers.booking_com import errors, requests
from suppliers.booking_com.orders import Cancelled, Created, OrderDetail
from suppliers.booking_com.reads import Reads
from suppliers.core.answers import JsonAnswer
from suppliers.core.comparing import as_lenient
from suppliers.core.http import JsonClient
from suppliers.core.limiter import RateLimits
from suppliers.core.protocol import Party
from suppliers.core.travelers import Reached

NAME: Final = "booking_com"
_TOKEN_LIFE: Final = dt.timedelta(minutes=15)
_TEST_HOST: Final = "demandapi-sandbox.booking.com"
_TEST_RATE: Final = Rate(50, 60)


_NEW: Final = dt.timedelta(minutes=20)
"""How long after its creation an order may not be cancellable yet ("a few minutes")."""
_NEW_ORDER_PAUSE: Final = dt.timedelta(minutes=2)


class _TokenGone(Exception):
    """The order token cannot be used (any more); nothing was ordered with it now."""


class BookingComSupplier:
    """Hotels of Booking.com, behind :class:`suppliers.core.protocol.Supplier`."""

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
        self._reads = Reads(self._http)
        self.capabilities = Capabilities(
            repeats=True,
            # The single use of a token is not documented for sure (†): at the real one, look-ups
            # have a minute to find what the first attempt may have made.
            repeat_after=dt.timedelta(seconds=0 if settings.is_sandbox(url) else 60),
            timeout=dt.timedelta(seconds=timeout),
        )

    # -- quote ------------------------------------------------------------------------------

    @staticmethod
    def check(
        item: TripComponent, party: Party, agency_phone: str
    ) -> tuple[requests.Stay, Reached]:
        """Refuse what the offer as it was found tells to be wrong; see the registry."""
        stay = requests.read_offer(item, party, "quote")
        return stay, requests.reached(party, agency_phone, "quote")

    async def quote(self, item: TripComponent, party: Party) -> Quote:
        """Verify the hotel and the room, and preview the order; see the protocol."""
        stay, reached = self.check(item, party, self._agency_phone)
        hotel = await self._reads.verify(stay)
        needs_address = bool(hotel.booker_address_required)
        if needs_address:
            requests.address(party, stay, "quote")
        preview = await self._reads.preview(stay, "quote")
        carried = preview.model_dump(mode="json", include={"order_token", "timing", "issued_at"})
        return Quote(
            price=preview.price,
            terms=preview.terms,
            title=stay.title,
            warnings=reached.warnings,
            expires_at=preview.issued_at + _TOKEN_LIFE,
            offer={**carried, "needs_address": needs_address},
            pay_at_property=preview.pay_at_property,
            legs=hotel.legs(stay),
        )

    # -- book -------------------------------------------------------------------------------

    async def book(
        self, item: TripComponent, quote: Quote, party: Party, reference: str
    ) -> Reservation:
        """Order what was previewed, under our label; see the protocol."""
        stay = requests.read_offer(item, party, "book")
        priced, ordered = requests.read_quote(quote)
        try:
            return await self._create(stay, priced, ordered, party, reference)
        except _TokenGone:
            # An earlier attempt may have used the old token: a new one could order a second time.
            if await self._reads.labelled(reference, priced.issued_at, "book"):
                raise Duplicate(
                    "our label is on an order already", provider=NAME, operation="book"
                ) from None
        fresh = await self._reads.preview(stay, "book")
        if fresh.price != quote.price:
            raise PriceChanged(
                f"{stay.name} now costs {fresh.price}, not {quote.price}",
                new_price=fresh.price,
                provider=NAME,
                operation="book",
            )
        if not as_lenient((fresh.price, fresh.terms), (quote.price, quote.terms), fresh.issued_at):
            raise Unavailable(
                f"{stay.name} now has stricter cancellation terms", provider=NAME, operation="book"
            )
        try:
            return await self._create(stay, fresh, ordered, party, reference)
        except _TokenGone as error:
            raise Retryable(
                "a fresh order token was refused", provider=NAME, operation="book"
            ) from error

    async def _create(
        self,
        stay: requests.Stay,
        priced: requests.Priced,
        ordered: requests.Ordered,
        party: Party,
        reference: str,
    ) -> Reservation:
        began = dt.datetime.now(dt.UTC)
        answer = await self._http.call(
            "POST",
            "/orders/create",
            operation="book",
            changes=True,
            body=requests.order(
                stay,
                priced,
                party,
                reference,
                self._agency_phone,
                needs_address=ordered.needs_address,
            ),
        )
        if not answer.ok:
            if errors.error_of(answer)[0] in errors.TOKEN_GONE:
                raise _TokenGone
            raise errors.failure(answer)
        made = answer.parse(Created).data
        pincode = made.accommodation.pincode if made.accommodation else None
        return Reservation(
            reference=reference,
            supplier_id=made.order,
            confirmation_code=made.confirmation_code,
            provider=stay.name,
            price=priced.price,
            details={
                **({"pincode": pincode} if pincode else {}),
                "checkin": stay.checkin.isoformat(),
                "checkout": stay.checkout.isoformat(),
                "created": began.isoformat(),
            },
        )

    # -- find -------------------------------------------------------------------------------

    async def find(self, reference: str, *, since: dt.datetime) -> Reservation | None:
        """Match our label among the orders created since; see the protocol.

        Orders appear with some delay: "not found" counts only after a settling period.
        """
        ids = await self._reads.labelled(reference, since, "find")
        if not ids:
            return None
        answer, orders = await self._reads.orders(ids, "find")
        orders.sort(key=lambda order: not order.live)
        if not orders or orders[0].label not in (None, reference):
            raise answer.unsettled("the orders listed under our label cannot be shown")
        found = orders[0].found(reference, answer)
        others = [order.id for order in orders[1:] if order.live]
        if others:
            # Never expected; an operator must see it rather than the first of them alone.
            found = found.model_copy(update={"details": {**found.details, "also_live": others}})
        return found

    # -- look -------------------------------------------------------------------------------

    async def look(self, reservation: Reservation) -> Reservation:
        """Show an order by its id; see the protocol.

        Check-in and check-out are days, told in ``details``: no moments that could be compared.
        """
        answer, order = await self._known(reservation)
        return order.as_seen(reservation, answer)

    async def cancel_quote(self, reservation: Reservation) -> CancelQuote:
        """Read the fee of the moment from the policies of the order; see the protocol."""
        answer, order = await self._known(reservation)
        return order.cancel_quote(answer, dt.datetime.now(dt.UTC))

    async def _known(self, reservation: Reservation) -> tuple[JsonAnswer, OrderDetail]:
        answer, orders = await self._reads.orders([reservation.supplier_id], "find")
        if not orders or orders[0].label not in (None, reservation.reference):
            raise answer.unsettled(f"order {reservation.supplier_id} is not shown under our label")
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
        if answer.ok:
            # Any other word is no cancellation; repeated, the order itself tells (409).
            if not answer.parse(Cancelled).done:
                raise answer.unsettled(f"Booking.com does not say that order {order} is cancelled")
            return Cancellation(fee=await self._fee(order))
        code, message = errors.error_of(answer)
        if answer.status == 409:
            shown = await self._shown(order)
            if shown is None or shown[1].live:
                raise answer.failure(
                    NotCancellable,
                    f"{reservation.provider} does not cancel the reservation any more",
                    code=code,
                )
            return Cancellation(already=True, fee=shown[1].fee(shown[0]))
        if answer.status == 404:
            raise answer.failure(InvalidRequest, f"Booking.com knows no order {order}", code=code)
        if answer.status == 403 and code != errors.BLOCKED and _is_new(reservation):
            # "If the reservation was created recently, wait a few minutes before retrying."
            raise answer.failure(Retryable, message, code=code, retry_after=_NEW_ORDER_PAUSE)
        raise errors.failure(answer)

    async def _shown(self, order: str) -> tuple[JsonAnswer, OrderDetail] | None:
        answer, orders = await self._reads.orders([order], "cancel")
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


def _is_new(reservation: Reservation) -> bool:
    """Tell whether an order was made in the last minutes; one whose time is not known was not."""
    try:
        created = dt.datetime.fromisoformat(str(reservation.details.get("created")))
    except ValueError:
        return False
    return created.tzinfo is not None and dt.datetime.now(dt.UTC) - created < _NEW
