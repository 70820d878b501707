"""Experiences: GetYourGuide Partner API 1 (providers.md §6).

A booking is made in two steps: ``POST /bookings`` puts a temporary one into a cart of its own and
holds its places for a while; ``POST /carts`` confirms the cart, and from there on it costs. There
is no idempotency key and no look-up by our reference. An unanswered first step leaves at most a
temporary booking that deletes itself; an unanswered second one is looked up by the booking's hash.

What is not free-sale is ``unconfirmed`` for up to 48 hours. The partner pays by collective bill
(``master_bill``): no card number exists anywhere.
"""

import datetime as dt
from typing import Any, Final

from models.core.errors import (
    NotCancellable,
    PriceChanged,
    ProviderError,
    Refusal,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.supply import (
    Cancellation,
    CancelQuote,
    Capabilities,
    Quote,
    Reservation,
    ReservationStatus,
    TripComponent,
)
from settings import Settings
from suppliers.core import legs
from suppliers.core.answers import JsonAnswer
from suppliers.core.bands import bands_of
from suppliers.core.comparing import utc
from suppliers.core.http import JsonClient
from suppliers.core.limiter import RateLimits
from suppliers.core.offers import invalid
from suppliers.core.protocol import Party
from suppliers.core.travelers import Reached
from suppliers.getyourguide import errors, requests, responses, standing
from suppliers.getyourguide.bookings import Bookings, path_of
from suppliers.getyourguide.quotes import Shop, asked_in

NAME: Final = requests.NAME


class GetYourGuideSupplier:
    """Experiences of GetYourGuide, behind :class:`suppliers.core.protocol.Supplier`."""

    name = NAME
    completes: Final = "before_capture"

    def __init__(self, settings: Settings, *, limits: RateLimits | None = None) -> None:
        timeout = settings.supplier_timeout(NAME)
        account = settings.supplier(NAME)
        self._agency_phone = settings.agency_phone
        self._http = JsonClient(
            provider=NAME,
            base_url=settings.supplier_url(NAME),
            headers={
                "X-ACCESS-TOKEN": account.api_key.get_secret_value() or "sandbox",
                "Accept": "application/json",
            },
            timeout=timeout,
            limits=limits,
        )
        self._shop = Shop(self._http)
        self._bookings = Bookings(self._http)
        self.capabilities = Capabilities(
            repeats=True,
            lapses=True,
            timeout=dt.timedelta(seconds=timeout),
        )

    # -- quote ------------------------------------------------------------------------------

    @staticmethod
    def check(
        item: TripComponent, party: Party, agency_phone: str
    ) -> tuple[requests.Outing, Reached]:
        """Refuse what the offer as it was found tells to be wrong; see the registry."""
        outing = requests.read_offer(item, party, "quote")
        return outing, requests.reached(party, agency_phone, "quote")

    async def quote(self, item: TripComponent, party: Party) -> Quote:
        """Verify tour, option and day, and price the start; see the protocol. Nothing is held."""
        outing, reached = self.check(item, party, self._agency_phone)
        verified = await self._shop.verify(outing)
        price, categories, bands = await self._shop.price(outing, "quote")
        day = outing.datetime.date()
        try:
            seats = bands_of([traveler.age_on(day) for traveler in party.travelers], bands)
        except ValueError as error:
            raise invalid(NAME, "quote", f"{outing.title}: {error}", "travelers") from error
        starts_at = utc(item.starts_at)
        asked = requests.Asked(
            option_id=outing.option_id,
            datetime=outing.datetime,
            categories=categories,
            questions=verified.option.mandatory(),
            language=verified.option.language(),
            free_sale=verified.option.free_sale or False,
            country=outing.country,
            policy=verified.policy,
            starts_at=starts_at,
            seats=tuple(seats),
        )
        requests.check_questions(asked, party)
        return Quote(
            price=price,
            terms=self._shop.terms(verified, starts_at, price),
            title=f"{verified.title}, {outing.datetime:%-d %b %Y %H:%M}",
            warnings=reached.warnings,
            offer=asked.model_dump(mode="json"),
            holdable=True,
            legs=legs.experience(
                verified.title,
                "GetYourGuide",
                outing.datetime,
                zone=None,
                lasts=verified.option.lasts,
                meeting_point=verified.option.meeting_point,
                pick_up=verified.option.pick_up,
            ),
        )

    # -- book -------------------------------------------------------------------------------

    async def book(
        self, item: TripComponent, quote: Quote, party: Party, reference: str
    ) -> Reservation:
        """Put it into a cart of its own, where it is held for a while; see the protocol."""
        outing = requests.read_offer(item, party, "book")
        asked = requests.read_quote(quote, "book")
        requests.reached(party, self._agency_phone, "book")
        body = requests.booking(asked, quote.price, party, reference)
        answer = await self._call("POST", "/bookings", "book", body=body, changes=True)
        if errors.refused(answer):
            raise await self._why_not(answer, outing, quote.price)
        held = errors.expect_ok(answer).parse(responses.Held).data.bookings
        return Reservation(
            reference=reference,
            supplier_id=held.booking_hash,
            confirmation_code=held.booking_hash,
            provider="GetYourGuide",
            price=quote.price,
            status=ReservationStatus.HELD,
            held_until=held.reservation_expires_at.astimezone(dt.UTC),
            details={
                "shopping_cart_hash": held.shopping_cart_hash,
                "free_sale": asked.free_sale,
                "policy": asked.policy.model_dump(mode="json"),
            },
        )

    async def _why_not(
        self, answer: JsonAnswer, outing: requests.Outing, agreed: Money
    ) -> ProviderError:
        """Find out why nothing was held: what the error codes mean is not published."""
        code, message = errors.error_of(answer)
        try:
            price, *_ = await self._shop.price(outing, "book")
        except Refusal as refusal:
            return refusal
        except ProviderError:
            price = agreed
        if price != agreed:
            return answer.failure(
                PriceChanged,
                f"{outing.title} now costs {price}, not {agreed}",
                code=code,
                new_price=price,
            )
        return answer.failure(Unavailable, message, code=code)

    # -- complete ---------------------------------------------------------------------------

    async def complete(
        self,
        reservation: Reservation,
        quote: Quote,
        party: Party,
        key: str,  # noqa: ARG002
    ) -> Reservation:
        """Confirm the cart, after a look at what is in it; see the protocol.

        One that is confirmed already is returned as it is: repeating it is safe.
        """
        asked = requests.read_quote(quote, "complete")
        phone = requests.reached(party, self._agency_phone, "complete").written
        answer, seen = await self._bookings.seen(reservation, "complete")
        if seen is None or seen.gone:
            raise _lapsed(answer, seen)
        if seen.booking_status != "temp":
            return standing.as_asked(answer, seen, asked, quote.price, reservation)
        standing.expect_held_as_asked(answer, seen, asked, quote.price)
        cart = standing.cart_of(answer, seen, reservation)
        answer = await self._call(
            "POST",
            "/carts",
            "complete",
            body=requests.confirmation(cart, asked, quote.price, party, phone),
            changes=True,
        )
        if errors.refused(answer):
            return await self._not_confirmed(answer, reservation, asked, quote.price)
        done = errors.expect_ok(answer).parse(responses.CartConfirmed).data
        booked = standing.confirmed_in(answer, done, cart, reservation.supplier_id)
        standing.expect_paid_as_asked(answer, done, quote.price)
        return standing.as_asked(answer, booked, asked, quote.price, reservation)

    async def _not_confirmed(
        self, answer: JsonAnswer, reservation: Reservation, asked: requests.Asked, agreed: Money
    ) -> Reservation:
        """Tell what a refused confirmation left behind.

        Raises:
            Unavailable: nothing was confirmed.
            UnknownOutcome: nobody knows (now).
        """
        code, message = errors.error_of(answer)
        try:
            shown, seen = await self._bookings.seen(reservation, "complete")
        except ProviderError as error:
            raise answer.failure(UnknownOutcome, message, code=code) from error
        if seen is None or seen.gone:
            raise _lapsed(shown, seen)
        if seen.booking_status == "temp":
            raise answer.failure(Unavailable, message, code=code)
        # An earlier request had confirmed it.
        return standing.as_asked(shown, seen, asked, agreed, reservation)

    # -- look -------------------------------------------------------------------------------

    async def look(self, reservation: Reservation) -> Reservation:
        """Show a booking by its hash, and its cart while it is temporary; see the protocol."""
        answer, seen = await self._bookings.seen(reservation, "find")
        if seen is None:
            return reservation.model_copy(update={"status": ReservationStatus.CANCELLED})
        if seen.booking_status == "temp" and seen.shopping_cart_hash:
            cart, status = await self._bookings.cart(seen.shopping_cart_hash, reservation)
            if status == "invalid":
                # Nobody can confirm it any more; its places come free by themselves.
                return reservation.model_copy(update={"status": ReservationStatus.CANCELLED})
            if status != "open":
                raise cart.unsettled("the cart is being confirmed", code=status)
        return standing.taken(answer, seen, reservation)

    # -- cancel -----------------------------------------------------------------------------

    async def cancel_quote(self, reservation: Reservation) -> CancelQuote:
        """Say whether it is free now, and if not, what the policy keeps; see the protocol."""
        answer, seen = await self._bookings.seen(reservation, "find")
        return standing.cancel_quote(answer, seen, reservation, dt.datetime.now(dt.UTC))

    async def cancel(self, reservation: Reservation, key: str) -> Cancellation:  # noqa: ARG002
        """Cancel it, or take it out of its cart while it is held; see the protocol."""
        shown, seen = await self._bookings.seen(reservation, "cancel")
        if seen is None or seen.gone:
            return Cancellation(already=True)
        fee = standing.fee(shown, seen, reservation, dt.datetime.now(dt.UTC))
        path = f"{path_of(reservation, 'cancel')}?{asked_in(reservation.price.currency)}"
        answer = await self._call("DELETE", path, "cancel", changes=True)
        if errors.refused(answer):
            _, seen = await self._bookings.seen(reservation, "cancel")
            if seen is None or seen.gone:
                return Cancellation(already=True, fee=fee)
            code, message = errors.error_of(answer)
            if answer.status == 404:
                raise answer.unsettled(message, code=code)
            raise answer.failure(NotCancellable, message, code=code)
        done = errors.expect_ok(answer).parse(responses.Deleted).data.bookings
        if done.booking_hash != reservation.supplier_id or done.booking_status in (
            "temp",
            "unconfirmed",
            "confirmed",
        ):
            raise answer.unsettled(
                f"{done.booking_hash} is {done.booking_status} after it was cancelled"
            )
        return Cancellation(fee=fee)

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def _call(
        self, method: str, path: str, operation: str, *, body: Any = None, changes: bool = False
    ) -> JsonAnswer:
        return await self._http.call(method, path, operation=operation, changes=changes, body=body)


def _lapsed(answer: JsonAnswer, seen: responses.Booking | None) -> Unavailable:
    status = seen.booking_status if seen else "unknown"
    return answer.failure(Unavailable, "the reservation was not kept any longer", code=status)
