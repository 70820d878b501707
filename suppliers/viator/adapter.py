"""Experiences: Viator Partner API 2.0 for merchants (providers.md §5).

Our reference travels as ``partnerBookingRef``: it books once, a repeat shows what was booked, and
``/bookings/status`` finds it. The price of an item is the recommended retail price, what the
traveller pays; what Viator invoices us (``partnerTotalPrice``) is below it.

A product that its operator confirms by hand is booked ``PENDING`` for up to 72 hours.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Final

from models.core.errors import (
    Duplicate,
    InvalidRequest,
    NotCancellable,
    PriceChanged,
    Unavailable,
    UnknownOutcome,
)
from models.core.money import Money
from models.core.paths import segment
from models.core.supply import (
    Cancellation,
    CancelQuote,
    Capabilities,
    Quote,
    Reservation,
    ReservationStatus,
    SupplierChange,
    TripComponent,
)
from settings import Settings
from suppliers.core import legs
from suppliers.core.answers import JsonAnswer
from suppliers.core.bands import bands_of
from suppliers.core.comparing import expect_as_asked, other_price
from suppliers.core.http import JsonClient
from suppliers.core.limiter import RateLimits
from suppliers.core.offers import invalid
from suppliers.core.protocol import Party
from suppliers.core.travelers import Reached
from suppliers.viator import changes as viator_changes
from suppliers.viator import requests, responses, standing
from suppliers.viator.quotes import Shop

NAME: Final = "viator"
_VERSION: Final = "application/json;version=2.0"
_REASON: Final = "Customer_Service.I_canceled_my_entire_trip"


class ViatorSupplier:
    """Experiences of Viator, behind :class:`suppliers.core.protocol.Supplier`."""

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
            agency_phone: given to operators for travellers who gave no number; without either a
                booking is refused as ``InvalidRequest``, for Viator insists on one.
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
                "exp-api-key": account.api_key.get_secret_value() or "sandbox",
                "Accept": _VERSION,
                "Accept-Language": "en-US",
            },
            timeout=timeout,
            limits=limits,
            request_id_header="X-Unique-ID",
        )
        self._shop = Shop(self._http)
        self.capabilities = Capabilities(
            repeats=True,
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
        """Verify the product and price the start; see the protocol. Nothing is held yet."""
        outing, reached = self.check(item, party, self._agency_phone)
        product, starts_at, guide = await self._shop.verify(outing)
        ages = [traveler.age_on(outing.travel_date) for traveler in party.travelers]
        try:
            bands = bands_of(ages, product.bands(outing))
        except ValueError as error:
            raise invalid(NAME, "quote", f"{outing.title}: {error}", "travelers") from error
        asked = requests.Asked(
            questions=tuple(product.booking_questions or ()),
            operator=product.operator,
            guide=guide,
            bands=tuple(outing.pax_mix[number].age_band for number in bands),
        )
        requests.check_questions(outing, asked, party)
        price = await self._shop.price(outing)
        assert product.cancellation_policy is not None
        day = "%-d %b %Y %H:%M" if outing.start_time else "%-d %b %Y"
        return Quote(
            price=price,
            terms=product.cancellation_policy.terms(starts_at, price.amount),
            title=f"{product.title}, {starts_at:{day}}",
            warnings=reached.warnings,
            offer=asked.model_dump(mode="json"),
            legs=legs.experience(
                product.title,
                product.operator,
                starts_at,
                zone=product.time_zone,
                all_day=not outing.start_time,
                lasts=product.lasts,
                meeting_point=product.meeting_point,
                pick_up=product.pick_up,
            ),
        )

    # -- book -------------------------------------------------------------------------------

    async def book(
        self, item: TripComponent, quote: Quote, party: Party, reference: str
    ) -> Reservation:
        """Hold the price, compare it, book under our reference; see the protocol."""
        outing = requests.read_offer(item, party, "book")
        asked = requests.read_quote(quote)
        try:
            held = await self._shop.hold(outing, quote.price)
        except (Unavailable, PriceChanged) as refusal:
            # The last places may be gone to an earlier, unanswered attempt of our own.
            if await self.find(reference, since=dt.datetime.now(dt.UTC)) is not None:
                raise Duplicate(
                    "our reference is booked already", provider=NAME, operation="book"
                ) from refusal
            raise
        answer = await self._call(
            "POST",
            "/bookings/book",
            "book",
            body=requests.booking(outing, asked, party, held, reference, self._agency_phone),
            changes=True,
        )
        made = responses.expect_ok(answer).parse(responses.Booking)
        if made.status == "REJECTED":
            raise standing.rejection(answer, made, outing)
        if made.partner_booking_ref not in (None, reference):
            raise answer.failure(UnknownOutcome, "Viator answered about another booking")
        if made.status in ("FAILED", "ON_HOLD"):
            raise answer.failure(
                UnknownOutcome, "Viator says that booking failed", code=made.status
            )
        if made.status == "CANCELED":
            raise answer.failure(Duplicate, "our reference was booked and cancelled before")
        price = made.retail(answer, made.currency or outing.currency)
        if price is None and made.status == "CONFIRMED":
            raise answer.unsettled("Viator booked without a price", code="malformed_answer")
        other_people = made.people not in (None, outing.people)
        expect_as_asked(
            answer,
            f"Viator booked {made.booking_ref}",
            None if price is None else other_price(price, quote.price),
            f"it is for {made.people} instead of {outing.people} people" if other_people else None,
        )
        return standing.reservation(made, reference, quote.price, asked.operator)

    # -- find -------------------------------------------------------------------------------

    async def find(self, reference: str, *, since: dt.datetime) -> Reservation | None:  # noqa: ARG002
        """Ask for the status of our reference; see the protocol.

        A hold that was never booked and a rejected booking are "not there". An answer without a
        price (allowed for other than confirmed bookings) gives a reservation of 0 with
        ``details["price_stated"]`` false.
        """
        answer = await self._call(
            "POST", "/bookings/status", "find", body={"partnerBookingRef": reference}
        )
        if answer.status == 404:
            if responses.error_of(answer)[0] != "NOT_FOUND":
                raise answer.unsettled("404, but not Viator's own")
            return None
        found = responses.expect_ok(answer).parse(responses.Booking)
        if found.partner_booking_ref not in (None, reference):
            raise answer.unsettled("Viator answered about another booking")
        if found.gone and found.partner_booking_ref is None:
            raise answer.unsettled("Viator says that something is gone, and does not name it")
        if found.status in ("REJECTED", "FAILED", "ON_HOLD"):
            return None
        price = found.retail(answer, found.currency) if found.currency else None
        reservation = standing.reservation(
            found, reference, price or Money(amount=0, currency="USD"), "Viator"
        )
        if price is None:
            facts = {**reservation.details, "price_stated": False}
            return reservation.model_copy(update={"details": facts})
        return reservation

    # -- look -------------------------------------------------------------------------------

    async def look(self, reservation: Reservation) -> Reservation:
        """Ask for the status of a booking; see the protocol."""
        answer = await self._call(
            "POST", "/bookings/status", "find", body={"bookingRef": reservation.supplier_id}
        )
        if answer.status == 404:
            raise answer.unsettled(f"Viator does not know {reservation.supplier_id} (now)")
        seen = responses.expect_ok(answer).parse(responses.Booking)
        if seen.booking_ref != reservation.supplier_id or seen.partner_booking_ref not in (
            None,
            reservation.reference,
        ):
            raise answer.unsettled("Viator answered about another booking")
        if seen.status == "ON_HOLD":
            raise answer.unsettled(f"{reservation.supplier_id} is being booked", code="ON_HOLD")
        return standing.seen_now(answer, seen, reservation)

    async def changes(self, since: dt.datetime) -> list[SupplierChange]:
        """Return the events that operators caused; see the protocol."""
        return await viator_changes.listed(self._follow, since)

    async def acknowledge(self, known: Sequence[SupplierChange]) -> None:
        """Acknowledge events, which has Viator leave telling the traveller to us."""
        await viator_changes.acknowledge(self._follow, known)

    async def _follow(self, method: str, path: str, body: object) -> JsonAnswer:
        return await self._call(method, path, "find", body=body)

    # -- cancel -----------------------------------------------------------------------------

    async def cancel_quote(self, reservation: Reservation) -> CancelQuote:
        """Ask what would come back; see the protocol. What is pending costs nothing."""
        _, quote, fee = await self._refund(reservation, "find")
        reasons = {
            "CANCELLED": "the booking is cancelled already",
            "NOT_CANCELLABLE": "the experience has begun",
        }
        return CancelQuote(
            cancellable=quote.status == "CANCELLABLE",
            gone=quote.status == "CANCELLED",
            fee=fee,
            reason=reasons.get(quote.status, ""),
        )

    async def _refund(
        self, reservation: Reservation, operation: str
    ) -> tuple[JsonAnswer, responses.CancelQuote, Money | None]:
        """Return what Viator says about a cancellation, and the fee as of now."""
        path = f"{_path_of(reservation, operation)}/cancel-quote"
        answer = await self._call("GET", path, operation)
        if answer.status == 404:
            raise answer.failure(InvalidRequest, f"Viator knows no {reservation.supplier_id}")
        quote = responses.expect_ok(answer).parse(responses.CancelQuote)
        _expect_about(reservation, answer, quote.booking_id)
        fee = quote.fee(reservation.price)
        pending = reservation.status is ReservationStatus.PENDING
        if quote.status == "CANCELLABLE" and pending and await self._pending(reservation):
            # Refunds of 0 are quoted for what was not charged yet: nothing is kept either.
            fee = Money(amount=0, currency=reservation.price.currency)
        return answer, quote, fee

    async def cancel(self, reservation: Reservation, key: str) -> Cancellation:  # noqa: ARG002
        """Ask what comes back, then cancel; see the protocol. There is no idempotency key."""
        answer, quote, fee = await self._refund(reservation, "cancel")
        if quote.status == "CANCELLED":
            return Cancellation(already=True, fee=fee)
        if quote.status == "NOT_CANCELLABLE":
            raise answer.failure(NotCancellable, "the experience has begun", code="NOT_CANCELLABLE")
        answer = await self._call(
            "POST",
            f"{_path_of(reservation, 'cancel')}/cancel",
            "cancel",
            body={"reasonCode": _REASON},
            changes=True,
        )
        done = responses.expect_ok(answer).parse(responses.CancelAnswer)
        _expect_about(reservation, answer, done.booking_id)
        if done.status == "ACCEPTED":
            return Cancellation(fee=fee)
        if done.reason == "ALREADY_CANCELLED":
            return Cancellation(already=True, fee=fee)
        raise answer.failure(
            NotCancellable, f"Viator does not cancel {reservation.supplier_id}", code=done.reason
        )

    async def _pending(self, reservation: Reservation) -> bool:
        answer = await self._call(
            "POST", "/bookings/status", "cancel", body={"bookingRef": reservation.supplier_id}
        )
        seen = responses.expect_ok(answer).parse(responses.Booking)
        _expect_about(reservation, answer, seen.booking_ref)
        return seen.status in ("PENDING", "IN_PROGRESS")

    async def close(self) -> None:
        """Close connections."""
        await self._http.close()

    async def _call(
        self, method: str, path: str, operation: str, *, body: object = None, changes: bool = False
    ) -> JsonAnswer:
        return await self._http.call(method, path, operation=operation, changes=changes, body=body)


def _expect_about(reservation: Reservation, answer: JsonAnswer, booking: str) -> None:
    """Make sure that an answer names the booking that was asked about.

    Raises:
        Retryable, UnknownOutcome: it does not, so that it tells nothing.
    """
    if booking != reservation.supplier_id:
        raise answer.unsettled(f"Viator answered about {booking}, not {reservation.supplier_id}")


def _path_of(reservation: Reservation, operation: str) -> str:
    return f"/bookings/{segment(reservation.supplier_id, provider=NAME, operation=operation)}"
